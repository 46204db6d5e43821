#pragma once
// Logins over RADIUS that wait for a link: as the pool waits for phones, and with the same
// questions and answers. The link's page is the gate's, and decides a record in the store; who
// watches the store tells the desk. One question of a login is asked however often its client
// repeats it.

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "verify/gate/login_sender.h"
#include "verify/verification.h"

namespace sallyport::verify {

struct LinkDeskPlan {
  std::uint32_t pending = 4'096;    ///< links that wait at once, in all
  std::uint32_t of_one_user = 8;    ///< and of one user
  std::uint32_t questions = 1'024;  ///< that wait for a thread; a power of two
  std::uint32_t threads = 2;
};

class LinkDesk final : public Verifier {
 public:
  /// Both outlive the desk.
  LinkDesk(const LinkDeskPlan& plan, LoginSender& sender, VerdictSink& sink);
  ~LinkDesk() override;  ///< stops

  void start();
  /// Ends the threads. Who waits gets no answer; the shards have ended.
  void stop();

  // Verifier: shards.
  [[nodiscard]] bool ask(const Question& question) noexcept override;
  void release(Ticket ticket, const JoinKey& key, std::uint64_t user_hash) noexcept override;

  /// To be called with the id of each visit whose record has changed, or with "" when any may have,
  /// on any thread but a shard's.
  /// It may outlive the desk.
  [[nodiscard]] std::function<void(std::string_view visit)> watcher() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
  std::vector<std::thread> threads_;
};

}  // namespace sallyport::verify
