#include "engine/radius/fingerprint.h"

#include <algorithm>
#include <cstring>
#include <span>

#include <openssl/sha.h>

#include "protocol/ascii.h"
#include "protocol/radius/translate.h"
#include "verify/plain_name.h"

namespace sallyport::radius_door {
namespace {

/// What a field is. Together with its length it keeps neighbours apart: no two different logins
/// hash the same octets.
enum class Field : std::uint8_t {
  purpose,
  user,
  client,
  client_address,
  calling_station,
  password,
  chap_password,
  chap_challenge,
  microsoft,
  eap_message,
  state,
  request_authenticator,
};

constexpr std::uint8_t kMicrosoft[4] = {0, 0, 0x01, 0x37};  ///< vendor 311, RFC 2548
constexpr std::size_t kMaxPasswordOctets = 128;

class KeyedHash {
 public:
  KeyedHash(Octets key, std::string_view purpose) noexcept {
    SHA256_Init(&context_);
    SHA256_Update(&context_, key.data(), key.size());
    add(Field::purpose, as_octets(purpose));
  }
  ~KeyedHash() { wipe({reinterpret_cast<std::uint8_t*>(&context_), sizeof(context_)}); }
  KeyedHash(const KeyedHash&) = delete;
  KeyedHash& operator=(const KeyedHash&) = delete;

  void add(Field field, Octets value) noexcept {
    const auto octets = static_cast<std::uint16_t>(value.size());
    const std::uint8_t header[3] = {static_cast<std::uint8_t>(field),
                                    static_cast<std::uint8_t>(octets >> 8),
                                    static_cast<std::uint8_t>(octets)};
    SHA256_Update(&context_, header, sizeof(header));
    SHA256_Update(&context_, value.data(), value.size());
  }

  [[nodiscard]] std::array<std::uint8_t, 32> finish() noexcept {
    std::array<std::uint8_t, 32> digest;
    SHA256_Final(digest.data(), &context_);
    return digest;
  }

 private:
  SHA256_CTX context_;
};

/// The Microsoft attributes that prove a password: MS-CHAP-Response, MS-CHAP-CPW-1 and -2,
/// MS-CHAP2-Response, MS-CHAP2-CPW (RFC 2548 §2.1.3 to §2.3.3).
bool proves_password(Octets vendor_attributes) noexcept {
  while (vendor_attributes.size() >= 2) {
    const std::uint8_t type = vendor_attributes[0];
    const std::uint8_t length = vendor_attributes[1];
    if (length < 2 || length > vendor_attributes.size()) return false;
    if (type == 1 || type == 3 || type == 4 || type == 25 || type == 27) return true;
    vendor_attributes = vendor_attributes.subspan(length);
  }
  return false;
}

/// Adds User-Password in clear: its hidden form differs with every authenticator.
bool add_password(KeyedHash& hash, Octets hidden, const Login& login) noexcept {
  if (!login.downstream_key.hides()) {  // RFC 9765 §5.1: it is clear
    hash.add(Field::password, hidden);
    return true;
  }
  std::uint8_t clear[kMaxPasswordOctets];
  const std::optional<std::size_t> octets = radius::reveal_user_password(
      hidden, login.downstream_key, login.request.authenticator(), clear);
  if (octets) hash.add(Field::password, Octets(clear, *octets));
  wipe(clear);
  return octets.has_value();
}

/// Adds every attribute that proves who logs in; false: there is none.
bool add_credentials(KeyedHash& hash, const Login& login) noexcept {
  bool found = false;
  for (const radius::Attribute attribute : login.request) {
    const Octets value = attribute.value;
    if (attribute.type == radius::Type::user_password) {
      found |= add_password(hash, value, login);
    } else if (attribute.type == radius::Type::chap_password) {
      hash.add(Field::chap_password, value);
      found = true;
    } else if (attribute.type == radius::Type::chap_challenge) {
      hash.add(Field::chap_challenge, value);
    } else if (attribute.type == radius::Type::eap_message) {
      hash.add(Field::eap_message, value);
      found = true;
    } else if (attribute.type == radius::Type::state) {
      hash.add(Field::state, value);
    } else if (attribute.type == radius::Type::vendor_specific && value.size() > 4 &&
               std::ranges::equal(value.first(4), kMicrosoft)) {
      hash.add(Field::microsoft, value);
      found |= proves_password(value.subspan(4));
    }
  }
  return found;
}

}  // namespace

Fingerprint::Fingerprint(const std::array<std::uint8_t, 16>& instance) noexcept
    : key_(KeyedHash(instance, "fingerprint key").finish()) {}

Fingerprint::~Fingerprint() { wipe(key_); }

verify::JoinKey Fingerprint::join_key(const Login& login) const noexcept {
  KeyedHash hash(key_, "join key");
  hash.add(Field::user, as_octets(login.user));
  hash.add(Field::client, as_octets(login.client.name()));
  hash.add(Field::client_address, login.client_address.octets);
  if (const auto station = login.request.find(radius::Type::calling_station_id))
    hash.add(Field::calling_station, *station);
  // A State alone is a cookie of the downstream's and proves nothing by itself.
  if (!add_credentials(hash, login))
    hash.add(Field::request_authenticator, login.client_authenticator.octets);
  return {hash.finish()};
}

verify::JoinKey Fingerprint::join_key(Octets state, std::string_view user) const noexcept {
  KeyedHash hash(key_, "join key of a challenge");
  hash.add(Field::user, as_octets(user));
  hash.add(Field::state, state);
  return {hash.finish()};
}

std::uint64_t Fingerprint::user_hash(std::string_view user) const noexcept {
  KeyedHash hash(key_, "user");
  std::array<char, verify::PlainName::kMaxOctets> folded;
  const std::size_t size = verify::PlainName(user).view().copy(folded.data(), folded.size());
  for (char& c : std::span(folded).first(size)) c = to_lower(c);
  hash.add(Field::user, as_octets(std::string_view(folded.data(), size)));
  const std::array<std::uint8_t, 32> digest = hash.finish();
  std::uint64_t result;
  std::memcpy(&result, digest.data(), sizeof(result));
  return result;
}

}  // namespace sallyport::radius_door
