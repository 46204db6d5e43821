#include "engine/config/secret_source.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/ascii.h"
#include "protocol/octets.h"

namespace sallyport::config {
namespace {

std::unexpected<Complaint> complaint(std::string wrong, std::string mend) {
  return std::unexpected(Complaint{.wrong = std::move(wrong), .mend = std::move(mend)});
}

/// Owns a file descriptor for the length of a function.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

Finding check_controls(std::string_view secret) {
  if (secret.find_first_of("\r\n") != std::string_view::npos) {
    return Complaint{.wrong = "has more than one line: no line end belongs to a secret",
                     .mend = "Keep one line: the secret and nothing else."};
  }
  const auto* const control = std::ranges::find_if(secret, is_control);
  if (control == secret.end()) return {};
  return Complaint{.wrong = fmt::format("has a control character: its octet {} of {}",
                                        control - secret.begin() + 1, secret.size()),
                   .mend = "Remove it, or make another secret: openssl rand -hex 16"};
}

std::expected<Secret, Complaint> secret_from_text(std::string_view text, SecretLines lines) {
  if (text.empty()) {
    return complaint("is empty", "Write the secret that both sides share: openssl rand -hex 16");
  }
  if (text.size() > kMaxSecretOctets) {
    return complaint(fmt::format("has more than {} octets", kMaxSecretOctets),
                     "Use a shorter secret; 32 random characters are plenty.");
  }
  if (lines == SecretLines::one) {
    if (Finding wrong = check_controls(text)) return std::unexpected(std::move(*wrong));
  }
  return Secret(text);
}

std::expected<Secret, Complaint> secret_from_file(const std::string& path,
                                                  const std::string& folder, SecretLines lines) {
  const std::string full = (std::filesystem::path(folder) / path).string();
  const OpenFile file(full);
  // The path is not repeated: somebody may have written the secret itself in its place.
  const auto cannot_read = [] {
    return complaint(
        fmt::format("names a file that cannot be read: {}", std::generic_category().message(errno)),
        "Give the path of a file that holds the secret and that this user may read.");
  };
  if (file.descriptor() < 0) return cannot_read();
  struct stat status{};
  if (::fstat(file.descriptor(), &status) != 0) return cannot_read();
  if (!S_ISREG(status.st_mode)) {
    return complaint(fmt::format("names {}, which is not a file", full),
                     "Give the path of a file that holds the secret and nothing else.");
  }
  if ((status.st_mode & S_IRWXO) != 0) {
    return complaint(fmt::format("names {}, which everybody on this machine may open (mode {:04o})",
                                 full, status.st_mode & 07777U),
                     fmt::format("Run: chmod o= {}", full));
  }
  // One octet more than the longest secret and its line end, to see that there is no more.
  std::uint8_t octets[kMaxSecretOctets + 3];
  std::size_t size = 0;
  ssize_t got = 0;
  while (size < sizeof octets &&
         (got = ::read(file.descriptor(), octets + size, sizeof octets - size)) > 0) {
    size += static_cast<std::size_t>(got);
  }
  if (got < 0) {
    wipe(octets);
    return cannot_read();
  }
  std::string_view text(reinterpret_cast<const char*>(octets), size);
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  auto secret = secret_from_text(text, lines);
  wipe(octets);
  if (!secret) secret.error().wrong = fmt::format("names {}, which {}", full, secret.error().wrong);
  return secret;
}

std::expected<Secret, Complaint> secret_from_environment(std::string_view variable,
                                                         const Environment& environment,
                                                         SecretLines lines) {
  // The name is not repeated: somebody may have written the secret itself in its place.
  const auto found = environment.find(variable);
  if (found == environment.end() || found->second.empty()) {
    return complaint("names a variable that is not set",
                     "Give the name of a variable of the daemon's environment, and set it there.");
  }
  auto secret = secret_from_text(found->second, lines);
  if (!secret) secret.error().wrong = "names a variable that " + secret.error().wrong;
  return secret;
}

}  // namespace sallyport::config
