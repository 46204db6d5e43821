#pragma once
// All requests of one thread that are under way: what was sent on each channel, what an answer to
// it means, when it is sent again, repeated or given up. No sockets and no clock: octets and times
// are handed in, and requests handed out to a Sender. No memory on the way of single-round methods.

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/channel_table.h"
#include "bench/load/tally.h"
#include "bench/load/workload/workload.h"
#include "protocol/octets.h"

namespace sallyport::lab {

/// Takes requests to the network.
class Sender {
 public:
  /// `datagram` stays as it is until an answer to it can have come.
  virtual void send(std::uint32_t socket, Octets datagram) noexcept = 0;

 protected:
  ~Sender() = default;
};

struct ExchangeSettings {
  std::uint64_t timeout_ns = 5'000'000'000;  ///< after the last transmission: lost
  std::uint64_t resend_after_ns = 0;
  std::uint32_t resends = 0;     ///< retransmissions of one request, resend_after_ns apart
  double repeats = 0;            ///< duplicates for each request, on average
  bool repeat_answered = false;  ///< they follow the answer; else they follow the request at once
  std::uint32_t open_sessions = 1;  ///< of several rounds: begun before one of them goes on
  std::uint32_t burst = 1;          ///< requests of one socket, one after the other
};

class Exchanges {
 public:
  /// Sessions get the numbers first_session, first_session + stride, … `workload` and `sender`
  /// outlive this.
  Exchanges(const ExchangeSettings& settings, Workload& workload, std::uint32_t sockets,
            std::uint64_t first_session, std::uint64_t stride, Sender& sender);

  /// Counts from zero; requests meant for before `measured_from_ns` are not counted. Sessions that
  /// have not ended are forgotten.
  void start(std::uint64_t measured_from_ns);

  /// Sends the next request: of a session that goes on, or of a new one. False: there is no free
  /// channel now.
  [[nodiscard]] bool send_next(std::uint64_t intended_ns, std::uint64_t now_ns) noexcept;
  /// A datagram came on `socket`.
  void answer(std::uint32_t socket, Octets datagram, std::uint64_t now_ns) noexcept;
  /// Retransmits, or gives up, what is due.
  void expire(std::uint64_t now_ns) noexcept;
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ns() const noexcept;

  /// Channels in use.
  [[nodiscard]] std::uint32_t under_way() const noexcept { return channels_.in_use(); }
  [[nodiscard]] Tally& tally() noexcept { return tally_; }
  /// Answers, losses and latencies since the last look, warm-up included.
  [[nodiscard]] Tally& recent() noexcept { return recent_; }
  /// The first answer that was not right: one line about it.
  [[nodiscard]] const std::optional<std::string>& failure() const noexcept { return failure_; }

 private:
  enum class State : std::uint8_t {
    unused,
    waiting,    ///< sent, not answered
    repeating,  ///< answered, and sent once more
    answered,   ///< the channel is free; the request is remembered, to know its late answers
    lost,       ///< the same, after it was given up
  };
  using Signature = std::array<std::uint8_t, 16>;
  /// One channel's last request.
  struct UnderWay {
    std::uint64_t intended_ns = 0;
    std::uint64_t deadline_ns = 0;
    std::uint32_t entry = 0;  ///< of a presigned request
    std::uint32_t uses = 0;
    std::uint16_t octets = 0;
    std::uint16_t repeats = 0;  ///< to be sent after the answer
    std::uint8_t resends = 0;   ///< left
    State state = State::unused;
    bool measured = false;
    bool former_lost = false;  ///< the request before was given up
    bool former_measured = false;
    Signature first_answer{};  ///< its Response Authenticator
  };
  struct Ready {
    Session session;
    std::uint32_t socket;
  };

  [[nodiscard]] std::optional<Channel> choose_channel(bool goes_on) noexcept;
  [[nodiscard]] Octets request_on(Channel channel) const noexcept;
  [[nodiscard]] Octets make_request(Channel channel, bool goes_on) noexcept;
  [[nodiscard]] std::uint16_t repeats_of_next() noexcept;
  void transmit(Channel channel, std::uint64_t now_ns) noexcept;

  [[nodiscard]] Judgement judge(Channel channel, Octets answer) noexcept;
  void first_answer(Channel channel, Octets answer, std::uint64_t now_ns) noexcept;
  void stray_answer(Channel channel, Octets answer, Judgement judgement) noexcept;
  void count_repeated(UnderWay& request, Octets answer) noexcept;
  void repeat_or_release(Channel channel, std::uint64_t now_ns) noexcept;
  void release(Channel channel, State state) noexcept;
  void give_up(Channel channel) noexcept;

  const ExchangeSettings settings_;
  Workload& workload_;
  Sender& sender_;
  ChannelTable channels_;
  const std::size_t stride_octets_;            ///< one request's place in requests_
  std::unique_ptr<std::uint8_t[]> requests_;   ///< by channel; null with presigned requests
  std::vector<UnderWay> under_way_;            ///< by channel
  std::vector<radius::Authenticator> former_;  ///< by channel: of the request before
  std::vector<Session> sessions_;              ///< by channel; empty with presigned requests
  std::deque<Ready> ready_;                    ///< sessions that wait for their next request

  std::uint64_t next_session_;
  const std::uint64_t session_stride_;
  std::uint64_t measured_from_ns_ = 0;
  double repeats_owed_ = 0;
  std::uint32_t burst_socket_ = 0;
  std::uint32_t burst_left_ = 0;
  Tally tally_;
  Tally recent_;
  std::optional<std::string> failure_;
};

}  // namespace sallyport::lab
