#pragma once
// Which client an address belongs to: longest prefix wins. Immutable once built; shards swap whole
// snapshots, and an exchange keeps the snapshot it began with alive.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/radius/huge_array.h"
#include "protocol/ip_address.h"
#include "protocol/radius/hop_key.h"

namespace sallyport::radius_door {

struct ClientEntry {
  explicit ClientEntry(const config::Client& client);

  std::string name;
  radius::HopKey key;
  config::RequireMessageAuthenticator require_message_authenticator;
  bool limit_proxy_state;

  /// It will be read soon.
  void prefetch() const noexcept {
    const auto* const lines = reinterpret_cast<const std::uint8_t*>(this);
    for (std::size_t at = 0; at < sizeof(*this); at += 64) __builtin_prefetch(lines + at);
  }
};

class ClientTable {
 public:
  /// `clients` is validated: no prefix twice. Built off the packet path.
  explicit ClientTable(const std::vector<config::Client>& clients);

  /// The client of this source address, or null. No allocation, no lock; any thread.
  [[nodiscard]] const ClientEntry* find(const IpAddress& address) const noexcept;
  /// A find of this address comes soon.
  void prefetch(const IpAddress& address) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return prefixes_; }

 private:
  struct Slot {
    std::uint64_t high = 0;  ///< the address in host order, host bits zero
    std::uint64_t low = 0;
    std::uint32_t entry = kEmpty;
    std::uint8_t length = 0;
  };
  static constexpr std::uint32_t kEmpty = 0xffff'ffff;

  HugeArray<ClientEntry> entries_;
  std::size_t prefixes_;
  HugeArray<Slot> slots_;  ///< open addressing by (address masked, length)
  std::uint64_t mask_;
  std::vector<std::uint8_t> lengths_;  ///< prefix lengths present, longest first
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

 private:
  [[nodiscard]] std::uint64_t fingerprint(const IpAddress& address) const noexcept;

  std::uint64_t key_[2];  ///< random, so that nobody can aim two addresses at one cell
  std::unique_ptr<std::atomic<std::uint64_t>[]> cells_;  ///< fingerprints; 0: free
};

}  // namespace sallyport::radius_door
