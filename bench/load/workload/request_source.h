#pragma once
// Where a workload's requests come from: one implementation for each kind of dialogue. It writes
// requests, and says what only it can say about an answer; all else is judged by Workload.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "bench/load/workload/session.h"
#include "bench/load/workload/workload.h"
#include "protocol/octets.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"

namespace sallyport::lab {

/// An authentic answer of a code that fits its request.
struct Answer {
  Octets request;
  const radius::PacketView& packet;
  Judgement by_code;  ///< done_accept, done_reject; next: an Access-Challenge
};

/// Used by one thread.
class RequestSource {
 public:
  virtual ~RequestSource() = default;

  /// As Workload has it.
  [[nodiscard]] virtual std::uint64_t sessions() const noexcept { return 0; }
  [[nodiscard]] virtual std::uint64_t time_ns(std::uint64_t) const noexcept { return 0; }
  [[nodiscard]] virtual std::size_t max_request_octets() const noexcept = 0;
  /// All sessions have one round and requests of one length: they can be signed in advance.
  [[nodiscard]] virtual bool one_round() const noexcept = 0;

  /// `out`: max_request_octets().
  [[nodiscard]] virtual std::size_t write(const Session& session, std::uint8_t identifier,
                                          MutableOctets out) noexcept = 0;
  /// `next`: `session` holds what the next write() needs; its round is counted by the caller.
  [[nodiscard]] virtual Judgement conclude(Session& session, const Answer& answer) noexcept {
    static_cast<void>(session);
    return answer.by_code == Judgement::next ? Judgement::wrong_challenge : answer.by_code;
  }
};

using MadeSource = std::expected<std::unique_ptr<RequestSource>, std::string>;

// `key` outlives the source. Errors are one line that says what is wrong with the settings.
[[nodiscard]] MadeSource make_pap(const WorkloadSettings& settings, const radius::HopKey& key);
[[nodiscard]] MadeSource make_chap(const WorkloadSettings& settings, const radius::HopKey& key);
[[nodiscard]] MadeSource make_mschapv2(const WorkloadSettings& settings, const radius::HopKey& key);
[[nodiscard]] MadeSource make_eap_md5(const WorkloadSettings& settings, const radius::HopKey& key);
[[nodiscard]] MadeSource make_accounting(const WorkloadSettings& settings,
                                         const radius::HopKey& key);
/// CoA-Request, Disconnect-Request and Status-Server.
[[nodiscard]] MadeSource make_order(const WorkloadSettings& settings, const radius::HopKey& key);
[[nodiscard]] MadeSource make_replay(const WorkloadSettings& settings, const radius::HopKey& key);

/// Keeps the answer's State for the next request (RFC 2865 §5.24). False: longer than a session can
/// hold.
[[nodiscard]] bool keep_state(Session& session, const radius::PacketView& answer) noexcept;

/// Rounds after which a server that keeps asking is given up.
inline constexpr std::uint16_t kMaxRounds = 8;

}  // namespace sallyport::lab
