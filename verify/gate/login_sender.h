#pragma once
// Codes and links for logins over RADIUS: to whom, how often, and the messages themselves. Whoever
// calls has the downstream's Access-Accept: nothing is sent for a password that is wrong.

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "verify/asker.h"
#include "verify/channels/messenger.h"
#include "verify/gate/core.h"
#include "verify/gate/lockout.h"
#include "verify/push_limits.h"
#include "verify/verification.h"

namespace sallyport::verify {

/// Why nothing was sent.
enum class SendRefusal : std::uint8_t {
  unknown_user,  ///< no directory knows him, or the gate is told to let him in never
  no_address,    ///< no channel carries such a message to what is known of him
  limited,       ///< he was sent too many, or has just said no
  no_room,       ///< too many messages wait
  unavailable,   ///< the directory or the store could not be asked
};
/// For the audit log: "no address to send to", …
[[nodiscard]] const char* to_text(SendRefusal refusal) noexcept;

/// What a link is made of. The secret goes into the message and nowhere else.
struct LoginLink {
  std::string visit;     ///< id of the record that its page decides
  std::string approval;  ///< id of the record that says what is asked; hash of the secret
  std::string secret;
};

/// All outlive the sender.
struct LoginSenderWorld {
  Store& store;
  const Sealer& sealer;
  Directory& directory;
  MessageSink& messages;
  std::function<void(const GateEvent& event)> audit;
};

/// A user at a RADIUS client with a Calling-Station-Id, or at the client alone: where wrong codes
/// are counted, so that nobody elsewhere locks him out.
[[nodiscard]] Answerer answerer_at(std::string_view user, std::string_view client,
                                   std::string_view calling_station);

/// Any thread but a shard's; all but the plain ones wait for the directory and the store.
class LoginSender {
 public:
  /// Of `settings`: the digits and the duration of tokens, the links' URL, denied users. `limits`
  /// count for tokens and links together, a user being who the directory says.
  LoginSender(GateSettings settings, LoginSenderWorld world, const PushLimitSettings& limits);
  ~LoginSender();

  void use(GateSettings settings);  ///< reload

  /// Decimal digits, for send_token().
  [[nodiscard]] std::string new_code() const;
  [[nodiscard]] static LoginLink new_link();
  /// How long a token or a link is good.
  [[nodiscard]] std::uint32_t duration_ms() const;

  using GivenUp = std::function<void()>;  ///< no channel took it; must not wait
  /// Sends the code to the user whose login it is. No error: it is on its way.
  [[nodiscard]] std::expected<void, SendRefusal> send_token(const Question& login,
                                                            const std::string& code,
                                                            GivenUp given_up);
  /// Puts what the page needs into the store, and sends the link.
  [[nodiscard]] std::expected<void, SendRefusal> send_link(const Question& login,
                                                           const LoginLink& link, GivenUp given_up);
  /// Whether such a message can reach the user at all. False also where nobody can tell.
  [[nodiscard]] bool reaches(MessageKind kind, std::string_view user);

  /// What the link's page has decided: approved, denied; expired: nothing yet.
  [[nodiscard]] std::expected<Verdict, GateError> look(const LoginLink& link);
  /// The same, and from now on it decides nothing any more.
  [[nodiscard]] std::expected<Verdict, GateError> close(const LoginLink& link);
  void forget(const LoginLink& link);

  /// The user has said yes, or no, to a login from there.
  void approved(const Question& login);
  void denied(const Question& login);

 private:
  [[nodiscard]] std::expected<User, SendRefusal> admit(const Question& login, MessageKind kind);
  [[nodiscard]] std::expected<void, SendRefusal> post(Message message, const Question& login,
                                                      GivenUp given_up, std::string_view event);
  [[nodiscard]] std::expected<void, SendRefusal> store_link(const Question& login,
                                                            const LoginLink& link,
                                                            const Approval& approval);
  [[nodiscard]] Asker asker_of(const Question& login, std::string_view user) const;

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::verify
