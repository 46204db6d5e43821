#include "engine/config/clients_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/config/checks.h"
#include "engine/config/config.h"
#include "engine/config/secret_source.h"

namespace sallyport::config {
namespace {

/// A million clients take 60 MB.
constexpr std::int64_t kMaxFileOctets = std::int64_t{1} << 30;
/// More are counted, not told: a file of another kind has a million.
constexpr std::size_t kMaxMistakesTold = 20;
constexpr std::string_view kKey = "radius.clients_file";

Mistake about_file(const std::string& path, std::string wrong, std::string mend) {
  return {.source = path,
          .where = {},
          .key = std::string(kKey),
          .wrong = std::move(wrong),
          .mend = std::move(mend)};
}

Mistake unreadable(const std::string& path) {
  return about_file(path, "cannot be read: " + std::generic_category().message(errno),
                    "Give the path of a file of lines \"address,name,secret\" that this user may "
                    "read.");
}

/// Where a prefix stands among `places`; open addressing, filled up to one half.
class PrefixIndex {
 public:
  explicit PrefixIndex(std::size_t prefixes) : slots_(2 * prefixes + 1, 0) {}

  /// The number that the prefix has already; nothing: now it has `number`, counted from 1.
  template <typename PrefixOf>
  std::optional<std::uint32_t> add(const Prefix& prefix, std::uint32_t number,
                                   const PrefixOf& prefix_of) {
    const std::size_t at = find(prefix, prefix_of);
    if (slots_[at] != 0) return slots_[at];
    slots_[at] = number;
    return std::nullopt;
  }
  /// 0: it has none.
  template <typename PrefixOf>
  [[nodiscard]] std::uint32_t number_of(const Prefix& prefix, const PrefixOf& prefix_of) const {
    return slots_[find(prefix, prefix_of)];
  }

 private:
  template <typename PrefixOf>
  [[nodiscard]] std::size_t find(const Prefix& prefix, const PrefixOf& prefix_of) const {
    // The upper half of the hash, scaled to the number of slots.
    std::size_t at = (hash_of(prefix) >> 32) * slots_.size() >> 32;
    while (slots_[at] != 0 && prefix_of(slots_[at]) != prefix)
      at = at + 1 == slots_.size() ? 0 : at + 1;
    return at;
  }
  static std::uint64_t hash_of(const Prefix& prefix) noexcept {
    std::uint64_t high;
    std::uint64_t low;
    std::memcpy(&high, prefix.address.octets.data(), sizeof high);
    std::memcpy(&low, prefix.address.octets.data() + sizeof high, sizeof low);
    std::uint64_t h = (high ^ prefix.length) * 0x9e37'79b9'7f4a'7c15;
    h = (h ^ (h >> 29) ^ low) * 0xc2b2'ae3d'27d4'eb4f;
    return (h ^ (h >> 32)) * 0x9e37'79b9'7f4a'7c15;
  }

  std::vector<std::uint32_t> slots_;
};

}  // namespace

ClientRows::Row ClientRows::operator[](std::size_t index) const noexcept {
  const Place& place = places_[index];
  const Octets rest = Octets(text_).subspan(place.name_begin);
  return {.prefix = place.prefix,
          .name = as_text(rest.first(place.name_octets)),
          .secret = rest.subspan(std::size_t{place.name_octets} + 1, place.secret_octets)};
}

class ClientsFileReader {
 public:
  ClientsFileReader(std::string path, std::span<const Client> others)
      : path_(std::move(path)), others_(others), rows_(std::make_shared<ClientRows>()) {}

  std::expected<ClientsFile, std::vector<Mistake>> read() {
    if (auto mistake = read_text()) return std::unexpected(std::vector{std::move(*mistake)});
    read_lines();
    look_for_doubles();
    std::ranges::sort(mistakes_, {}, [](const Mistake& mistake) { return mistake.where.line; });
    if (mistakes_.empty() && rows_->size() == 0) {
      mistakes_.push_back(about_file(path_, "names no client",
                                     "Write lines \"address,name,secret\", or remove the key."));
    }
    if (mistakes_.size() < mistakes_found_) {
      mistakes_.push_back(
          about_file(path_, fmt::format("has {} mistakes more", mistakes_found_ - mistakes_.size()),
                     "Mend those above first."));
    }
    if (!mistakes_.empty()) return std::unexpected(std::move(mistakes_));
    return ClientsFile{.rows = std::move(rows_), .warnings = warnings()};
  }

 private:
  [[nodiscard]] std::optional<Mistake> read_text() {
    const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0) return unreadable(path_);
    auto mistake = read_open(file);
    ::close(file);
    return mistake;
  }

  [[nodiscard]] std::optional<Mistake> read_open(int file) {
    struct stat status{};
    if (::fstat(file, &status) != 0) return unreadable(path_);
    if (!S_ISREG(status.st_mode))
      return about_file(path_, "is not a file", "Give the path of a file.");
    if ((status.st_mode & S_IRWXO) != 0) {
      return about_file(path_, "holds secrets, and everybody on this machine may open it",
                        "Run: chmod o= on the file.");
    }
    if (status.st_size > kMaxFileOctets)
      return about_file(path_, "is larger than 1 GiB", "Merge clients into prefixes.");
    // What grows meanwhile is read by the next reload.
    std::vector<std::uint8_t>& text = rows_->text_;
    text.resize(static_cast<std::size_t>(status.st_size));
    std::size_t size = 0;
    while (size < text.size()) {
      const ssize_t got = ::read(file, text.data() + size, text.size() - size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return unreadable(path_);
      if (got == 0) break;
      size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return std::nullopt;
  }

  void read_lines() {
    const std::string_view text = as_text(rows_->text_);
    rows_->places_.reserve(static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      ++line_;
      std::string_view line = text.substr(at, end - at);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.empty() && !line.starts_with('#')) read_line(line, at);
      at = end + 1;
    }
  }

  /// An address and a length, which may be repeated: no secret looks like that.
  [[nodiscard]] static bool is_network_with_host_bits(std::string_view text) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    const auto address = IpAddress::parse(text.substr(0, slash));
    // Everybody has no host bits: only the length can be wrong with it.
    const std::string_view everybody = address && address->is_v4() ? "0.0.0.0" : "::";
    return address && Prefix::parse(fmt::format("{}{}", everybody, text.substr(slash)));
  }

  /// No text of a mistaken line is repeated: any part of it may be the secret.
  void read_line(std::string_view line, std::size_t begin) {
    const std::size_t first = line.find(',');
    const std::size_t second = first == std::string_view::npos ? first : line.find(',', first + 1);
    if (second == std::string_view::npos) {
      return mistake(line_, "is not \"address,name,secret\"",
                     "Write the three of them, with commas between.");
    }
    const auto prefix = Prefix::parse(line.substr(0, first));
    if (!prefix) {
      if (is_network_with_host_bits(line.substr(0, first))) {
        return mistake(line_, "begins with what is not a prefix: " + prefix.error(),
                       "Begin with the network, or with an address alone.");
      }
      return mistake(line_, "does not begin with an IP address or prefix",
                     "Begin with \"192.0.2.1,\", \"192.0.2.0/24,\" or \"2001:db8::/32,\".");
    }
    const std::string_view name = line.substr(first + 1, second - first - 1);
    if (Finding wrong = check_client_name(name))
      return mistake(line_, "has a second field that " + wrong->wrong, std::move(wrong->mend));
    const std::string_view secret = line.substr(second + 1);
    if (secret.empty() || secret.size() > kMaxSecretOctets) {
      return mistake(line_,
                     fmt::format("has {}", secret.empty() ? "no secret" : "too long a secret"),
                     fmt::format("Write a secret of 1 to {} octets, better 16 or more, behind the "
                                 "second comma.",
                                 kMaxSecretOctets));
    }
    if (Finding wrong = check_controls(secret))
      return mistake(line_, "has a secret that " + wrong->wrong, std::move(wrong->mend));
    if (secret.size() <= kShortSecretOctets && ++short_secrets_ == 1) first_short_ = line_;
    rows_->places_.push_back({.prefix = *prefix,
                              .name_octets = static_cast<std::uint8_t>(name.size()),
                              .secret_octets = static_cast<std::uint16_t>(secret.size()),
                              .name_begin = static_cast<std::uint32_t>(begin + first + 1)});
  }

  void look_for_doubles() {
    const auto prefix_of = [this](std::uint32_t number) -> const Prefix& {
      return rows_->places_[number - 1].prefix;
    };
    const auto rows = static_cast<std::uint32_t>(rows_->size());
    PrefixIndex index(rows);
    for (std::uint32_t number = 1; number <= rows; ++number) {
      const auto first = index.add(prefix_of(number), number, prefix_of);
      if (!first) continue;
      mistake(
          line_of(number),
          fmt::format("names {} again, after line {}", prefix_of(number).text(), line_of(*first)),
          kOneClient);
    }
    for (const Client& other : others_) {
      for (const Prefix& prefix : other.addresses) {
        const std::uint32_t number = index.number_of(prefix, prefix_of);
        if (number == 0) continue;
        mistake(line_of(number),
                fmt::format("names {}, which belongs to client \"{}\" already", prefix.text(),
                            other.name),
                kOneClient);
      }
    }
  }

  [[nodiscard]] std::uint32_t line_of(std::uint32_t number) const {
    const Octets before = Octets(rows_->text_).first(rows_->places_[number - 1].name_begin);
    return static_cast<std::uint32_t>(std::ranges::count(before, '\n')) + 1;
  }

  void mistake(std::uint32_t line, std::string wrong, std::string mend) {
    if (++mistakes_found_ > kMaxMistakesTold) return;
    Mistake found = about_file(path_, std::move(wrong), std::move(mend));
    found.where = {.line = line, .column = 1};
    mistakes_.push_back(std::move(found));
  }

  [[nodiscard]] std::vector<Mistake> warnings() const {
    if (short_secrets_ == 0) return {};
    Mistake warning =
        about_file(path_,
                   fmt::format("has {} secret{} of {} octets or fewer: such can be found by trying",
                               short_secrets_, short_secrets_ == 1 ? "" : "s", kShortSecretOctets),
                   "Use 16 random characters or more, on both sides: openssl rand -hex 16");
    warning.where = {.line = first_short_, .column = 1};
    return {std::move(warning)};
  }

  static constexpr const char* kOneClient =
      "Keep each address or prefix in one client; a longer prefix may lie inside.";

  std::string path_;
  std::span<const Client> others_;
  std::shared_ptr<ClientRows> rows_;
  std::uint32_t line_ = 0;
  std::size_t short_secrets_ = 0;
  std::uint32_t first_short_ = 0;
  std::size_t mistakes_found_ = 0;
  std::vector<Mistake> mistakes_;
};

std::expected<ClientsFile, std::vector<Mistake>> read_clients_file(const std::string& path,
                                                                   std::span<const Client> others) {
  return ClientsFileReader(path, others).read();
}

}  // namespace sallyport::config
