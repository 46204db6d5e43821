#pragma once
// Which client an address belongs to: longest prefix wins. Immutable once built; shards swap whole
// snapshots, and an exchange keeps the snapshot it began with alive. Made for a million clients: a
// slot of 8 octets (IPv6: 20) for a prefix, and what is known of a client in one piece.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "engine/config/clients_file.h"
#include "engine/config/config.h"
#include "engine/radius/huge_array.h"
#include "protocol/ip_address.h"
#include "protocol/radius/hop_key.h"

namespace sallyport::radius_door {

/// Lives in its table only: behind it stand the octets of its secret, then those of its name.
struct ClientEntry {
  ClientEntry(Octets secret, const radius::HmacPads& pads, std::uint8_t name_size,
              config::RequireMessageAuthenticator require, bool limit,
              std::uint8_t language_number) noexcept
      : key(secret, pads),
        name_octets(name_size),
        require_message_authenticator(require),
        limit_proxy_state(limit),
        language(language_number) {}

  [[no_unique_address]] radius::HopKey key;
  std::uint8_t name_octets;
  config::RequireMessageAuthenticator require_message_authenticator;
  bool limit_proxy_state;
  std::uint8_t language;  ///< config::language_index()

  [[nodiscard]] std::string_view name() const noexcept {
    const Octets secret = key.secret();
    return as_text({secret.data() + secret.size(), name_octets});
  }
  /// It will be read soon, and its secret, too.
  void prefetch() const noexcept {
    const auto* const lines = reinterpret_cast<const std::uint8_t*>(this);
    for (std::size_t at = 0; at < 128; at += 64) __builtin_prefetch(lines + at);
  }
};
static_assert(sizeof(ClientEntry) == 48, "a million of them, and none a line more than needed");

class ClientTable {
 public:
  /// `clients` and `rows` are validated: no prefix twice, in both together. Nothing of them is kept
  /// but copies. `translations`: those that clients name a language of. Built off the packet path.
  explicit ClientTable(const std::vector<config::Client>& clients,
                       const config::ClientRows* rows = nullptr,
                       std::span<const config::Messages> translations = {})
      : ClientTable(plan_for(clients, rows), clients, rows, translations) {}
  /// Wipes the secrets.
  ~ClientTable();
  ClientTable(const ClientTable&) = delete;
  ClientTable& operator=(const ClientTable&) = delete;

  /// The client of this source address, or null. No allocation, no lock; any thread.
  [[nodiscard]] const ClientEntry* find(const IpAddress& address) const noexcept;
  /// A find of this address comes soon.
  void prefetch(const IpAddress& address) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return prefixes_; }
  /// Memory in use, all told.
  [[nodiscard]] std::size_t memory_octets() const noexcept;

 private:
  class Builder;
  /// An IPv4 address, or the four words of an IPv6 address, in host order and without host bits.
  using Key4 = std::array<std::uint32_t, 1>;
  using Key6 = std::array<std::uint32_t, 4>;
  /// How many prefixes there are of each length.
  using Counts = std::array<std::uint32_t, 129>;

  struct Plan {
    Counts v4{};
    Counts v6{};
    std::size_t prefixes = 0;
    std::size_t blocks = 1;  ///< at most; fewer where clients share an entry
  };

  /// The prefixes of one family. Those of one length stand together, by open addressing.
  template <typename Key>
  class Family {
   public:
    explicit Family(const Counts& counts);
    void add(const Key& address, unsigned length, std::uint32_t block) noexcept;
    /// The block of the longest prefix; 0: none.
    [[nodiscard]] std::uint32_t find(const Key& address) const noexcept;
    void prefetch(const Key& address) const noexcept;
    [[nodiscard]] std::size_t memory_octets() const noexcept {
      return slots_.size() * sizeof(Slot);
    }

   private:
    struct Slot {
      Key key{};
      std::uint32_t block = 0;  ///< where its entry stands; 0: the slot is free
    };
    struct Range {
      Key mask;  ///< of its length
      unsigned length;
      std::uint32_t begin;
      std::uint32_t size;
    };
    static std::vector<Range> ranges_for(const Counts& counts);

    const std::vector<Range> ranges_;  ///< longest first
    HugeArray<Slot> slots_;
  };

  /// What entries are counted in. The first is nobody's.
  struct Block {
    alignas(8) std::array<std::uint8_t, 8> octets;
  };

  [[nodiscard]] static Plan plan_for(const std::vector<config::Client>& clients,
                                     const config::ClientRows* rows);
  ClientTable(const Plan& plan, const std::vector<config::Client>& clients,
              const config::ClientRows* rows, std::span<const config::Messages> translations);
  [[nodiscard]] const ClientEntry* entry(std::uint32_t block) const noexcept {
    return std::launder(reinterpret_cast<const ClientEntry*>(&blocks_[block]));
  }

  std::size_t prefixes_;
  Family<Key4> v4_;
  Family<Key6> v6_;
  HugeArray<Block> blocks_;
};

/// Source addresses that have sent a valid Message-Authenticator, for require_message_authenticator
/// = "auto". Shared by all shards, survives reloads. Bounded: when it is full it learns no more.
class LearnedAddresses {
 public:
  static constexpr std::size_t kCapacity = 65'536;
  LearnedAddresses();
  /// Any thread, lock-free. Only for a packet whose Message-Authenticator was verified.
  void learn(const IpAddress& address) noexcept;
  [[nodiscard]] bool knows(const IpAddress& address) const noexcept;

  /// All that it knows, for a process that takes over: its key, then its cells.
  [[nodiscard]] std::vector<std::uint64_t> words() const;
  /// Before any other thread has it. Words that are none of words() leave it as it is.
  void take(std::span<const std::uint64_t> words) noexcept;

 private:
  [[nodiscard]] std::uint64_t fingerprint(const IpAddress& address) const noexcept;

  std::uint64_t key_[2];  ///< random, so that nobody can aim two addresses at one cell
  std::unique_ptr<std::atomic<std::uint64_t>[]> cells_;  ///< fingerprints; 0: free
};

}  // namespace sallyport::radius_door
