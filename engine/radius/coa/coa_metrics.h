#pragma once
// What dynamic authorization counts. Written by its thread only, read by the admin thread.

#include <array>
#include <cstdint>

#include "protocol/radius/packet.h"
#include "verify/metrics.h"

namespace sallyport::radius_door {

/// Why a datagram was dropped in silence, beside radius::Malformed. Order is that of the checks.
enum class CoaDrop : std::uint8_t {
  unknown_asker,                   ///< no secret for the source address (RFC 5176 §2.3)
  unsupported_code,                ///< neither CoA-Request nor Disconnect-Request
  bad_message_authenticator,       ///< RFC 3579 §3.2
  bad_authenticator,               ///< Request Authenticator, RFC 5176 §2.3
  message_authenticator_required,  ///< coa.require_message_authenticator
  event_timestamp,                 ///< Event-Timestamp out of the window (RFC 5176 §2.3)
  event_timestamp_required,        ///< coa.require_event_timestamp
  duplicate_pending,               ///< its NAS has not answered yet (RFC 5080 §2.2.2)
  remembered_elsewhere,            ///< the process that we took over from has it
  loop,                            ///< carries our own Proxy-State: sent by ourselves
  draining,                        ///< shutting down
  unanswerable,                    ///< its Proxy-States leave no room for an answer
  reply_unmatched,                 ///< from the NAS: nothing waits for it
  reply_wrong_code,                ///< from the NAS: a code that does not answer the request
  reply_bad_message_authenticator,
  reply_bad_authenticator,
};
inline constexpr std::size_t kCoaDrops = 16;
[[nodiscard]] const char* to_text(CoaDrop reason) noexcept;

struct CoaMetrics {
  std::array<verify::Counter, radius::kMalformedReasons> malformed_from_asker;
  std::array<verify::Counter, radius::kMalformedReasons> malformed_from_nas;
  std::array<verify::Counter, kCoaDrops> drops;

  verify::Counter requests;             ///< authentic and timely, duplicates included
  verify::Counter duplicates_answered;  ///< with the stored answer
  verify::Counter replaced;       ///< same key, new authenticator: the one that waited was given up
  verify::Counter evicted;        ///< answers forgotten before their time, for want of room
  verify::Counter forwarded;      ///< sent to a NAS for the first time
  verify::Counter retransmitted;  ///< sent to a NAS again
  verify::Counter timeouts;       ///< the NAS never answered
  verify::Counter acks;           ///< CoA-ACK and Disconnect-ACK of NASes
  verify::Counter naks;           ///< CoA-NAK and Disconnect-NAK of NASes
  verify::Counter own_naks;       ///< ours: no NAS was asked, or it did not answer
  verify::Counter replies_cut;    ///< a NAS's attributes were left out of its answer: no room
  verify::Counter audit_lost;     ///< audit records that found the queue full
  verify::Counter send_errors;    ///< the kernel refused a datagram
  verify::Counter pending;        ///< gauge: wait for their NAS
  verify::Counter remembered;     ///< gauge: answered, and kept for duplicates

  verify::Histogram latency;  ///< first datagram to answer
};

}  // namespace sallyport::radius_door
