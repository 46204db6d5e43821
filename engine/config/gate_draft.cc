#include "engine/config/gate_draft.h"

#include <utility>

namespace sallyport::config {
namespace {

constexpr std::uint16_t kSubmissionPort = 587;   // RFC 6409
constexpr std::uint16_t kSubmissionsPort = 465;  // RFC 8314 §3.3

}  // namespace

GateDirectory finished(DirectoryDraft draft) {
  GateDirectory out{.name = std::move(draft.name), .settings = {}};
  switch (draft.type) {
    case DirectoryType::list: out.settings = std::move(draft.list); break;
    case DirectoryType::file: out.settings = std::move(draft.file); break;
    case DirectoryType::ldap:
      draft.ldap.timeout_ms = draft.timeout_ms;
      out.settings = std::move(draft.ldap);
      break;
    case DirectoryType::command:
      draft.command.timeout_ms = draft.timeout_ms;
      out.settings = std::move(draft.command);
      break;
  }
  return out;
}

verify::ChannelSettings finished(ChannelDraft draft) {
  verify::ChannelSettings out = std::move(draft.settings);
  const bool tls = out.smtp.security == verify::SmtpSecurity::tls;
  out.smtp.port = draft.port != 0 ? draft.port : tls ? kSubmissionsPort : kSubmissionPort;
  const auto fill = [&](auto& kind) {
    kind.user = std::move(draft.user);
    kind.password = std::move(draft.password);
    kind.verify_certificate = draft.verify_certificate;
    kind.ca_file = std::move(draft.ca_file);
  };
  using Kind = verify::ChannelSettings::Kind;
  if (out.kind == Kind::smtp) fill(out.smtp);
  if (out.kind == Kind::url) fill(out.url);
  return out;
}

DirectoryDraft draft_of(const GateDirectory& directory) {
  DirectoryDraft out;
  out.name = directory.name;
  out.type = static_cast<DirectoryType>(directory.settings.index());
  if (const auto* list = std::get_if<verify::ListDirectorySettings>(&directory.settings)) {
    out.list = *list;
  } else if (const auto* file = std::get_if<verify::FileDirectorySettings>(&directory.settings)) {
    out.file = *file;
  } else if (const auto* ldap = std::get_if<verify::LdapDirectorySettings>(&directory.settings)) {
    out.ldap = *ldap;
    out.timeout_ms = ldap->timeout_ms;
  } else if (const auto* command =
                 std::get_if<verify::CommandDirectorySettings>(&directory.settings)) {
    out.command = *command;
    out.timeout_ms = command->timeout_ms;
  }
  return out;
}

ChannelDraft draft_of(const verify::ChannelSettings& channel) {
  ChannelDraft out;
  out.settings = channel;
  out.port = channel.smtp.port;
  const auto take = [&](const auto& kind) {
    out.user = kind.user;
    out.password = kind.password;
    out.verify_certificate = kind.verify_certificate;
    out.ca_file = kind.ca_file;
  };
  using Kind = verify::ChannelSettings::Kind;
  if (channel.kind == Kind::smtp) take(channel.smtp);
  if (channel.kind == Kind::url) take(channel.url);
  return out;
}

}  // namespace sallyport::config
