#include "engine/radius/client_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <memory>
#include <span>

#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

using Key4 = std::array<std::uint32_t, 1>;
using Key6 = std::array<std::uint32_t, 4>;

constexpr unsigned kWordBits = 32;
constexpr unsigned kMappedBits = 96;  ///< of an IPv4 prefix in its IPv6 form
constexpr std::uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;

template <std::size_t kWords>
std::array<std::uint32_t, kWords> words_of(const IpAddress& address) noexcept {
  std::array<std::uint32_t, kWords> words;
  std::memcpy(words.data(), address.octets.data() + 16 - sizeof words, sizeof words);
  if constexpr (std::endian::native == std::endian::little)
    for (std::uint32_t& word : words) word = __builtin_bswap32(word);
  return words;
}

template <typename Key>
Key mask_of(unsigned length) noexcept {
  Key mask{};
  for (unsigned i = 0; i < mask.size(); ++i) {
    const unsigned before = i * kWordBits;
    const unsigned ones = length <= before ? 0 : std::min(length - before, kWordBits);
    mask[i] = ones == 0 ? 0 : ~std::uint32_t{0} << (kWordBits - ones);
  }
  return mask;
}

Key4 masked(const Key4& address, const Key4& mask) noexcept { return {address[0] & mask[0]}; }
Key6 masked(const Key6& address, const Key6& mask) noexcept {
  return {address[0] & mask[0], address[1] & mask[1], address[2] & mask[2], address[3] & mask[3]};
}

/// The prefixes are the operator's own, so these need to be quick and even, not secret. The upper
/// half is even enough to be scaled to any number of slots.
std::uint64_t mixed(std::uint64_t h) noexcept {
  h ^= h >> 32;
  h *= kOdd;
  return h ^ (h >> 29) * kOdd;
}
/// std::array's == calls memcmp (GCC 12), which costs more than all else here.
bool same_key(const Key4& a, const Key4& b) noexcept { return a[0] == b[0]; }
bool same_key(const Key6& a, const Key6& b) noexcept {
  return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0;
}

std::uint64_t hash_of(const Key4& key) noexcept {
  std::uint64_t h = key[0] * kOdd;
  h ^= h >> 32;
  return h * kOdd;
}
std::uint64_t hash_of(const Key6& key) noexcept {
  const std::uint64_t high = std::uint64_t{key[0]} << 32 | key[1];
  const std::uint64_t low = std::uint64_t{key[2]} << 32 | key[3];
  return mixed((high * kOdd) ^ (low + (high >> 29)) * 0xc2b2'ae3d'27d4'eb4f);
}

/// Eight of thirteen slots are taken: an address that is not there is found missing after some four
/// steps, most of them in the same cache line.
std::uint32_t slots_for(std::uint32_t prefixes) noexcept {
  return static_cast<std::uint32_t>(std::uint64_t{prefixes} * 13 / 8 + 1);
}

template <typename Key>
std::uint32_t home(const Key& key, std::uint32_t size) noexcept {
  return static_cast<std::uint32_t>((hash_of(key) >> 32) * size >> 32);
}

std::size_t blocks_for(std::size_t secret_octets, std::size_t name_octets) noexcept {
  constexpr std::size_t kBlockOctets = 8;
  return (sizeof(ClientEntry) + secret_octets + name_octets + kBlockOctets - 1) / kBlockOctets;
}

bool is_v4(const Prefix& prefix) noexcept {
  return prefix.length >= kMappedBits && prefix.address.is_v4();
}

}  // namespace

// --- The slots of one family -----------------------------------------------------------------

template <typename Key>
std::vector<typename ClientTable::Family<Key>::Range> ClientTable::Family<Key>::ranges_for(
    const Counts& counts) {
  std::vector<Range> ranges;
  std::uint32_t begin = 0;
  for (auto length = static_cast<unsigned>(counts.size()); length-- > 0;) {
    if (counts[length] == 0) continue;
    const std::uint32_t size = slots_for(counts[length]);
    ranges.push_back(
        {.mask = mask_of<Key>(length), .length = length, .begin = begin, .size = size});
    begin += size;
  }
  return ranges;
}

template <typename Key>
ClientTable::Family<Key>::Family(const Counts& counts)
    : ranges_(ranges_for(counts)),
      slots_(ranges_.empty() ? 0 : ranges_.back().begin + ranges_.back().size) {
  while (slots_.size() < slots_.capacity()) slots_.emplace_back();
}

template <typename Key>
void ClientTable::Family<Key>::add(const Key& address, unsigned length,
                                   std::uint32_t block) noexcept {
  const auto range = std::ranges::find(ranges_, length, &Range::length);
  const Key key = masked(address, range->mask);
  std::uint32_t at = home(key, range->size);
  while (slots_[range->begin + at].block != 0) at = at + 1 == range->size ? 0 : at + 1;
  slots_[range->begin + at] = {.key = key, .block = block};
}

template <typename Key>
std::uint32_t ClientTable::Family<Key>::find(const Key& address) const noexcept {
  for (const Range& range : ranges_) {
    const Key key = masked(address, range.mask);
    for (std::uint32_t at = home(key, range.size);; at = at + 1 == range.size ? 0 : at + 1) {
      const Slot& slot = slots_[range.begin + at];
      if (slot.block == 0) break;
      if (same_key(slot.key, key)) return slot.block;
    }
  }
  return 0;
}

template <typename Key>
void ClientTable::Family<Key>::prefetch(const Key& address) const noexcept {
  // More lengths than this are rare, and so is an address that is found under none of the longest.
  constexpr std::size_t kLengths = 2;
  for (std::size_t i = 0; i < std::min(kLengths, ranges_.size()); ++i) {
    const Range& range = ranges_[i];
    __builtin_prefetch(&slots_[range.begin + home(masked(address, range.mask), range.size)]);
  }
}

// --- Building --------------------------------------------------------------------------------

/// A hundred thousand addresses of one name and secret share one entry. The pads of different
/// secrets are computed side by side.
class ClientTable::Builder {
 public:
  Builder(ClientTable& table, std::size_t clients)
      : table_(table), known_(slots_for(static_cast<std::uint32_t>(clients))) {}
  ~Builder() { wipe({reinterpret_cast<std::uint8_t*>(pads_.data()), sizeof pads_}); }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  struct Client {
    std::string_view name;
    Octets secret;
    config::RequireMessageAuthenticator require_message_authenticator;
    bool limit_proxy_state;
    std::uint8_t language = 0;
  };

  /// Where the client's entry stands; without pads until finish().
  [[nodiscard]] std::uint32_t entry_of(const Client& client) {
    const auto size = static_cast<std::uint32_t>(known_.size());
    const std::uint64_t hash = std::hash<std::string_view>{}(client.name);
    const auto low = static_cast<std::uint32_t>(hash);
    auto at = static_cast<std::uint32_t>((hash >> 32) * size >> 32);
    for (; known_[at].block != 0; at = at + 1 == size ? 0 : at + 1) {
      const Known& known = known_[at];
      if (known.hash == low && same(*table_.entry(known.block), client)) return known.block;
    }
    known_[at] = {.block = append(client), .hash = low};
    return known_[at].block;
  }

  void add(const Prefix& prefix, std::uint32_t block) noexcept {
    if (is_v4(prefix)) {
      table_.v4_.add(words_of<1>(prefix.address), prefix.length - kMappedBits, block);
    } else {
      table_.v6_.add(words_of<4>(prefix.address), prefix.length, block);
    }
  }

  void finish() noexcept {
    radius::compute_hmac_pads(std::span(secrets_).first(waiting_), pads_);
    for (std::size_t i = 0; i < waiting_; ++i) {
      ClientEntry* const entry = entries_[i];
      std::construct_at(entry, secrets_[i], pads_[i], entry->name_octets,
                        entry->require_message_authenticator, entry->limit_proxy_state,
                        entry->language);
    }
    waiting_ = 0;
  }

 private:
  static constexpr std::size_t kTogether = 64;

  struct Known {
    std::uint32_t block = 0;  ///< 0: the slot is free
    std::uint32_t hash = 0;   ///< lower half, of the name: spares a look at most other entries
  };

  static bool same(const ClientEntry& entry, const Client& client) noexcept {
    return entry.name() == client.name &&
           entry.require_message_authenticator == client.require_message_authenticator &&
           entry.limit_proxy_state == client.limit_proxy_state &&
           entry.language == client.language &&
           equal_constant_time(entry.key.secret(), client.secret);
  }

  std::uint32_t append(const Client& client) {
    CHECK(client.name.size() <= UINT8_MAX);
    const auto first = static_cast<std::uint32_t>(table_.blocks_.size());
    for (std::size_t i = blocks_for(client.secret.size(), client.name.size()); i > 0; --i)
      table_.blocks_.emplace_back();
    std::uint8_t* const begin = table_.blocks_[first].octets.data();
    const MutableOctets secret(begin + sizeof(ClientEntry), client.secret.size());
    copy_octets(client.secret, secret);
    copy_octets(as_octets(client.name), {secret.data() + secret.size(), client.name.size()});
    entries_[waiting_] = ::new (begin) ClientEntry(
        secret, radius::HmacPads{}, static_cast<std::uint8_t>(client.name.size()),
        client.require_message_authenticator, client.limit_proxy_state, client.language);
    secrets_[waiting_] = secret;
    if (++waiting_ == kTogether) finish();
    return first;
  }

  ClientTable& table_;
  std::vector<Known> known_;  ///< by the upper half of the name's hash
  std::array<ClientEntry*, kTogether> entries_{};
  std::array<Octets, kTogether> secrets_{};
  std::array<radius::HmacPads, kTogether> pads_{};
  std::size_t waiting_ = 0;
};

ClientTable::Plan ClientTable::plan_for(const std::vector<config::Client>& clients,
                                        const config::ClientRows* rows) {
  Plan plan;
  const auto count = [&plan](const Prefix& prefix) {
    ++(is_v4(prefix) ? plan.v4[prefix.length - kMappedBits] : plan.v6[prefix.length]);
    ++plan.prefixes;
  };
  for (const config::Client& client : clients) {
    std::ranges::for_each(client.addresses, count);
    plan.blocks += blocks_for(client.secret.size(), client.name.size());
  }
  for (std::size_t i = 0; rows != nullptr && i < rows->size(); ++i) {
    const config::ClientRows::Row row = (*rows)[i];
    count(row.prefix);
    plan.blocks += blocks_for(row.secret.size(), row.name.size());
  }
  // What the slots and the entries' places can hold: a thousand times what a machine has memory
  // for.
  CHECK(plan.prefixes < UINT32_MAX / 2 && plan.blocks < UINT32_MAX);
  return plan;
}

ClientTable::ClientTable(const Plan& plan, const std::vector<config::Client>& clients,
                         const config::ClientRows* rows,
                         std::span<const config::Messages> translations)
    : prefixes_(plan.prefixes), v4_(plan.v4), v6_(plan.v6), blocks_(plan.blocks) {
  blocks_.emplace_back();
  Builder builder(*this, clients.size() + (rows != nullptr ? rows->size() : 0));
  for (const config::Client& client : clients) {
    const std::uint32_t block =
        builder.entry_of({.name = client.name,
                          .secret = client.secret.reveal(),
                          .require_message_authenticator = client.require_message_authenticator,
                          .limit_proxy_state = client.limit_proxy_state,
                          .language = config::language_index(translations, client.language)});
    for (const Prefix& prefix : client.addresses) builder.add(prefix, block);
  }
  const config::Client usual;
  constexpr std::size_t kAhead = 8;
  for (std::size_t i = 0; rows != nullptr && i < rows->size(); ++i) {
    if (i + kAhead < rows->size()) prefetch((*rows)[i + kAhead].prefix.address);
    const config::ClientRows::Row row = (*rows)[i];
    const std::uint32_t block =
        builder.entry_of({.name = row.name,
                          .secret = row.secret,
                          .require_message_authenticator = usual.require_message_authenticator,
                          .limit_proxy_state = usual.limit_proxy_state});
    builder.add(row.prefix, block);
  }
  builder.finish();
}

// Entries borrow their secrets: their destructors would wipe no more than this does.
ClientTable::~ClientTable() { wipe({blocks_[0].octets.data(), blocks_.size() * sizeof(Block)}); }

// --- Look-up ---------------------------------------------------------------------------------

void ClientTable::prefetch(const IpAddress& address) const noexcept {
  if (address.is_v4()) {
    v4_.prefetch(words_of<1>(address));
  } else {
    v6_.prefetch(words_of<4>(address));
  }
}

// "::/0" is any IPv6, and no IPv4: each family has prefixes of its own.
const ClientEntry* ClientTable::find(const IpAddress& address) const noexcept {
  const std::uint32_t block =
      address.is_v4() ? v4_.find(words_of<1>(address)) : v6_.find(words_of<4>(address));
  return block == 0 ? nullptr : entry(block);
}

std::size_t ClientTable::memory_octets() const noexcept {
  return v4_.memory_octets() + v6_.memory_octets() + blocks_.size() * sizeof(Block) + sizeof(*this);
}

}  // namespace sallyport::radius_door
