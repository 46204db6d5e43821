#pragma once
// Messages to users: by mail (SMTP), by a URL (SMS services), by a command. Queued, bounded, sent
// on threads of their own with retries, falling back from one channel to the next.

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/secret.h"
#include "verify/channels/message_sink.h"
#include "verify/users/directory.h"

namespace sallyport::verify {

/// What is told. Each has a subject, a text, an HTML body and a short text (SMS) in every language.
enum class MessageKind : std::uint8_t {
  token,         ///< {code}, {spaced_code}, {minutes}
  link,          ///< {link}, {address}, {device}, {time}, {minutes}
  registration,  ///< {link}, {minutes}: of a one-time password or passkey
  changed,       ///< {what}, {address}, {time}: a factor was registered or removed
};
inline constexpr std::size_t kMessageKinds = 4;

struct Message {
  MessageKind kind = MessageKind::token;
  User to;
  std::string language;  ///< "en"; one without templates gets the default's
  /// Values of the templates by name; what every template has besides: {user}, {name}, {issuer},
  /// {imprint_url}, {privacy_policy_url}.
  std::vector<std::pair<std::string, std::string>> values;
  std::uint64_t until_ms = 0;  ///< Unix time; not sent any more from then on. 0: always
  /// Called once it is given up, on a thread of the messenger's; must not wait. None: nobody asks.
  std::function<void()> given_up;
};

enum class SmtpSecurity : std::uint8_t {
  starttls,       ///< required
  tls,            ///< from the first octet
  opportunistic,  ///< STARTTLS if offered, unverified servers included
  none,
};

struct SmtpChannelSettings {
  std::string host;
  std::uint16_t port = 587;
  SmtpSecurity security = SmtpSecurity::starttls;
  bool verify_certificate = true;
  std::string ca_file;
  std::string user;
  Secret password;
  std::string from_mail;
  std::string from_name;
};
struct UrlChannelSettings {
  std::string url;   ///< template; values are escaped for a query
  std::string body;  ///< template; escaped as content_type asks (JSON, form); empty: none
  std::string method = "POST";
  std::string content_type = "application/x-www-form-urlencoded";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string user;  ///< Basic authentication
  Secret password;
  Secret bearer;  ///< Authorization: Bearer
  bool verify_certificate = true;
  std::string ca_file;
  std::string proxy;
};
struct CommandChannelSettings {
  std::vector<std::string> command;  ///< absolute path, arguments; no shell; templates
  bool use_stdin = true;             ///< the short text on standard input, else as last argument
};

struct ChannelSettings {
  enum class Kind : std::uint8_t { smtp, url, command };
  std::string name;
  Kind kind = Kind::smtp;
  SmtpChannelSettings smtp;
  UrlChannelSettings url;
  CommandChannelSettings command;
  std::uint32_t timeout_ms = 10'000;  ///< of one attempt
  std::uint32_t attempts = 2;         ///< before the next channel is tried
  std::uint32_t retry_ms = 1'000;     ///< before the second attempt; doubles
  /// Which it can carry; all unless given.
  std::vector<MessageKind> carries;
};

struct MessengerSettings {
  std::vector<ChannelSettings> channels;  ///< in the order in which they are tried
  std::string template_folder;  ///< own templates: "de/token.subject.txt"; empty: built in
  std::string default_language = "en";
  std::string issuer;
  std::string imprint_url;
  std::string privacy_policy_url;
  std::uint32_t queue = 1'024;  ///< messages; one more is refused
  std::uint32_t threads = 2;
};

/// Counts of one channel. Any thread.
struct ChannelCounts {
  std::string name;
  std::uint64_t sent = 0;
  std::uint64_t failed = 0;   ///< attempts
  std::uint64_t dropped = 0;  ///< messages that it was the last to fail for
};

class Messenger final : public MessageSink {
 public:
  /// Reads the templates. An error is one line that says what to mend.
  [[nodiscard]] static std::expected<std::unique_ptr<Messenger>, std::string> make(
      MessengerSettings settings);
  ~Messenger() override;  ///< stops: what is queued is given up, and the log says how many

  void start();
  /// Any thread; does not wait. False: the queue is full.
  [[nodiscard]] bool post(Message message) override;
  [[nodiscard]] bool reaches(MessageKind kind, const User& user) const override;

  [[nodiscard]] std::vector<ChannelCounts> counts() const;
  [[nodiscard]] std::size_t queued() const;

 private:
  struct Impl;
  explicit Messenger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::verify
