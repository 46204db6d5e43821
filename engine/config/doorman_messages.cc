// doorman's channels, messenger_config and the transport of registration messages.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "engine/config/doorman_parts.h"
#include "engine/config/doorman_template.h"
#include "engine/config/gate_text.h"
#include "engine/config/rate.h"
#include "protocol/ascii.h"

namespace sallyport::config {
namespace {

/// Writes one transport as [[gate.channel]].
class Transport {
 public:
  Transport(const JsonValue& value, const std::string& path, DoormanOutput& output,
            const DoormanSender& from)
      : output_(output),
        section_(output.add(Section::gate_channel)),
        keys_(value, path, output, section_),
        from_(from) {}

  [[nodiscard]] static std::string name_of(const JsonValue& value) {
    const auto* object = std::get_if<JsonObject>(&value.value);
    if (object == nullptr) return {};
    for (const auto& [key, inner] : object->entries) {
      if (key == "name" && std::holds_alternative<std::string>(inner.value)) {
        return std::get<std::string>(inner.value);
      }
    }
    return {};
  }

  void convert(const std::string& name, const std::vector<std::string>& carries) {
    (void)keys_.take("name");
    section_.set("name", in_quotes(name), keys_.path("name"));
    const std::string type = keys_.text("type").value_or("");
    const JsonValue nothing{};
    const JsonValue* value = keys_.object("spec");
    DoormanKeys spec(value == nullptr ? nothing : *value, keys_.path("spec"), output_, section_);
    if (type == "email") {
      convert_mail(spec);
    } else if (type == "url") {
      convert_url(spec);
    } else if (type == "command") {
      convert_command(spec);
    } else {
      output_.lost(section_, keys_.path("type"), "it is none of email, url and command");
      section_.comment_out();
    }
    if (!carries.empty()) section_.set("carries", list_literal(carries), "");
    spec.finish();
    keys_.finish();
  }

 private:
  void convert_mail(DoormanKeys& spec) {
    section_.set("type", "\"smtp\"", keys_.path("type"));
    spec.copy_text("host", section_, "address");
    const bool tls = spec.flag("ssl").value_or(false);
    section_.set("security", tls ? "\"tls\"" : "\"opportunistic\"", spec.path("ssl"));
    if (!tls)
      section_.remark("As doorman did: STARTTLS if offered. Better: security = \"starttls\"");
    spec.copy_text("user", section_, "user");
    spec.copy_secret("password", section_, "password");
    spec.copy_inverted("insecure_skip_verify", section_, "verify_certificate");
    spec.lost("from", "doorman never used it; the sender is messenger_config.from");
    if (from_.mail.empty() || check_mail(from_.mail)) {
      output_.lost(section_, "messenger_config.from.email",
                   "it is not the address of a mailbox: write from_mail");
      section_.set("from_mail", "\"sallyport@localhost\"", "");
    } else {
      section_.set("from_mail", in_quotes(from_.mail), "messenger_config.from.email");
    }
    if (!from_.name.empty()) {
      section_.set("from_name", in_quotes(from_.name), "messenger_config.from.name");
    }
  }

  void convert_template(DoormanKeys& spec, std::string_view key, std::string_view setting) {
    const auto text = spec.text(key);
    if (!text || text->empty()) return;
    const auto converted = convert_go_template(*text, from_);
    if (!converted) {
      output_.lost(section_, spec.path(key), converted.error());
      section_.comment_out();
      return section_.set(setting, in_quotes(*text), spec.path(key));
    }
    section_.set(setting, in_quotes(*converted), spec.path(key));
    if (text->contains("{.to}")) {
      DoormanOutput::told(section_, spec.path(key), "doorman has no .to; .tomail is taken");
    }
  }

  void convert_headers(DoormanKeys& spec) {
    const JsonValue* value = spec.object("headers");
    if (value == nullptr) return;
    std::vector<std::string> headers;
    std::string names;
    for (const auto& [name, values] : std::get<JsonObject>(value->value).entries) {
      const std::string path = fmt::format("{}.{}", spec.path("headers"), name);
      const auto* list = std::get_if<JsonArray>(&values.value);
      const auto* text = list != nullptr && !list->empty()
                             ? std::get_if<std::string>(&list->back().value)
                             : nullptr;
      std::vector<UrlHeader> checked;
      if (text == nullptr) {
        output_.lost(section_, path, "it is not a list of texts");
      } else if (equal_ignoring_case(name, "content-type")) {
        section_.set("content_type", in_quotes(*text), path);
      } else if (add_url_header(name + ": " + *text, checked)) {
        output_.lost(section_, path, "it is no header that may be set");
      } else {
        if (list->size() > 1) output_.lost(section_, path, "only its last value is taken");
        headers.push_back(name + ": " + *text);
        names += (names.empty() ? spec.path("headers") + "." : ", ") + name;
      }
    }
    if (!headers.empty()) section_.set("headers", list_literal(headers), names);
  }

  void convert_url(DoormanKeys& spec) {
    section_.set("type", "\"url\"", keys_.path("type"));
    convert_template(spec, "url_template", "url");
    if (!section_.has("url")) {
      output_.lost(section_, spec.path("url_template"), "it is missing");
      section_.comment_out();
    }
    const std::string method = spec.text("method").value_or("");
    section_.set("method", in_quotes(method.empty() ? "GET" : method), spec.path("method"));
    convert_template(spec, "body_template", "body");
    convert_headers(spec);
    if (section_.has("body")) {
      section_.remark(
          "Values are escaped for content_type, which is a form unless it is set: doorman escaped "
          "them for a query always.");
    }
    spec.copy_text("auth_user", section_, "user");
    spec.copy_secret("auth_password", section_, "password");
    spec.copy_inverted("insecure", section_, "verify_certificate");
  }

  void convert_command(DoormanKeys& spec) {
    section_.set("type", "\"command\"", keys_.path("type"));
    std::vector<std::string> words{spec.text("command").value_or("")};
    if (!words[0].starts_with('/')) {
      DoormanOutput::told(section_, spec.path("command"),
                          "it has no absolute path, so that it is looked for in PATH; better write "
                          "the path");
      words.insert(words.begin(), "/usr/bin/env");
    }
    for (const std::string& argument : spec.texts("args")) {
      const auto converted = convert_go_template(argument, from_);
      if (!converted) output_.lost(section_, spec.path("args"), converted.error());
      if (!converted) section_.comment_out();
      words.push_back(converted.value_or(argument));
    }
    section_.set("command", list_literal(words), spec.path("command") + ", args");
    section_.set("use_stdin", spec.flag("use_stdin").value_or(false) ? "true" : "false",
                 spec.path("use_stdin"));
    spec.needless("wait", "commands are always waited for, on threads of their own");
  }

  DoormanOutput& output_;
  OutputSection& section_;
  DoormanKeys keys_;
  const DoormanSender& from_;
};

void convert_limits(DoormanKeys& messenger, DoormanOutput& output) {
  const auto burst = messenger.number("burst");
  const auto rate_ms = messenger.duration_ms("rate");
  if (!burst && !rate_ms) return;
  OutputSection& limits = output.only(Section::gate_limits);
  const std::string from = messenger.path("burst") + ", rate";
  DoormanOutput::told(limits, from, "they were without effect in doorman; here they limit");
  const double count = std::clamp(std::floor(burst.value_or(1)), 1.0, 1.0 * kMaxRateCount);
  const double window_ms =
      std::clamp(count * rate_ms.value_or(60'000), 1.0 * kMinRateWindowMs, 1.0 * kMaxRateWindowMs);
  const verify::Rate rate{.count = static_cast<std::uint32_t>(count),
                          .window_ms = static_cast<std::uint32_t>(window_ms)};
  limits.set("send_per_user", in_quotes(rate_text(rate)), from);
}

/// Null: not there.
const JsonValue* member(const JsonValue* value, std::string_view key) {
  const auto* object = value == nullptr ? nullptr : std::get_if<JsonObject>(&value->value);
  if (object == nullptr) return nullptr;
  const auto found = std::ranges::find(object->entries, key, &JsonMember::name);
  return found == object->entries.end() ? nullptr : &found->value;
}

/// The transports in the order of `channels`, which names those that doorman used.
std::vector<const JsonValue*> in_order(const JsonArray& transports, DoormanKeys& doorman) {
  std::vector<const JsonValue*> out;
  const std::vector<std::string> channels = doorman.texts("channels");
  for (const std::string& name : channels) {
    const auto found = std::ranges::find(transports, name, Transport::name_of);
    if (found == transports.end()) {
      doorman.output().lost(doorman.at(), doorman.path("channels"),
                            fmt::format("there is no transport \"{}\"", name));
    } else if (std::ranges::find(out, &*found) == out.end()) {
      out.push_back(&*found);
    }
  }
  if (channels.empty() && !transports.empty()) {
    doorman.output().lost(doorman.at(), doorman.path("channels"),
                          "there are none, so that doorman sent nothing; all transports are used");
    for (const JsonValue& transport : transports) out.push_back(&transport);
  }
  if (!channels.empty()) {
    doorman.told("channels",
                 "their order is that of [[gate.channel]]; when one fails, the next is tried");
  }
  return out;
}

}  // namespace

void convert_doorman_messages(DoormanKeys& doorman) {
  DoormanOutput& output = doorman.output();
  const JsonValue nothing{};
  const JsonValue* settings = doorman.object("messenger_config");
  const JsonValue& messenger_value = settings == nullptr ? nothing : *settings;
  DoormanKeys messenger(messenger_value, doorman.path("messenger_config"), output, doorman.at());
  convert_limits(messenger, output);
  DoormanSender from;
  if (const JsonValue* value = messenger.object("from")) {
    DoormanKeys keys(*value, messenger.path("from"), output, doorman.at());
    from = {.mail = keys.text("email").value_or(""), .name = keys.text("name").value_or("")};
    keys.finish();
  }
  const JsonArray none;
  const JsonArray* list = messenger.list("transports");
  const JsonArray& transports = list == nullptr ? none : *list;
  const std::string path = messenger.path("transports");
  const std::vector<const JsonValue*> used = in_order(transports, doorman);

  // Where registration messages have a way of their own, they take no other.
  const JsonValue* registration =
      member(member(doorman.object("store_settings"), "otp"), "transport");
  const std::string registration_path = doorman.path("store_settings.otp.transport");
  const std::vector<std::string> others =
      registration == nullptr ? std::vector<std::string>{}
                              : std::vector<std::string>{"token", "link", "changed"};
  for (const JsonValue* value : used) {
    const auto index = static_cast<std::size_t>(value - transports.data());
    const std::string name = clean_name(Transport::name_of(*value), "channel");
    Transport(*value, fmt::format("{}[{}]", path, index), output, from)
        .convert(output.unique(Section::gate_channel, name), others);
  }
  for (std::size_t i = 0; i < transports.size(); ++i) {
    if (std::ranges::find(used, &transports[i]) != used.end()) continue;
    output.lost(doorman.at(), fmt::format("{}[{}]", path, i),
                fmt::format("\"{}\" is not among the channels, so that doorman never used it",
                            Transport::name_of(transports[i])));
  }
  if (registration != nullptr) {
    const std::string name = clean_name(Transport::name_of(*registration), "registration");
    Transport(*registration, registration_path, output, from)
        .convert(output.unique(Section::gate_channel, name), {"registration"});
  }
  const auto sends_mail = [](const JsonValue* transport) {
    const JsonValue* type = member(transport, "type");
    const auto* text = type == nullptr ? nullptr : std::get_if<std::string>(&type->value);
    return text != nullptr && *text == "email";
  };
  if (!std::ranges::any_of(used, sends_mail) && !sends_mail(registration) &&
      !(from.mail + from.name).empty()) {
    messenger.told("from.email, from.name", "nothing is sent by mail, so that there is no sender");
  }
  messenger.finish();
}

}  // namespace sallyport::config
