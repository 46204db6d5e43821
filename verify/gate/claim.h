#pragma once
// The last step: a visit that a factor has approved becomes a grant and a session. Also where a
// session opens another address. Any thread.

#include "verify/gate/core.h"
#include "verify/gate/replies.h"
#include "verify/gate/sessions.h"

namespace sallyport::verify {

/// An address that is to be opened.
struct Opening {
  std::string user;  ///< as the directory spells it
  Factor by = Factor::token;
  IpAddress address;
  std::uint64_t until_ms = 0;
  std::string session;  ///< id
  std::string reason;
};
/// Opens it, durably. At the most that a user may have, his oldest end, or it is refused.
[[nodiscard]] Outcome<Grant> open_grant(const Turn& turn, const Opening& opening);
/// Until when a grant that begins now lasts.
[[nodiscard]] std::uint64_t access_end(const Turn& turn, std::uint64_t access_ms) noexcept;

/// What a factor that said yes does to its visit: from now on who has the secret is let in.
[[nodiscard]] Outcome<> approve(Visit& visit);

/// The grant is opened, the session made, and the visit is done, under new secrets. All of it can
/// be done twice, by two tabs or after a failure half-way, and comes to the same.
[[nodiscard]] GateReply claim(const Turn& turn, const Present& present);

/// Adds what lets the browser through, where it takes a cookie.
void add_access_cookie(const Turn& turn, const Grant& grant, GateReply& reply);

}  // namespace sallyport::verify
