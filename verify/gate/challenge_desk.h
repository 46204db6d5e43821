#pragma once
// Where logins wait for a code (verify/challenges.h), and the threads that send it, where it is one
// that is sent, look up the user's groups, where what is asked depends on them, and check what was
// typed: against the same registrations, lock-outs and used-up steps as the gate's, in the same
// store. A thread also ends what nobody has answered in time.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <semaphore.h>

#include "verify/bounded_queue.h"
#include "verify/challenges.h"
#include "verify/gate/core.h"
#include "verify/gate/gate.h"
#include "verify/gate/login_sender.h"
#include "verify/gate/settings.h"

namespace sallyport::verify {

struct ChallengeDeskPlan {
  static constexpr std::uint32_t kMaxPlaces = 1u << 24;  ///< a State names one in 3 octets

  std::uint32_t places = 4'096;     ///< logins that wait at once, in all; at most kMaxPlaces
  std::uint32_t of_one_user = 8;    ///< and of one user, 1..255
  std::uint32_t questions = 1'024;  ///< codes that wait to be checked; a power of two
  std::uint32_t threads = 4;
  std::uint8_t generation = 0;  ///< of the process
};

/// All outlive the desk.
struct ChallengeWorld {
  Store& store;
  const Sealer& sealer;
  Directory* directory = nullptr;  ///< none: users are who the downstream says
  LoginSender* sender = nullptr;   ///< none: no codes are sent
  std::function<void(const GateEvent& event)> audit;
  CodeSink& sink;
};

class ChallengeDesk final : public Challenges {
 public:
  /// Of `settings` it uses the issuer and what concerns lock-outs.
  ChallengeDesk(const ChallengeDeskPlan& plan, GateSettings settings, ChallengeWorld world);
  ~ChallengeDesk() override;  ///< stops

  void start();
  /// Ends the threads. Codes that are still here get no answer; the shards have ended.
  void stop();

  void use(GateSettings settings);  ///< reload; any thread

  // Challenges: shards.
  [[nodiscard]] std::optional<ChallengeState> hold(const HeldLogin& login,
                                                   RandomSource& random) noexcept override;
  [[nodiscard]] bool redeem(const TypedCode& typed) noexcept override;
  [[nodiscard]] const HeldLogin& held(std::uint32_t place) const noexcept override;
  void let_go(std::uint32_t place) noexcept override;
  [[nodiscard]] bool any_held() const noexcept override { return held_.load() > 0; }
  [[nodiscard]] std::uint8_t generation() const noexcept override { return plan_.generation; }

  // Operators' commands; any thread but a shard's, they wait for the store.

  /// What is known of a user, as lines "key: value".
  [[nodiscard]] std::string show_user(std::string_view user);
  [[nodiscard]] Changed unlock_user(std::string_view user);
  [[nodiscard]] Changed reset_otp(std::string_view user);
  [[nodiscard]] Changed reset_passkeys(std::string_view user);
  /// operators.h
  [[nodiscard]] Registered register_otp(std::string_view user);

 private:
  enum class Phase : std::uint8_t {
    free,
    filling,   ///< a shard writes it
    waiting,   ///< for a code
    checking,  ///< a thread has its code
    answered,  ///< a shard reads it
  };
  /// One writer at a time, by `phase`: whoever moves it on from `free` or `waiting`.
  struct Place {
    std::atomic<Phase> phase{Phase::free};
    std::uint64_t until_ms = 0;  ///< monotonic
    ChallengeState state{};
    ShortText<16> token;                                ///< the code that was sent; empty: none
    std::shared_ptr<std::atomic<bool>> token_given_up;  ///< with `token`: no channel took it
    HeldLogin login;
  };
  struct Judged {
    CodeVerdict verdict = CodeVerdict::unavailable;
    const char* detail = nullptr;
  };
  struct Impl;

  void run(bool sweeps);
  void check(const TypedCode& typed);
  /// The place of the challenge that this answers, for this thread alone from now on.
  [[nodiscard]] std::optional<std::uint32_t> claim(const TypedCode& typed);
  /// Of a login that has just been held.
  [[nodiscard]] Judged begin(Place& place);
  [[nodiscard]] Judged find_groups(HeldLogin& login);
  [[nodiscard]] Judged judge(Place& place, std::string_view typed);
  [[nodiscard]] Judged ask_for(Place& place, LoginFactor factor);
  [[nodiscard]] Judged send_token(Place& place);
  [[nodiscard]] Judged judge_code(Place& place, std::string_view code);
  [[nodiscard]] Outcome<bool> is_right(const Turn& turn, const Place& place,
                                       const std::optional<std::string>& id, std::string_view code);
  /// Of several factors those that the user has: an app, an address.
  [[nodiscard]] LoginFactors possible_for(const HeldLogin& login);
  void deliver(const CodeAnswer& answer);
  void sweep();
  void clear(Place& place) noexcept;
  [[nodiscard]] std::atomic<std::uint8_t>& count_of(std::uint64_t user_hash) noexcept;

  const ChallengeDeskPlan plan_;
  CodeSink& sink_;
  LoginSender* const sender_;
  const bool has_directory_;
  std::unique_ptr<Impl> impl_;  ///< what the gate's own parts need
  std::unique_ptr<Place[]> places_;
  std::atomic<std::uint32_t> next_place_{0};
  std::atomic<std::uint32_t> held_{0};               ///< places that are not free
  std::vector<std::atomic<std::uint8_t>> of_users_;  ///< places held, by hash
  BoundedQueue<TypedCode> inbox_;
  std::mutex inbox_reader_;  ///< the queue has room for one reader at a time
  std::mutex claiming_;      ///< one thread at a time looks a State up
  sem_t wake_;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace sallyport::verify
