// doorman's users as [[gate.directory]].

#include <fmt/format.h>

#include "engine/config/doorman_parts.h"
#include "engine/config/gate_text.h"

namespace sallyport::config {
namespace {

/// Of a directory that is asked for a uid as its last word or on standard input.
std::vector<std::string> command_words(DoormanKeys& spec, OutputSection& section) {
  std::vector<std::string> words{spec.text("command").value_or("")};
  if (!words[0].starts_with('/')) {
    DoormanOutput::told(section, spec.path("command"),
                        "it has no absolute path, so that it is looked for in PATH; better write "
                        "the path");
    words.insert(words.begin(), "/usr/bin/env");
  }
  for (std::string& argument : spec.texts("args")) words.push_back(std::move(argument));
  return words;
}

void convert_user(const JsonValue& value, const std::string& path, DoormanOutput& output,
                  std::size_t& count) {
  OutputSection& section = output.add(Section::gate_user);
  DoormanKeys user(value, path, output, section);
  const auto id = user.text("uid");
  if (!id || check_user_id(*id)) {
    output.lost(section, user.path("uid"), "it is no user id; this user is left out");
    section.comment_out();
    section.set("id", in_quotes(id.value_or("")), user.path("uid"));
  } else {
    section.set("id", in_quotes(*id), user.path("uid"));
    ++count;
  }
  user.copy_text("name", section, "name");
  if (const auto mail = user.text("email"); mail && !mail->empty()) {
    if (check_mail(*mail) && !mail->contains("{env.")) {
      output.lost(section, user.path("email"), "it is not the address of a mailbox");
    } else {
      section.set("mail", in_quotes(*mail), user.path("email"));
    }
  }
  user.copy_text("mobile", section, "mobile");
  user.copy_text("telephone", section, "telephone");
  user.finish();
}

void convert_list(const JsonValue* spec, const std::string& path, OutputSection& section,
                  DoormanOutput& output) {
  const auto* users = spec == nullptr ? nullptr : std::get_if<JsonArray>(&spec->value);
  std::size_t count = 0;
  if (users == nullptr) {
    output.lost(section, path, "it is not a list of users");
  } else {
    for (std::size_t i = 0; i < users->size(); ++i) {
      convert_user((*users)[i], fmt::format("{}[{}]", path, i), output, count);
    }
  }
  if (count > 0) return;
  output.lost(section, path, "it has no users: the directory is left out");
  section.comment_out();
}

void convert_file(DoormanKeys& spec, OutputSection& section) {
  section.remark("doorman's JSON is read as it is. A relative path begins at this file's folder.");
  spec.copy_text("path", section, "path");
  spec.needless("watch", "the file is read again whenever it has changed, also by rename");
}

/// doorman takes one name; a list, as its key's name suggests, is taken up to its first.
void convert_user_attribute(DoormanKeys& spec, OutputSection& section) {
  const JsonValue* value = spec.take("uid_attributes");
  if (value == nullptr) return;
  const auto* text = std::get_if<std::string>(&value->value);
  if (const auto* list = std::get_if<JsonArray>(&value->value); list != nullptr && !list->empty()) {
    text = std::get_if<std::string>(&list->front().value);
    if (list->size() > 1) {
      spec.output().lost(section, spec.path("uid_attributes"),
                         "only the first is taken; a further [[gate.directory]] may have another");
    }
  }
  if (text == nullptr) {
    spec.output().lost(section, spec.path("uid_attributes"), "it is not the name of an attribute");
  } else if (!text->empty()) {
    section.set("user_attribute", in_quotes(*text), spec.path("uid_attributes"));
  }
}

void convert_ldap(DoormanKeys& spec, OutputSection& section) {
  const std::string address = spec.text("address").value_or("");
  const bool tls = spec.flag("tls").value_or(false);
  const std::string url =
      address.contains("://") ? address : (tls ? "ldaps://" : "ldap://") + address;
  section.set("urls", list_literal({url}), spec.path("address") + ", tls");
  if (!url.starts_with("ldaps://")) {
    section.remark(
        "Without TLS, whoever is on the way reads the password. Better: start_tls = true");
  }
  spec.copy_inverted("insecure_skip", section, "verify_certificate");
  spec.copy_text("user", section, "bind_dn");
  spec.copy_secret("password", section, "bind_password");
  spec.copy_text("search_base", section, "search_base");
  if (!section.has("search_base")) {
    spec.output().lost(section, spec.path("search_base"), "it is missing: write one");
    section.set("search_base", "\"\"", "");
  }
  convert_user_attribute(spec, section);
  spec.copy_text("mobile_attribute", section, "mobile_attribute");
  spec.copy_text("telephone_attribute", section, "telephone_attribute");
  spec.copy_text("email_attribute", section, "mail_attribute");
  spec.copy_text("name_attribute", section, "name_attribute");
  section.remark(
      "Numbers go to the channel as the directory has them: doorman made 00 of + and dropped "
      "spaces.");
}

void convert_directory(const JsonValue& value, const std::string& path, DoormanOutput& output) {
  OutputSection& section = output.add(Section::gate_directory);
  DoormanKeys keys(value, path, output, section);
  const std::string type = keys.text("type").value_or("");
  const std::string name = keys.text("name").value_or("");
  section.set("name",
              in_quotes(output.unique(Section::gate_directory, clean_name(name, "directory"))),
              keys.path("name"));
  section.set("type", in_quotes(type), keys.path("type"));
  const std::string spec_path = keys.path("spec");
  if (type == "list") {
    convert_list(keys.take("spec"), spec_path, section, output);
    return keys.finish();
  }
  const JsonValue nothing{};
  const JsonValue* spec_value = keys.object("spec");
  DoormanKeys spec(spec_value == nullptr ? nothing : *spec_value, spec_path, output, section);
  if (type == "file") {
    convert_file(spec, section);
  } else if (type == "ldap") {
    convert_ldap(spec, section);
  } else if (type == "command") {
    section.set("command", list_literal(command_words(spec, section)),
                spec.path("command") + ", args");
    // The default here is standard input, doorman's was the last argument.
    const bool use_stdin = spec.flag("use_stdin").value_or(false);
    section.set("use_stdin", use_stdin ? "true" : "false", spec.path("use_stdin"));
    if (!use_stdin) {
      section.remark("The user id comes behind \"--\", so that it is never taken for an option.");
    }
  } else {
    output.lost(section, keys.path("type"), "it is none of list, file, ldap and command");
    section.comment_out();
  }
  spec.finish();
  keys.finish();
}

}  // namespace

void convert_doorman_users(DoormanKeys& doorman) {
  const JsonArray* users = doorman.list("users");
  if (users == nullptr || users->empty()) {
    doorman.output().lost(doorman.at(), doorman.path("users"),
                          "there are none: add [[gate.directory]], else nobody is known");
    return;
  }
  for (std::size_t i = 0; i < users->size(); ++i) {
    convert_directory((*users)[i], fmt::format("{}[{}]", doorman.path("users"), i),
                      doorman.output());
  }
}

}  // namespace sallyport::config
