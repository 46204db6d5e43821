#pragma once
// One record for each answered CoA-Request or Disconnect-Request: who asked, about whom, which NAS,
// and what came of it. A plain value that crosses to the audit thread by a lock-free queue.

#include <cstdint>

#include "protocol/ip_address.h"
#include "verify/bounded_queue.h"
#include "verify/short_text.h"

namespace sallyport::radius_door {

/// Where the answer came from.
enum class CoaOutcome : std::uint8_t {
  answered,     ///< the NAS's own ACK or NAK
  no_nas,       ///< NAK 402: no attribute names a NAS
  no_session,   ///< NAK 402: no attribute names a session
  unknown_nas,  ///< NAK 502: none of our clients is named so, or it is not known where it is
  mismatch,     ///< NAK 403: attributes name different NASes
  uncarriable,  ///< NAK 407: a hidden attribute cannot be read
  too_long,     ///< NAK 505: no room for what we have to add
  busy,         ///< NAK 506: too many requests wait
  unreachable,  ///< NAK 505: the NAS did not answer
};
[[nodiscard]] const char* to_text(CoaOutcome outcome) noexcept;

struct CoaRecord {
  std::uint64_t at_unix_ms = 0;  ///< set by the audit thread when 0
  CoaOutcome outcome = CoaOutcome::answered;
  std::uint8_t code = 0;          ///< of the request
  std::uint8_t identifier = 0;    ///< of the request
  bool ack = false;               ///< else a NAK
  std::uint32_t error_cause = 0;  ///< 0: none
  std::uint32_t total_us = 0;     ///< first datagram to answer
  Endpoint source;                ///< of the request
  Endpoint nas_address;           ///< where it was sent; port 0: nowhere
  verify::ShortText<64> asker;    ///< name of the [[coa.client]] or downstream server
  verify::ShortText<64> nas;      ///< name of the client it was sent to
  verify::ShortText<253> user;
  verify::ShortText<128> session;  ///< Acct-Session-Id
};

using CoaAuditQueue = verify::BoundedQueue<CoaRecord>;

}  // namespace sallyport::radius_door
