#include "protocol/webauthn/authenticator_data.h"

#include "protocol/webauthn/cbor_reader.h"
#include "protocol/webauthn/cose_key.h"

namespace sallyport::webauthn {
namespace {

// WebAuthn Level 2 §6.1; BE and BS are of Level 3.
enum Flag : std::uint8_t {
  kUserPresent = 0x01,
  kUserVerified = 0x04,
  kBackupEligible = 0x08,
  kBackedUp = 0x10,
  kAttestedCredential = 0x40,
  kExtensions = 0x80,
};

constexpr std::size_t kHashOctets = 32;
constexpr std::size_t kAaguidOctets = 16;

/// Takes octets from the front of what is left.
class Taker {
 public:
  explicit Taker(std::string_view octets) noexcept : rest_(octets) {}

  [[nodiscard]] bool has(std::size_t count) const noexcept { return rest_.size() >= count; }
  std::string_view take(std::size_t count) noexcept {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  /// Big-endian.
  std::uint32_t take_number(std::size_t octets) noexcept {
    std::uint32_t number = 0;
    for (const char c : take(octets)) number = number << 8 | static_cast<std::uint8_t>(c);
    return number;
  }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  std::string_view rest_;
};

std::expected<void, Problem> read_credential(Taker& taker, AuthenticatorData& data) {
  if (!taker.has(kAaguidOctets + 2)) return std::unexpected(Problem::malformed);
  taker.take(kAaguidOctets);
  const std::uint32_t id_octets = taker.take_number(2);
  if (id_octets == 0 || id_octets > kMaxCredentialId || !taker.has(id_octets))
    return std::unexpected(Problem::malformed);
  data.credential_id = taker.take(id_octets);
  const auto key = read_cose_key(taker.rest());
  if (!key) return std::unexpected(key.error());
  data.public_key = taker.take(key->octets);
  return {};
}

}  // namespace

std::expected<AuthenticatorData, Problem> read_authenticator_data(std::string_view octets) {
  Taker taker(octets);
  if (octets.size() > kMaxAuthenticatorData || !taker.has(kHashOctets + 5))
    return std::unexpected(Problem::malformed);
  AuthenticatorData data;
  data.relying_party_hash = taker.take(kHashOctets);
  const std::uint32_t flags = taker.take_number(1);
  data.user_present = (flags & kUserPresent) != 0;
  data.user_verified = (flags & kUserVerified) != 0;
  data.backed_up = (flags & kBackedUp) != 0;
  data.sign_count = taker.take_number(4);
  if (data.backed_up && (flags & kBackupEligible) == 0) return std::unexpected(Problem::malformed);
  if ((flags & kAttestedCredential) != 0) {
    if (const auto read = read_credential(taker, data); !read) return std::unexpected(read.error());
  }
  std::string_view rest = taker.rest();
  if ((flags & kExtensions) != 0) {
    CborReader looks(rest);
    CborReader reader(rest);
    if (!looks.map() || !reader.skip()) return std::unexpected(Problem::malformed);
    rest = reader.rest();
  }
  if (!rest.empty()) return std::unexpected(Problem::malformed);
  return data;
}

}  // namespace sallyport::webauthn
