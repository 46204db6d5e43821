#include "engine/http/grants_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/ring/file_descriptor.h"

namespace sallyport::http_door {
namespace {

constexpr std::string_view kFirstLine = "sallyport grants 1";
constexpr std::size_t kColumns = 7;
/// kMaxGrants lines of the longest texts, in round numbers; more is not our file.
constexpr std::size_t kMaxFileOctets = std::size_t{1} << 30;

std::optional<std::uint64_t> read_number(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view take(std::string_view& text, char end) noexcept {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view front = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return front;
}

/// The columns of a line; fewer leave empty ones, more make nothing.
std::optional<std::array<std::string_view, kColumns>> columns_of(std::string_view line) noexcept {
  std::array<std::string_view, kColumns> columns;
  if (std::ranges::count(line, '\t') >= static_cast<std::ptrdiff_t>(kColumns)) return std::nullopt;
  for (std::string_view& column : columns) column = take(line, '\t');
  return columns;
}

std::optional<Grant> read_grant(std::string_view line) {
  const auto columns = columns_of(line);
  if (!columns) return std::nullopt;
  const auto id = read_number((*columns)[0]);
  const auto since_ms = read_number((*columns)[1]);
  const auto until_ms = read_number((*columns)[2]);
  const auto address = IpAddress::parse((*columns)[3]);
  if (!id || !since_ms || !until_ms || !address || (*columns)[4].empty()) return std::nullopt;
  return Grant{.id = *id,
               .address = *address,
               .user = std::string((*columns)[4]),
               .since_ms = *since_ms,
               .until_ms = *until_ms,
               .by = std::string((*columns)[5]),
               .reason = std::string((*columns)[6])};
}

std::unexpected<std::string> failed(const std::string& what, const std::string& path) {
  const int error = errno;
  return std::unexpected("cannot " + what + " " + path + ": " +
                         std::generic_category().message(error));
}

bool write_all(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

std::string grants_text(const Grants& grants) {
  std::string text(kFirstLine);
  text += '\n';
  for (const GrantPointer& grant : grants.list()) {
    text += std::to_string(grant->id) + '\t' + std::to_string(grant->since_ms) + '\t' +
            std::to_string(grant->until_ms) + '\t' + grant->address.text() + '\t' + grant->user +
            '\t' + grant->by + '\t' + grant->reason + '\n';
  }
  text += "end\t" + std::to_string(grants.size()) + '\t' + std::to_string(grants.next_id()) + '\n';
  return text;
}

std::expected<KeptGrants, std::string> read_grants_text(std::string_view text) {
  if (take(text, '\n') != kFirstLine) {
    return std::unexpected("line 1 is not \"" + std::string(kFirstLine) + "\"");
  }
  const std::unexpected<std::string> cut_short("the last line is missing: the file was cut short");
  if (!text.ends_with('\n')) return cut_short;
  KeptGrants kept;
  for (std::size_t line_number = 2; !text.empty(); ++line_number) {
    const std::string_view line = take(text, '\n');
    if (!line.starts_with("end\t")) {
      auto grant = read_grant(line);
      if (!grant) {
        return std::unexpected("line " + std::to_string(line_number) + " is not a grant");
      }
      kept.grants.push_back(std::move(*grant));
      continue;
    }
    const auto columns = columns_of(line);
    const auto count = columns ? read_number((*columns)[1]) : std::nullopt;
    const auto next_id = columns ? read_number((*columns)[2]) : std::nullopt;
    if (count != kept.grants.size() || !next_id || !text.empty()) {
      return std::unexpected("line " + std::to_string(line_number) +
                             " does not end the grants above it");
    }
    kept.next_id = *next_id;
    return kept;
  }
  return cut_short;
}

std::expected<void, std::string> save_grants(const std::string& path, const Grants& grants) {
  const std::string beside = path + ".new";
  {
    const ring::FileDescriptor file(
        ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) return failed("open", beside);
    if (!write_all(file.get(), grants_text(grants))) return failed("write", beside);
    if (::fsync(file.get()) != 0) return failed("sync", beside);
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return failed("replace", path);
  // The rename itself has to reach the disk.
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const ring::FileDescriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return failed("open", folder);
  // Some file systems cannot sync a folder, and need not.
  if (::fsync(directory.get()) != 0 && errno != EINVAL) return failed("sync", folder);
  return {};
}

std::expected<KeptGrants, std::string> load_grants(const std::string& path) {
  const ring::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return KeptGrants{};
    return failed("open", path);
  }
  std::string text;
  for (;;) {
    constexpr std::size_t kStep = 65'536;
    const std::size_t size = text.size();
    if (size > kMaxFileOctets) return std::unexpected(path + " is too large for grants");
    text.resize(size + kStep);
    const ssize_t count = ::read(file.get(), text.data() + size, kStep);
    text.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read", path);
    if (count == 0) break;
  }
  auto kept = read_grants_text(text);
  if (!kept) return std::unexpected(path + ": " + kept.error());
  return kept;
}

}  // namespace sallyport::http_door
