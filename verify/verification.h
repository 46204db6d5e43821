#pragma once
// What crosses between a door and verify: a question about one user's login, and the verdict on it.
// All types are plain values of fixed size. Questions and answers are delivered by lock-free
// queues.

#include <array>
#include <cstdint>

#include "protocol/ip_address.h"
#include "verify/short_text.h"

namespace sallyport::verify {

/// Names the one who waits, to the one who asked. Opaque to verify. The asker makes each ticket
/// unique in its life (shard, generation and slot), so that a late answer is recognised.
struct Ticket {
  std::uint64_t value = 0;
  auto operator<=>(const Ticket&) const = default;
};

/// Requests with an equal key wait on one verification: SHA-256, keyed with a random of this
/// process, over user, client, Calling-Station-Id and credentials. Nobody rides on another's
/// approval.
struct JoinKey {
  std::array<std::uint8_t, 32> octets{};
  auto operator<=>(const JoinKey&) const = default;
};

enum class Verdict : std::uint8_t {
  approved,      ///< the user said yes, seen before the deadline
  denied,        ///< the user said no
  expired,       ///< no answer in time
  unknown_user,  ///< the service does not know the user, or he has no device
  limited,       ///< not asked: his phone has rung too often (push_limits.h)
  unavailable,   ///< the service could not be asked, or its answer could not be understood
};
inline constexpr std::size_t kVerdicts = 6;
[[nodiscard]] const char* to_text(Verdict verdict) noexcept;  ///< "approved", "unknown_user", …

struct Question {
  Ticket ticket;
  JoinKey join_key;
  std::uint64_t user_hash = 0;    ///< picks the verify thread; equal users, equal hash
  std::uint64_t asked_ns = 0;     ///< CLOCK_MONOTONIC
  std::uint32_t remember_ms = 0;  ///< an approval of this login stays good so long; 0: it does not
  std::uint8_t number = 0;  ///< 10..99: the user was shown it, and the phone shows it; 0: none
  IpAddress address;        ///< who sent the request to us (the RADIUS client)
  ShortText<253> user;
  ShortText<64> client;           ///< the client's name in our configuration
  ShortText<64> calling_station;  ///< Calling-Station-Id, cut to 64 octets
  ShortText<64> called_station;   ///< Called-Station-Id, cut
  ShortText<64> nas;              ///< NAS-Identifier, else NAS-IP(v6)-Address, cut
};

struct Answer {
  Ticket ticket;
  Verdict verdict = Verdict::unavailable;
  bool push_out =
      false;  ///< the user's phone may have been asked: on_unavailable no longer applies
  bool remembered = false;      ///< approved by an earlier approval: nobody was asked
  bool joined = false;          ///< waited on a verification that another request had begun
  std::uint32_t waited_ms = 0;  ///< from asked_ns to the verdict
  ShortText<255> groups = {};   ///< approved: names of the user's groups at the service, one a line
  ShortText<63> detail;  ///< for the audit log: "http 503", "connection refused"; never a secret
};

/// Where verdicts go. Called on verify's threads, one call at a time per thread, possibly several
/// threads at once.
class VerdictSink {
 public:
  virtual ~VerdictSink() = default;
  /// False: no room now, the same answer is delivered again later. Never blocks.
  [[nodiscard]] virtual bool deliver(const Answer& answer) noexcept = 0;
};

/// Who is asked. Called by shards: lock-free, no allocation, any thread.
class Verifier {
 public:
  virtual ~Verifier() = default;
  /// False: the inbox is full; the caller treats it as `unavailable` with no push out.
  [[nodiscard]] virtual bool ask(const Question& question) noexcept = 0;
  /// The asker no longer waits. Best effort: an answer may still come and must be recognised by its
  /// ticket.
  virtual void release(Ticket ticket, const JoinKey& key, std::uint64_t user_hash) noexcept = 0;
};

}  // namespace sallyport::verify
