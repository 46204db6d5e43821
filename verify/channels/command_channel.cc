// Messages by a program of the operator's. It is given the short text on its standard input, or as
// last argument; its other arguments are templates.

#include <algorithm>

#include "verify/channels/channel.h"
#include "verify/process.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kMaxPrinted = std::size_t{64} << 10;

class CommandChannel final : public Channel {
 public:
  CommandChannel(std::string program, std::vector<TextTemplate> arguments, bool use_stdin,
                 std::uint32_t timeout_ms, std::string issuer)
      : program_(std::move(program)),
        arguments_(std::move(arguments)),
        use_stdin_(use_stdin),
        timeout_ms_(timeout_ms),
        issuer_(std::move(issuer)) {}

  std::expected<void, SendFailure> send(const Message& message, const MessageText& text,
                                        int stop) override {
    const std::vector<TemplateValue> values = channel_values(message, text, issuer_);
    std::vector<std::string> command{program_};
    for (const TextTemplate& argument : arguments_) {
      std::string given = argument.render(values, Escape::header);
      // A value must not turn into an option; text of the operator's may be one.
      if (given.starts_with('-') && argument.begins_with_value()) {
        return std::unexpected(
            SendFailure{.text = "a value would be taken for an option", .lasting = true});
      }
      command.push_back(std::move(given));
    }
    if (!use_stdin_) command.push_back(text.brief);
    const auto printed = run_process(command, use_stdin_ ? text.brief + "\n" : std::string(),
                                     {.timeout_ms = timeout_ms_, .max_output = kMaxPrinted}, stop);
    if (!printed) return std::unexpected(SendFailure{.text = printed.error(), .lasting = false});
    return {};
  }

  // What it is not given, the program may have: by the user's id.
  bool reaches(const User& user) const override {
    const auto named = [&](std::string_view placeholder) {
      return std::ranges::any_of(
          arguments_, [&](const TextTemplate& argument) { return argument.names(placeholder); });
    };
    return named("user") || !((named("to_mail") && user.mail.empty()) ||
                              (named("to_mobile") && user.number().empty()));
  }

 private:
  const std::string program_;
  const std::vector<TextTemplate> arguments_;
  const bool use_stdin_;
  const std::uint32_t timeout_ms_;
  const std::string issuer_;
};

}  // namespace

MadeChannel make_command_channel(const CommandChannelSettings& settings, std::uint32_t timeout_ms,
                                 const std::string& issuer) {
  if (settings.command.empty() || !settings.command[0].starts_with('/')) {
    return std::unexpected("its command begins with an absolute path");
  }
  std::vector<TextTemplate> arguments;
  for (std::size_t i = 1; i < settings.command.size(); ++i) {
    auto parsed = TextTemplate::parse(settings.command[i], channel_placeholders());
    if (!parsed) return std::unexpected("an argument of its command " + parsed.error());
    arguments.push_back(std::move(*parsed));
  }
  return std::make_unique<CommandChannel>(settings.command[0], std::move(arguments),
                                          settings.use_stdin, timeout_ms, issuer);
}

}  // namespace sallyport::verify
