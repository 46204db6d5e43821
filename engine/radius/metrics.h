#pragma once
// What one shard counts. Written by its thread only, read by the admin thread.

#include <array>
#include <cstdint>
#include <optional>

#include "engine/radius/refusals.h"
#include "protocol/radius/packet.h"
#include "verify/challenges.h"
#include "verify/metrics.h"

namespace sallyport::radius_door {

using verify::Counter;
using verify::Histogram;

/// Why a datagram was not carried on, beside radius::Malformed. Order is the order of the checks.
enum class Drop : std::uint8_t {
  unknown_client,                             ///< no secret for the source address (RFC 2865 §3)
  unsupported_code,                           ///< a code that clients do not send on this door
  bad_message_authenticator,                  ///< RFC 3579 §3.2
  bad_authenticator,                          ///< accounting Request Authenticator, RFC 2866 §3
  message_authenticator_required,             ///< require_message_authenticator, CVE-2024-3596
  proxy_state_without_message_authenticator,  ///< limit_proxy_state, CVE-2024-3596
  loop,                                       ///< carries our own Proxy-State: sent by ourselves
  duplicate_pending,                          ///< its exchange has no answer yet (RFC 5080 §2.2.2)
  no_free_exchange,                           ///< the exchange pool is full
  no_free_identifier,                         ///< no Identifier towards the downstream
  unserved,                                   ///< accounting of a realm that no route serves
  untranslatable,                             ///< radius::Untranslatable, request
  spool_busy,                                 ///< accounting: too many records wait for the disk
  not_stored,                                 ///< accounting: the spool is full, or its disk failed
  draining,                                   ///< shutting down
  reply_unmatched,                            ///< downstream: no exchange for this Identifier
  reply_bad_authenticator,                    ///< downstream: wrong Response Authenticator
  reply_bad_message_authenticator,
  reply_message_authenticator_required,
  reply_wrong_code,  ///< downstream: a code that does not answer the request
  reply_untranslatable,
};
inline constexpr std::size_t kDrops = 21;
[[nodiscard]] const char* to_text(Drop reason) noexcept;

/// What the log is told of the client; empty: nothing.
[[nodiscard]] std::optional<Refusal> refusal_of(Drop reason) noexcept;

/// Why a connection of RADIUS over TLS has ended.
enum class RadsecEnd : std::uint8_t {
  peer,               ///< the client ended it
  broken,             ///< reset, or TLS broke off
  proxy_header,       ///< a balancer's connection that does not begin with a PROXY header
  handshake,          ///< no TLS, or nothing that both know; no certificate
  certificate,        ///< the client's is not signed by those we trust, or not valid now
  handshake_timeout,  ///< it took too long
  handshakes,         ///< too many are in their handshake
  unknown_client,     ///< a good certificate, and no [[radsec.client]] that it fits
  malformed,          ///< octets that are no packet (RFC 6613 §2.6.4)
  bad_authenticator,  ///< a packet whose authenticators are wrong
  idle,
  stalled,   ///< the client takes none of its answers
  draining,  ///< shutting down
};
inline constexpr std::size_t kRadsecEnds = 13;
[[nodiscard]] const char* to_text(RadsecEnd reason) noexcept;

struct RadiusMetrics {
  std::array<Counter, radius::kMalformedReasons> malformed_from_client;
  std::array<Counter, radius::kMalformedReasons> malformed_from_downstream;
  std::array<Counter, kDrops> drops;

  Counter requests;             ///< authenticated datagrams from clients, duplicates included
  Counter duplicates_answered;  ///< answered from the duplicate table
  Counter connection_ended;     ///< abandoned because the client's connection has ended
  Counter replaced;             ///< same key, new authenticator: the old exchange was abandoned
  Counter evicted;  ///< answered exchanges given up before their window ended, the pool being full
  Counter forwarded;      ///< sent downstream for the first time
  Counter retransmitted;  ///< sent downstream again
  Counter failed_over;    ///< sent to another server, the first one being away
  Counter unserved;       ///< Access-Reject: no route serves the realm, or one that rejects
  Counter downstream_timeouts;
  Counter replies;    ///< authentic replies from the downstream
  Counter questions;  ///< second factors asked
  std::array<Counter, verify::kVerdicts>
      verdicts;         ///< by verify::Verdict, as they reached the door
  Counter codes_asked;  ///< Access-Challenges that ask for the first code of a login
  std::array<Counter, verify::kCodeVerdicts> code_verdicts;  ///< as they reached the door
  Counter late_verdicts;                                     ///< for an exchange that is gone
  Counter accepts;  ///< distinct answers sent to clients, by code
  Counter rejects;
  Counter challenges;
  Counter other_answers;
  Counter silent;               ///< on_unavailable = "silent"
  Counter allowed_by_policy;    ///< Accept without approval: on_unavailable = "allow", or exempted
  Counter attributes_left_out;  ///< accept_attributes that had no room in the Accept
  Counter status_server;
  Counter audit_lost;        ///< audit records that found the queue full
  Counter exchanges;         ///< gauge: not free
  Counter awaiting_verdict;  ///< gauge
  Counter source_ports;      ///< gauge: open towards the downstream

  std::array<Counter, kRadsecEnds> radsec_ended;
  Counter radsec_handshakes;   ///< that succeeded, and whose client is known
  Counter radsec_connections;  ///< gauge: open, those in their handshake included

  RefusalNotes refusals;  ///< for the log

  Histogram downstream_latency;  ///< forwarded to reply
  Histogram verdict_latency;     ///< question to verdict
  Histogram total_latency;       ///< first datagram to answer

  // Kept by the shard that does the I/O.
  Counter datagrams_received;
  Counter datagrams_sent;
  Counter send_errors;            ///< the kernel refused a datagram
  Counter receive_buffers_empty;  ///< ENOBUFS: the multishot receive was re-armed
  Counter completion_overflows;
  Counter loops;  ///< turns of Shard::run
};

}  // namespace sallyport::radius_door
