#pragma once
// Which exchange a request belongs to. RFC 5080 §2.2.2: source address and port, Identifier (or
// Token) and the socket or connection it came to. Open addressing without tombstones: the table is
// as quick after a year as at start. The hash is keyed with a random, so that nobody can aim at one
// place. Fixed size, one thread.

#include <array>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "engine/radius/door.h"
#include "protocol/radius/authenticator.h"
#include "protocol/random.h"

namespace sallyport::radius_door {

/// Identifiers of Access-Requests and of Accounting-Requests are counted apart: a client may use
/// one port for both.
enum class RequestClass : std::uint8_t { access, accounting };

struct RequestKey {
  Endpoint source;
  IpAddress local;
  std::uint16_t socket = 0;
  radius::Identifier identifier;
  RequestClass request_class = RequestClass::access;
  std::array<std::uint8_t, radius::kTokenOctets> token{};  ///< RADIUS/1.1: identifier is 0
  auto operator<=>(const RequestKey&) const = default;
};
static_assert(std::has_unique_object_representations_v<RequestKey>, "hashed as octets");

/// Maps keys to slots. The keys themselves stay in the slots: the caller compares them.
class DuplicateTable {
 public:
  /// `max_entries`: how many may be present at once; twice as many cells are taken.
  DuplicateTable(std::uint32_t max_entries, RandomSource& random);

  [[nodiscard]] std::uint32_t hash(const RequestKey& key) const noexcept;

  /// A find, insert or erase under this hash comes soon.
  void prefetch(std::uint32_t hash) const noexcept { __builtin_prefetch(&cells_[hash & mask_], 1); }
  /// The first slot under this hash for which same(slot) holds.
  template <typename Same>
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t hash, Same&& same) const noexcept {
    for (std::uint32_t at = hash & mask_; cells_[at].slot != kEmpty; at = (at + 1) & mask_)
      if (cells_[at].hash == hash && same(cells_[at].slot)) return cells_[at].slot;
    return std::nullopt;
  }
  /// The key must not be present.
  void insert(std::uint32_t hash, std::uint32_t slot) noexcept;
  /// The entry must be present. Entries behind it move up, so that no search ends too early.
  void erase(std::uint32_t hash, std::uint32_t slot) noexcept;

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

 private:
  static constexpr std::uint32_t kEmpty = 0xffff'ffff;
  struct Cell {
    std::uint32_t hash = 0;
    std::uint32_t slot = kEmpty;
  };

  std::array<std::uint64_t, 6> seed_;
  std::vector<Cell> cells_;
  std::uint32_t mask_;
  std::uint32_t size_ = 0;
};

}  // namespace sallyport::radius_door
