#pragma once
// Addresses and prefixes, each with a value: the longest prefix that holds an address tells its
// value. Immutable once built; shards swap whole sets. And the text of a whitelist's file or
// command that one is built from.
//
// Prefixes are flattened into ranges: prefixes nest and never cross, so each address has exactly
// one longest prefix, and a look-up is one search among the sorted starts however many lengths
// there are. IPv4 and IPv6 are apart: four octets a start instead of sixteen, and "::/0" is no
// IPv4.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ip_address.h"

namespace sallyport::http_door {

class AddressSet {
 public:
  struct Entry {
    Prefix prefix;
    std::uint32_t value = 0;  ///< for a whitelist: its index; below kNone
  };
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  AddressSet() = default;  ///< holds nothing
  /// In any order. A prefix that is there twice has its first value. Off the request path:
  /// O(n log n).
  explicit AddressSet(std::vector<Entry> entries);
  /// The same value, 0, for all.
  explicit AddressSet(const std::vector<Prefix>& prefixes);

  /// The value of the longest prefix that holds `address`, or kNone. No allocation, no lock; any
  /// thread.
  [[nodiscard]] std::uint32_t find(const IpAddress& address) const noexcept;
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept {
    return find(address) != kNone;
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_; }  ///< as given, less doubles

 private:
  /// An IPv6 address as a number.
  struct Wide {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    auto operator<=>(const Wide&) const = default;
  };
  /// From `starts[i]` on, up to the next start, addresses have `values[i]`. Empty, or begins at 0.
  template <typename Number>
  struct Ranges {
    std::vector<Number> starts;
    std::vector<std::uint32_t> values;
    /// For each of the upper 16 bits: the range that holds the first such address. Empty for a
    /// small set, which the processor's cache holds anyway.
    std::vector<std::uint32_t> index;
  };
  template <typename Number>
  static void flatten(const std::vector<Entry>& entries, Ranges<Number>& ranges);
  template <typename Number>
  static void make_index(Ranges<Number>& ranges);
  template <typename Number>
  static std::uint32_t search(const Ranges<Number>& ranges, const Number& number,
                              std::size_t upper_bits) noexcept;

  std::size_t entries_ = 0;
  Ranges<std::uint32_t> v4_;
  Ranges<Wide> v6_;
};

/// A line of a list that cannot be read.
struct ListMistake {
  std::uint32_t line = 0;  ///< from 1
  std::string text;        ///< a sentence without its full stop
};

/// More lines than this are no list of addresses: 4,194,304 of them cost 100 MiB as ranges.
inline constexpr std::size_t kMaxListEntries = std::size_t{1} << 22;
/// So many mistakes are told; the rest are not looked for.
inline constexpr std::size_t kMaxListMistakes = 20;

/// Reads a whitelist's text: an address or prefix a line; "#" and what follows is a comment; empty
/// lines are skipped. All or nothing: one bad line, and the caller keeps the list he has. A bare
/// "0.0.0.0" or "::" is a mistake here: whoever lets everybody in has to write the "/0".
[[nodiscard]] std::expected<std::vector<Prefix>, std::vector<ListMistake>> read_address_list(
    std::string_view text);

}  // namespace sallyport::http_door
