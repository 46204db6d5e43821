#pragma once
// The gate: what a visitor goes through who is not let in. It decides; the store, directories,
// messages, grants and pushes are behind interfaces. answer() waits for them, so it runs on the
// gate's threads (engine/http/gate/desk.h), never on a shard.
//
// Nothing a visitor sees, nor how long it takes, tells whether a user exists: /start answers before
// the user is looked up, and what follows (look-up, message, push) runs as a job.

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/random.h"
#include "verify/channels/messenger.h"
#include "verify/gate/grant_keeper.h"
#include "verify/gate/request.h"
#include "verify/gate/settings.h"
#include "verify/store/sealer.h"
#include "verify/store/store.h"
#include "verify/users/directory.h"
#include "verify/verification.h"

namespace sallyport::verify {

/// Asks a user's phone. Implemented over the Notakey pool (engine/http/gate/push.h).
class PushSender {
 public:
  virtual ~PushSender() = default;
  /// Does not wait. `decided` is called once, on any thread, unless this returns false.
  [[nodiscard]] virtual bool ask(std::string_view user, const IpAddress& address,
                                 std::string_view device, std::string_view number,
                                 std::function<void(Verdict verdict)> decided) = 0;
};

/// One line of the audit log: "token_wrong" user "alice" from 192.0.2.1. Never a secret.
struct GateEvent {
  std::string_view what;
  std::string_view user;
  IpAddress address;
  std::string_view detail;
};

/// What the gate works with. All outlive it; all may be used by several threads at once.
struct GateWorld {
  Store& store;
  const Sealer& sealer;
  Directory& directory;
  MessageSink* messages = nullptr;  ///< none: no factor that sends
  PushSender* push = nullptr;       ///< none: no push
  GrantKeeper& grants;
  std::function<void(std::function<void()> job)> later;  ///< runs it soon on a gate's thread
  std::function<void(std::string_view visit)> notify;    ///< who is held for the visit asks again
  std::function<void(const GateEvent& event)> audit;
  std::function<std::uint64_t()> now_ms;  ///< Unix time, for jobs
};

/// Why no authenticator app was registered.
enum class RegisterFailure : std::uint8_t {
  unavailable,   ///< the store or the directory is not there
  unknown_user,  ///< no directory knows him
  registered,    ///< he has one
};
/// Whether an operator's command found anything to change. Nothing: the store is not there.
using Changed = std::optional<bool>;

/// The otpauth URL that an app reads: it holds the secret, and is shown once.
using Registered = std::expected<std::string, RegisterFailure>;

class Gate {
 public:
  Gate(GateSettings settings, GateWorld world);
  ~Gate();

  /// Any thread but a shard's; may wait.
  [[nodiscard]] GateReply answer(const GateRequest& request);

  /// For operators (`sallyport users`): what is known of a user, as lines "key: value".
  [[nodiscard]] std::string show_user(std::string_view user);
  /// Ends locks and limits.
  [[nodiscard]] Changed unlock_user(std::string_view user);
  /// Removes his app and recovery codes, or his passkeys.
  [[nodiscard]] Changed reset_otp(std::string_view user);
  [[nodiscard]] Changed reset_passkeys(std::string_view user);
  /// Gives a user who has no app the secret of one.
  [[nodiscard]] Registered register_otp(std::string_view user);

  void use(GateSettings settings);  ///< reload; any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::verify
