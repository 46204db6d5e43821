#include "verify/store/sealer.h"

#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <openssl/aead.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include "protocol/ascii.h"
#include "protocol/check.h"
#include "protocol/octets.h"
#include "verify/file_descriptor.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kKeyOctets = 32;
constexpr std::size_t kIdOctets = 4;
constexpr std::size_t kNonceOctets = 12;
constexpr std::size_t kTagOctets = 16;
constexpr std::size_t kMaxFileOctets = std::size_t{64} << 10;
constexpr char kFormat = 1;

// A sealed value: format, which key, nonce, ciphertext and tag.
constexpr std::size_t kHeadOctets = 1 + kIdOctets;
constexpr std::size_t kOverhead = kHeadOctets + kNonceOctets + kTagOctets;

using Key = std::array<std::uint8_t, kKeyOctets>;

std::uint8_t* writable(std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); }

void append_measured(std::string& out, std::string_view text) {
  for (unsigned shift = 24;; shift -= 8) {
    out += static_cast<char>(text.size() >> shift & 0xff);
    if (shift == 0) break;
  }
  out += text;
}

/// What is authenticated beside the value: the head as it is written, and whose value it is.
std::string associated_data(std::string_view head, const RecordKey& key) {
  std::string data(head);
  append_measured(data, to_text(key.kind));
  append_measured(data, key.group);
  append_measured(data, key.id);
  return data;
}

bool read_key(std::string_view digits, Key& key) noexcept {
  if (digits.size() != 2 * kKeyOctets) return false;
  for (std::size_t at = 0; at < kKeyOctets; ++at) {
    const int high = hex_value(digits[2 * at]);
    const int low = hex_value(digits[2 * at + 1]);
    if (high < 0 || low < 0) return false;
    key[at] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

std::string_view trimmed(std::string_view line) noexcept {
  line = line.substr(0, line.find('#'));
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
}

std::unexpected<std::string> failed(const std::string& path, const char* what, int error) {
  return std::unexpected(path + ": " + what + ": " + std::generic_category().message(error));
}

/// Text that holds keys: gone from memory when it is not needed any more.
struct WipedText {
  std::string text;
  ~WipedText() { wipe({writable(text), text.size()}); }
};

bool write_all(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string fresh_key_text() {
  Key key;
  SystemRandom random;
  random.fill(key);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "# sallyport: what is sealed in the store opens with these keys only\n";
  text.reserve(text.size() + 2 * kKeyOctets + 1);  // no copy is left behind by growing
  for (const std::uint8_t octet : key) {
    text += kDigits[octet >> 4];
    text += kDigits[octet & 15];
  }
  text += '\n';
  wipe(key);
  return text;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Makes the file with a fresh key, whole or not at all. One that another process has made
/// meanwhile is left as it is.
std::expected<void, std::string> make_file(const std::string& path) {
  const WipedText fresh{fresh_key_text()};
  const std::string beside = path + "." + std::to_string(::getpid());
  ::unlink(beside.c_str());
  FileDescriptor file(
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return failed(path, "the key file cannot be made", errno);
  int error = 0;
  // A link, not a rename: it never replaces a key file that is there already.
  if (!write_all(file.get(), fresh.text) || ::fsync(file.get()) != 0 ||
      (::link(beside.c_str(), path.c_str()) != 0 && errno != EEXIST)) {
    error = errno;
  }
  ::unlink(beside.c_str());
  if (error != 0) return failed(path, "the key file cannot be written", error);
  const FileDescriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.get()) != 0) {
    return failed(path, "the key file's folder cannot be synchronised", errno);
  }
  return {};
}

}  // namespace

struct Sealer::Keys {
  struct One {
    std::array<char, kIdOctets> id;  ///< the first octets of the key's digest
    bssl::ScopedEVP_AEAD_CTX cipher;

    [[nodiscard]] std::string_view id_text() const noexcept { return {id.data(), id.size()}; }
  };
  std::vector<std::unique_ptr<One>> newest_first;

  void add(const Key& key) {
    auto one = std::make_unique<One>();
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
    SHA256(key.data(), key.size(), digest.data());
    for (std::size_t at = 0; at < kIdOctets; ++at) one->id[at] = static_cast<char>(digest[at]);
    CHECK(EVP_AEAD_CTX_init(one->cipher.get(), EVP_aead_aes_256_gcm(), key.data(), key.size(),
                            kTagOctets, nullptr) == 1);
    newest_first.push_back(std::move(one));
  }
};

std::expected<Sealer, std::string> Sealer::from_text(std::string_view text) {
  auto keys = std::make_shared<Keys>();
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view digits = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (digits.empty()) continue;
    Key key;
    if (!read_key(digits, key)) {
      return std::unexpected("line " + std::to_string(line) +
                             " of the key file is not a key: 64 hexadecimal digits");
    }
    keys->add(key);
    wipe(key);
  }
  if (keys->newest_first.empty()) return std::unexpected("the key file holds no key");
  Sealer sealer;
  sealer.keys_ = std::move(keys);
  return sealer;
}

std::expected<Sealer, std::string> Sealer::from_file(const std::string& path, bool create) {
  const auto open_it = [&path] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); };
  FileDescriptor file(open_it());
  if (!file.valid() && errno == ENOENT && create) {
    if (const auto made = make_file(path); !made) return std::unexpected(made.error());
    file = FileDescriptor(open_it());
  }
  if (!file.valid()) return failed(path, "the key file cannot be read", errno);
  struct ::stat status{};
  if (::fstat(file.get(), &status) != 0) return failed(path, "the key file cannot be read", errno);
  if (!S_ISREG(status.st_mode)) return std::unexpected(path + ": the key file is not a file");
  if ((status.st_mode & S_IRWXO) != 0) {
    return std::unexpected(path +
                           ": the key file is open to everybody; take that away with chmod 600");
  }
  WipedText text;
  text.text.resize(kMaxFileOctets + 1);
  std::size_t octets = 0;
  while (octets < text.text.size()) {
    const ssize_t got = ::read(file.get(), text.text.data() + octets, text.text.size() - octets);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(path, "the key file cannot be read", errno);
    if (got == 0) break;
    octets += static_cast<std::size_t>(got);
  }
  if (octets > kMaxFileOctets) return std::unexpected(path + ": the key file is too long");
  auto sealer = from_text(std::string_view(text.text).substr(0, octets));
  if (!sealer) return std::unexpected(path + ": " + sealer.error());
  return sealer;
}

std::string Sealer::seal(const RecordKey& key, std::string_view plain, RandomSource& random) const {
  const Keys::One& newest = *keys_->newest_first.front();
  std::string head(1, kFormat);
  head += newest.id_text();
  const std::string beside = associated_data(head, key);
  std::array<std::uint8_t, kNonceOctets> nonce;
  random.fill(nonce);
  std::string sealed = std::move(head);
  sealed += as_text(nonce);
  const std::size_t front = sealed.size();
  sealed.resize(front + plain.size() + kTagOctets);
  std::size_t octets = 0;
  CHECK(EVP_AEAD_CTX_seal(newest.cipher.get(), writable(sealed) + front, &octets,
                          sealed.size() - front, nonce.data(), nonce.size(),
                          as_octets(plain).data(), plain.size(), as_octets(beside).data(),
                          beside.size()) == 1);
  CHECK(octets == plain.size() + kTagOctets);
  return sealed;
}

std::optional<std::string> Sealer::open(const RecordKey& key, std::string_view sealed) const {
  if (sealed.size() < kOverhead || sealed.front() != kFormat) return std::nullopt;
  const std::string_view id = sealed.substr(1, kIdOctets);
  const std::string beside = associated_data(sealed.substr(0, kHeadOctets), key);
  const Octets nonce = as_octets(sealed.substr(kHeadOctets, kNonceOctets));
  const Octets hidden = as_octets(sealed.substr(kHeadOctets + kNonceOctets));
  for (const auto& one : keys_->newest_first) {
    if (one->id_text() != id) continue;
    std::string plain(hidden.size(), '\0');
    std::size_t octets = 0;
    if (EVP_AEAD_CTX_open(one->cipher.get(), writable(plain), &octets, plain.size(), nonce.data(),
                          nonce.size(), hidden.data(), hidden.size(), as_octets(beside).data(),
                          beside.size()) == 1) {
      plain.resize(octets);
      return plain;
    }
  }
  return std::nullopt;
}

bool Sealer::is_old(std::string_view sealed) const noexcept {
  return sealed.size() < kOverhead || sealed.front() != kFormat ||
         sealed.substr(1, kIdOctets) != keys_->newest_first.front()->id_text();
}

}  // namespace sallyport::verify
