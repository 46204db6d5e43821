#pragma once
// What went wrong with one HTTP transfer, as a value small enough to keep with each verification,
// and its words for the audit log. Never holds anything secret.

#include <cstdint>

#include "verify/short_text.h"

namespace sallyport::verify::notakey {

enum class FaultKind : std::uint8_t {
  none,
  http,         ///< an HTTP status that is no success; `http_status` has it
  resolve,      ///< the host name (or the proxy's) has no address
  refused,      ///< connection refused
  unreachable,  ///< no connection for another reason
  tls,          ///< no trust: handshake or certificate
  timeout,      ///< no answer in time
  cut,          ///< the connection ended before the answer was whole
  malformed,    ///< an answer, but not one of this API
  other_user,   ///< an approval that names another user or another request
  unsendable,   ///< the question cannot be put: user name or host are not usable
  overload,     ///< our own bound on pending verifications
};

struct Fault {
  FaultKind kind = FaultKind::none;
  std::uint16_t http_status = 0;
  bool of_token = false;  ///< met while an access token was fetched
};

/// "http 503", "connection refused", "token: http 401".
[[nodiscard]] ShortText<63> describe(const Fault& fault) noexcept;

}  // namespace sallyport::verify::notakey
