#include "engine/radius/remembered.h"

#include <bit>
#include <cstring>

namespace sallyport::radius_door {
namespace {

constexpr std::uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;

std::uint64_t load(const std::uint8_t* at) noexcept {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) noexcept {
  hash = (std::rotl(hash, 23) ^ word) * kOdd;
  return hash ^ (hash >> 32);
}

}  // namespace

// No secret is needed: who aims at another's mark needs the other's authenticator, and gains that
// his own datagram is dropped.
std::uint64_t mark_of(const ClientPath& path, radius::Identifier identifier,
                      const radius::Authenticator& authenticator) noexcept {
  std::uint64_t hash = kOdd;
  for (const std::size_t half : {0, 8}) {
    hash = mix(hash, load(authenticator.octets.data() + half));
    hash = mix(hash, load(path.source.address.octets.data() + half));
    hash = mix(hash, load(path.local.octets.data() + half));
  }
  hash = mix(hash, std::uint64_t{path.source.port} << 32 | std::uint32_t{path.socket} << 8 |
                       identifier.value);
  hash ^= hash >> 29;
  hash *= 0xbf58'476d'1ce4'e5b9;
  hash ^= hash >> 32;
  return hash == 0 ? 1 : hash;
}

std::uint64_t mark_of(const ClientDatagram& datagram) noexcept {
  constexpr std::size_t kIdentifierAt = 1;
  constexpr std::size_t kAuthenticatorAt = 4;
  constexpr std::size_t kHeaderOctets = 20;
  if (datagram.octets.size() < kHeaderOctets) return 0;
  radius::Authenticator authenticator;
  copy_octets(datagram.octets.subspan(kAuthenticatorAt, authenticator.octets.size()),
              authenticator.octets);
  return mark_of(datagram.path, radius::Identifier{datagram.octets[kIdentifierAt]}, authenticator);
}

RememberedRequests::RememberedRequests(std::span<const std::uint64_t> marks)
    : cells_(std::bit_ceil(2 * marks.size() + 2), 0) {
  for (const std::uint64_t mark : marks) {
    std::size_t at = mark & (cells_.size() - 1);
    while (cells_[at] != 0) at = (at + 1) & (cells_.size() - 1);
    cells_[at] = mark;
  }
}

bool RememberedRequests::contains(std::uint64_t mark) const noexcept {
  std::size_t at = mark & (cells_.size() - 1);
  while (cells_[at] != 0) {
    if (cells_[at] == mark) return true;
    at = (at + 1) & (cells_.size() - 1);
  }
  return false;
}

}  // namespace sallyport::radius_door
