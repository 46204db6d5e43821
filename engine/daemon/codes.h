#pragma once
// Codes and links for the RADIUS door: the store, the desks where logins wait, how users are
// reached, and, where there is no HTTP door that has one, the control socket by which operators
// register users.

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "engine/config/config.h"
#include "engine/http/audit_event.h"
#include "engine/http/control.h"
#include "engine/http/gate/open_store.h"
#include "engine/http/gate/reach.h"
#include "engine/http/operator_commands.h"
#include "engine/http/server.h"
#include "engine/ring/file_descriptor.h"
#include "verify/challenges.h"
#include "verify/gate/challenge_desk.h"
#include "verify/gate/link_desk.h"
#include "verify/gate/login_sender.h"
#include "verify/store/sqlite_file.h"

namespace sallyport::daemon {

/// What another process has to do with it.
struct CodesHeritage {
  verify::FileUse use = verify::FileUse::alone;  ///< shared: it has the store open, too
  std::uint8_t generation = 0;                   ///< of this process (verify/challenges.h)
  ring::FileDescriptor control = {};             ///< its control socket; invalid: none
};

/// Main thread, but where another is named.
class Codes {
 public:
  /// `http`: whose store, users and messages are shared; null: there is no HTTP door. It, the sinks
  /// and `events` outlive this. An error is one line that says what to mend.
  [[nodiscard]] static std::expected<std::unique_ptr<Codes>, std::string> open(
      const config::Config& config, http_door::HttpServer* http, verify::CodeSink& sink,
      verify::VerdictSink& verdicts, http_door::AuditEvents& events, CodesHeritage heritage = {});
  ~Codes();  ///< stops

  void start();
  /// After the shards have ended.
  void stop();
  /// What a changed configuration comes to; nothing is in use yet. Where there is an HTTP door,
  /// users and messages are its.
  struct Parts {
    verify::GateSettings settings;
    http_door::DirectoryPointer directory;
    http_door::MessengerPointer messenger;
  };
  [[nodiscard]] static std::expected<Parts, std::string> prepare(const config::Config& config);
  void use(Parts parts);
  [[nodiscard]] verify::Challenges& challenges() noexcept { return *desk_; }
  /// Null: no policy asks for links.
  [[nodiscard]] verify::Verifier* links() noexcept { return links_.get(); }

  // Where there is no HTTP door.
  /// Any thread; none: the HTTP door has it.
  [[nodiscard]] std::optional<verify::StoreHealth> store_health() const;
  /// Any thread; none: no channel, or those of the HTTP door.
  [[nodiscard]] std::optional<http_door::MessageStatus> message_status() const {
    return messages_.status();
  }
  /// From now on the process that takes over may have the store open, too. An error is one line.
  [[nodiscard]] std::expected<void, std::string> share_store();
  /// The control socket, for that process; invalid: there is none, or no descriptor is left.
  [[nodiscard]] ring::FileDescriptor copy_of_control() const;
  /// That process obeys operators from now on. Codes are checked as ever.
  void step_back();
  /// It has failed: we do again.
  void step_forth();

 private:
  /// `sallyport users …`
  class Users final : public http_door::UserCommands {
   public:
    explicit Users(Codes& codes) : codes_(codes) {}
    [[nodiscard]] std::string show(std::string_view user) override;
    [[nodiscard]] verify::Changed unlock(std::string_view user) override;
    [[nodiscard]] verify::Changed reset_otp(std::string_view user) override;
    [[nodiscard]] verify::Changed reset_passkeys(std::string_view user) override;
    [[nodiscard]] verify::Registered register_otp(std::string_view user) override;

   private:
    Codes& codes_;
  };

  explicit Codes(http_door::AuditEvents& events) : events_(events), users_(*this) {}
  void obey();  ///< the control thread
  void begin_obeying();
  void end_obeying();

  http_door::AuditEvents& events_;
  http_door::OpenedStore own_;                   ///< where there is no HTTP door
  http_door::DirectoryOfNow directory_;          ///< the same
  http_door::MessengerOfNow messages_;           ///< the same
  std::unique_ptr<verify::LoginSender> sender_;  ///< none: no policy sends messages
  std::unique_ptr<verify::LinkDesk> links_;      ///< none: no policy asks for links
  std::unique_ptr<verify::ChallengeDesk> desk_;
  Users users_;
  std::optional<http_door::ControlSocket> socket_;  ///< the same
  std::string control_path_;
  ring::FileDescriptor stop_event_;
  std::atomic<bool> stopping_{false};
  std::thread control_;
};

}  // namespace sallyport::daemon
