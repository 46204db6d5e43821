#include "engine/radius/client_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <unordered_map>

#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

struct Halves {
  std::uint64_t high;
  std::uint64_t low;
};

Halves halves(const IpAddress& address) noexcept {
  Halves result;
  std::memcpy(&result.high, address.octets.data(), 8);
  std::memcpy(&result.low, address.octets.data() + 8, 8);
  if constexpr (std::endian::native == std::endian::little) {
    result.high = __builtin_bswap64(result.high);
    result.low = __builtin_bswap64(result.low);
  }
  return result;
}

Halves masked(Halves address, unsigned length) noexcept {
  const auto ones = [](unsigned count) -> std::uint64_t {
    return count == 0 ? 0 : ~std::uint64_t{0} << (64 - count);
  };
  return {.high = address.high & ones(std::min(length, 64u)),
          .low = address.low & ones(length > 64 ? length - 64 : 0)};
}

/// The prefixes are the operator's own, so this hash needs to be quick and even, not secret.
std::uint64_t hash_of(Halves address, unsigned length) noexcept {
  std::uint64_t h = (address.high ^ length) * 0x9e37'79b9'7f4a'7c15;
  h = (std::rotl(h, 29) ^ address.low) * 0xc2b2'ae3d'27d4'eb4f;
  h ^= h >> 32;
  h *= 0x9e37'79b9'7f4a'7c15;
  return h ^ (h >> 29);
}

bool same_policy(const ClientEntry& entry, const config::Client& client) noexcept {
  return entry.name == client.name &&
         entry.require_message_authenticator == client.require_message_authenticator &&
         entry.limit_proxy_state == client.limit_proxy_state && entry.key.secret() == client.secret;
}

std::size_t count_prefixes(const std::vector<config::Client>& clients) noexcept {
  std::size_t count = 0;
  for (const config::Client& client : clients) count += client.addresses.size();
  return count;
}

}  // namespace

ClientEntry::ClientEntry(const config::Client& client)
    : name(client.name),
      key(client.secret),
      require_message_authenticator(client.require_message_authenticator),
      limit_proxy_state(client.limit_proxy_state) {}

ClientTable::ClientTable(const std::vector<config::Client>& clients)
    : entries_(clients.size()),
      prefixes_(count_prefixes(clients)),
      // At most two thirds full: an address that is not there is found missing after a few steps.
      slots_(std::bit_ceil(prefixes_ + prefixes_ / 2 + 2)),
      mask_(std::bit_ceil(prefixes_ + prefixes_ / 2 + 2) - 1) {
  CHECK(prefixes_ < kEmpty / 2);
  for (std::uint64_t i = 0; i <= mask_; ++i) slots_.emplace_back();

  // A hundred thousand addresses of one name and secret share one key schedule.
  std::unordered_multimap<std::size_t, std::uint32_t> interned;
  interned.reserve(clients.size());
  const auto intern = [&](const config::Client& client) {
    const std::size_t name_hash = std::hash<std::string>{}(client.name);
    const auto [first, last] = interned.equal_range(name_hash);
    const auto known = std::find_if(
        first, last, [&](const auto& item) { return same_policy(entries_[item.second], client); });
    if (known != last) return known->second;
    const auto index = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back(client);
    interned.emplace(name_hash, index);
    return index;
  };

  bool present[129] = {};
  for (const config::Client& client : clients) {
    const std::uint32_t entry = intern(client);
    for (const Prefix& prefix : client.addresses) {
      const Halves address = masked(halves(prefix.address), prefix.length);
      std::uint64_t at = hash_of(address, prefix.length) & mask_;
      while (slots_[at].entry != kEmpty) at = (at + 1) & mask_;
      slots_[at] = {
          .high = address.high, .low = address.low, .entry = entry, .length = prefix.length};
      present[prefix.length] = true;
    }
  }
  for (unsigned length = 129; length-- > 0;)
    if (present[length]) lengths_.push_back(static_cast<std::uint8_t>(length));
}

void ClientTable::prefetch(const IpAddress& address) const noexcept {
  const Halves whole = halves(address);
  const std::uint8_t shortest = address.is_v4() ? 96 : 0;
  // More lengths than this are rare, and so is an address that is found under none of the longest.
  constexpr std::size_t kLengths = 2;
  for (std::size_t i = 0; i < std::min(kLengths, lengths_.size()); ++i) {
    if (lengths_[i] < shortest) return;
    __builtin_prefetch(&slots_[hash_of(masked(whole, lengths_[i]), lengths_[i]) & mask_]);
  }
}

const ClientEntry* ClientTable::find(const IpAddress& address) const noexcept {
  const Halves whole = halves(address);
  // An IPv4 prefix is at least 96 bits long in its mapped form: "::/0" is any IPv6, and no IPv4.
  const std::uint8_t shortest = address.is_v4() ? 96 : 0;
  for (const std::uint8_t length : lengths_) {
    if (length < shortest) break;
    const Halves prefix = masked(whole, length);
    for (std::uint64_t at = hash_of(prefix, length) & mask_; slots_[at].entry != kEmpty;
         at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.high == prefix.high && slot.low == prefix.low && slot.length == length)
        return &entries_[slot.entry];
    }
  }
  return nullptr;
}

}  // namespace sallyport::radius_door
