#include "engine/http/address_set.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

constexpr unsigned kV4MappedBits = 96;
/// Below it a plain search stays in the first-level cache.
constexpr std::size_t kIndexedStarts = 512;
constexpr std::size_t kIndexSize = std::size_t{1} << 16;

std::uint64_t read_64(const std::uint8_t* octets) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, octets, sizeof value);
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

std::uint32_t read_v4(const IpAddress& address) noexcept {
  return static_cast<std::uint32_t>(read_64(address.octets.data() + 8));
}

/// All ones behind the first `length` bits: the last address of a prefix less its first.
constexpr std::uint64_t host_bits(unsigned length) noexcept {
  return length >= 64 ? 0 : ~std::uint64_t{0} >> length;
}

/// The last index whose start is not behind `number`, within [first, first + count). starts[first]
/// is not behind it. Without branches that depend on the data: they would be guessed half wrong.
template <typename Number>
std::size_t last_not_behind(const Number* starts, std::size_t first, std::size_t count,
                            const Number& number) noexcept {
  while (count > 1) {
    const std::size_t half = count / 2;
    first = starts[first + half] <= number ? first + half : first;
    count -= half;
  }
  return first;
}

}  // namespace

template <typename Number>
void AddressSet::make_index(Ranges<Number>& ranges) {
  if (ranges.starts.size() < kIndexedStarts) return;
  ranges.index.resize(kIndexSize + 1);
  std::size_t range = 0;
  for (std::size_t upper = 0; upper < kIndexSize; ++upper) {
    Number number{};
    if constexpr (std::is_same_v<Number, std::uint32_t>) {
      number = static_cast<std::uint32_t>(upper << 16);
    } else {
      number.high = static_cast<std::uint64_t>(upper) << 48;
    }
    while (range + 1 < ranges.starts.size() && ranges.starts[range + 1] <= number) ++range;
    ranges.index[upper] = static_cast<std::uint32_t>(range);
  }
  ranges.index[kIndexSize] = static_cast<std::uint32_t>(ranges.starts.size() - 1);
}

template <typename Number>
void AddressSet::flatten(const std::vector<Entry>& entries, Ranges<Number>& ranges) {
  constexpr bool kV4 = std::is_same_v<Number, std::uint32_t>;
  const auto first_of = [](const Prefix& prefix) -> Number {
    if constexpr (kV4) {
      return read_v4(prefix.address);
    } else {
      return {.high = read_64(prefix.address.octets.data()),
              .low = read_64(prefix.address.octets.data() + 8)};
    }
  };
  const auto last_of = [&](const Prefix& prefix) -> Number {
    const Number first = first_of(prefix);
    if constexpr (kV4) {
      return first | static_cast<std::uint32_t>(host_bits(prefix.length - kV4MappedBits + 32u));
    } else {
      return {.high = first.high | host_bits(prefix.length),
              .low = first.low |
                     (prefix.length <= 64 ? ~std::uint64_t{0} : host_bits(prefix.length - 64u))};
    }
  };
  const auto next = [](const Number& number) -> std::optional<Number> {
    if constexpr (kV4) {
      if (number == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
      return number + 1;
    } else {
      if (number.low != ~std::uint64_t{0})
        return Number{.high = number.high, .low = number.low + 1};
      if (number.high == ~std::uint64_t{0}) return std::nullopt;
      return Number{.high = number.high + 1, .low = 0};
    }
  };
  const auto begin_range = [&](const Number& start, std::uint32_t value) {
    // A range of no length is overwritten; one that changes nothing is left out.
    if (!ranges.starts.empty() && ranges.starts.back() == start) {
      ranges.starts.pop_back();
      ranges.values.pop_back();
    }
    if (!ranges.values.empty() && ranges.values.back() == value) return;
    ranges.starts.push_back(start);
    ranges.values.push_back(value);
  };

  if (entries.empty()) return;
  struct Open {
    Number last;
    std::uint32_t value;
  };
  std::vector<Open> open;  // the prefixes around the place that the sweep has reached, longest last
  const auto close = [&] {
    const Number last = open.back().last;
    open.pop_back();
    // What ends at the very end of all addresses, or with the prefix around it, needs no range.
    if (const auto start = next(last))
      begin_range(*start, open.empty() ? kNone : open.back().value);
  };
  begin_range(Number{}, kNone);
  for (const Entry& entry : entries) {
    const Number first = first_of(entry.prefix);
    while (!open.empty() && open.back().last < first) close();
    begin_range(first, entry.value);
    open.push_back({.last = last_of(entry.prefix), .value = entry.value});
  }
  while (!open.empty()) close();
  ranges.starts.shrink_to_fit();
  ranges.values.shrink_to_fit();
  make_index(ranges);
}

template <typename Number>
std::uint32_t AddressSet::search(const Ranges<Number>& ranges, const Number& number,
                                 std::size_t upper_bits) noexcept {
  if (ranges.starts.empty()) return kNone;
  std::size_t first = 0;
  std::size_t count = ranges.starts.size();
  if (!ranges.index.empty()) {
    first = ranges.index[upper_bits];
    count = ranges.index[upper_bits + 1] - first + 1;
  }
  return ranges.values[last_not_behind(ranges.starts.data(), first, count, number)];
}

AddressSet::AddressSet(std::vector<Entry> entries) {
  for (const Entry& entry : entries) CHECK(entry.value != kNone);
  // Outer prefixes before those within them; of doubles the first given stays in front.
  std::ranges::stable_sort(entries, {}, &Entry::prefix);
  const auto doubles = std::ranges::unique(entries, {}, &Entry::prefix);
  entries.erase(doubles.begin(), doubles.end());
  entries_ = entries.size();

  const auto v6 = std::ranges::stable_partition(
      entries, [](const Entry& entry) { return entry.prefix.address.is_v4(); });
  const std::vector<Entry> v6_entries(v6.begin(), v6.end());
  entries.erase(v6.begin(), v6.end());
  flatten(entries, v4_);
  flatten(v6_entries, v6_);
}

namespace {

std::vector<AddressSet::Entry> all_of_value_0(const std::vector<Prefix>& prefixes) {
  std::vector<AddressSet::Entry> entries;
  entries.reserve(prefixes.size());
  for (const Prefix& prefix : prefixes) entries.push_back({.prefix = prefix});
  return entries;
}

}  // namespace

AddressSet::AddressSet(const std::vector<Prefix>& prefixes)
    : AddressSet(all_of_value_0(prefixes)) {}

std::uint32_t AddressSet::find(const IpAddress& address) const noexcept {
  if (address.is_v4()) {
    const std::uint32_t number = read_v4(address);
    return search(v4_, number, number >> 16);
  }
  const Wide number{.high = read_64(address.octets.data()),
                    .low = read_64(address.octets.data() + 8)};
  return search(v6_, number, number.high >> 48);
}

std::expected<std::vector<Prefix>, std::vector<ListMistake>> read_address_list(
    std::string_view text) {
  std::vector<Prefix> prefixes;
  std::vector<ListMistake> mistakes;
  std::uint32_t line_number = 0;
  while (!text.empty() && mistakes.size() < kMaxListMistakes) {
    ++line_number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    if (line.empty()) continue;
    // Whatever it is, it is not repeated at length in a log.
    constexpr std::size_t kMaxShown = 64;
    const auto prefix = line.size() > kMaxShown
                            ? std::unexpected("more than an address or prefix on a line")
                            : Prefix::parse(line);
    if (!prefix) {
      mistakes.push_back({.line = line_number, .text = prefix.error()});
    } else if (prefix->address.is_any() && !line.contains('/')) {
      mistakes.push_back({.line = line_number,
                          .text = "\"" + std::string(line) + "\" alone would let everybody in; \"" +
                                  prefix->text() + "\" says so plainly"});
    } else if (prefixes.size() == kMaxListEntries) {
      mistakes.push_back({.line = line_number, .text = "more than 4194304 addresses"});
      break;
    } else {
      prefixes.push_back(*prefix);
    }
  }
  if (!mistakes.empty()) return std::unexpected(std::move(mistakes));
  return prefixes;
}

}  // namespace sallyport::http_door
