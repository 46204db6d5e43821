#include "bench/relay/client_ports.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "protocol/check.h"

namespace sallyport::lab {
namespace {

/// Family, port and address lie in the first 8 octets (IPv4) or 24 (IPv6).
std::uint64_t hash_of(Octets name) noexcept {
  constexpr std::uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;  // 2^64 / golden ratio
  std::uint64_t hash = 0;
  for (std::size_t at = 0; at + 8 <= std::min<std::size_t>(name.size(), 24); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, name.data() + at, sizeof word);
    hash = std::rotl((hash ^ word) * kOdd, 29);
  }
  return hash * kOdd >> 32;
}

bool same(const SocketName& client, Octets name) noexcept {
  return client.octets == name.size() &&
         std::memcmp(&client.address, name.data(), name.size()) == 0;
}

}  // namespace

SocketName SocketName::from(Octets name) noexcept {
  CHECK(name.size() == sizeof(sockaddr_in) || name.size() == sizeof(sockaddr_in6));
  SocketName copy{};
  std::memcpy(&copy.address, name.data(), name.size());
  copy.octets = static_cast<std::uint32_t>(name.size());
  return copy;
}

ClientPorts::ClientPorts(std::uint32_t ports)
    : clients_(ports), slots_(std::bit_ceil(2 * std::size_t{ports}), kEmpty) {
  CHECK(ports > 0);
}

std::uint32_t ClientPorts::slot_of(Octets name) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash_of(name) & mask;
  while (slots_[slot] != kEmpty && !same(clients_[slots_[slot]], name)) slot = (slot + 1) & mask;
  return static_cast<std::uint32_t>(slot);
}

std::uint32_t ClientPorts::port_of(Octets name) noexcept {
  const std::uint32_t port = slots_[slot_of(name)];
  return port != kEmpty ? port : add(name);
}

std::uint32_t ClientPorts::add(Octets name) noexcept {
  const auto port = static_cast<std::uint32_t>(clients_seen_++ % clients_.size());
  if (clients_[port].octets == 0) {
    clients_[port] = SocketName::from(name);
    slots_[slot_of(name)] = port;
    return port;
  }
  // Rare: more clients than ports. The table is written anew, which needs no marks for what is
  // gone.
  ++taken_over_;
  clients_[port] = SocketName::from(name);
  std::ranges::fill(slots_, kEmpty);
  for (std::uint32_t each = 0; each < clients_.size(); ++each) {
    const auto* octets = reinterpret_cast<const std::uint8_t*>(&clients_[each].address);
    slots_[slot_of({octets, clients_[each].octets})] = each;
  }
  return port;
}

}  // namespace sallyport::lab
