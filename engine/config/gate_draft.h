#pragma once
// Directories and channels while they are read: their kinds share keys, and a kind's own settings
// are known only when all keys are.

#include <cstdint>
#include <string>

#include "engine/config/gate.h"

namespace sallyport::config {

enum class DirectoryType : std::uint8_t { list, file, ldap, command };

struct DirectoryDraft {
  std::string name;
  DirectoryType type = DirectoryType::list;
  verify::ListDirectorySettings list;
  verify::FileDirectorySettings file;
  verify::LdapDirectorySettings ldap;
  verify::CommandDirectorySettings command;
  std::uint32_t timeout_ms = 5'000;  ///< of LDAP and command
};

struct ChannelDraft {
  verify::ChannelSettings settings;
  std::uint16_t port = 0;  ///< of SMTP; 0: the usual one
  // Of SMTP and URL alike:
  std::string user;
  Secret password;
  bool verify_certificate = true;
  std::string ca_file;
};

[[nodiscard]] GateDirectory finished(DirectoryDraft draft);
[[nodiscard]] verify::ChannelSettings finished(ChannelDraft draft);
/// Back again, to show what was read.
[[nodiscard]] DirectoryDraft draft_of(const GateDirectory& directory);
[[nodiscard]] ChannelDraft draft_of(const verify::ChannelSettings& channel);

}  // namespace sallyport::config
