#include "protocol/http/head.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>

#include "protocol/check.h"
#include "protocol/http/field_text.h"

namespace sallyport::http {
namespace {

constexpr std::array<std::string_view, 41> kNames = {
    "",
    "accept",
    "accept-encoding",
    "alt-svc",
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "location",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "server",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "www-authenticate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-proto",
    "x-forwarded-uri",
    "x-original-method",
    "x-original-url",
    "x-real-ip",
    "x-requested-with",
};
static_assert(kNames.size() == static_cast<std::size_t>(FieldName::x_requested_with) + 1);

constexpr std::size_t kLongestName = 25;
/// A name of 32 octets, padded with zeros, to be compared eight at a time.
using Words = std::array<std::uint64_t, 4>;

/// Equal to a name whose case does not matter if, for each word, word | mask == lower.
struct Pattern {
  Words lower;
  Words mask;
};

constexpr auto kPatterns = [] {
  std::array<Pattern, kNames.size()> patterns{};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    std::array<char, sizeof(Words)> lower{};
    std::array<char, sizeof(Words)> mask{};
    for (std::size_t at = 0; at < kNames[i].size(); ++at) {
      lower[at] = kNames[i][at];
      mask[at] = lower[at] >= 'a' && lower[at] <= 'z' ? ' ' : '\0';
    }
    patterns[i] = {.lower = std::bit_cast<Words>(lower), .mask = std::bit_cast<Words>(mask)};
  }
  return patterns;
}();

/// Tells all names apart, whatever the case; `name` is not empty.
constexpr std::uint32_t key(std::string_view name) {
  const auto octet = [&](std::size_t at) {
    return std::uint32_t{static_cast<unsigned char>(name[at])} | 0x20;
  };
  return static_cast<std::uint32_t>(name.size()) | octet(0) << 8 | octet(name.size() / 2) << 16 |
         octet(name.size() - 1) << 24;
}

using Slots = std::array<std::uint8_t, 256>;
constexpr std::size_t slot(std::uint32_t key, std::uint32_t multiplier) {
  return key * multiplier >> 24;
}

/// Each name in the slot of its key; nothing when two of them would share one.
constexpr std::optional<Slots> place(std::uint32_t multiplier) {
  Slots slots{};
  for (std::size_t i = 1; i < kNames.size(); ++i) {
    std::uint8_t& place = slots[slot(key(kNames[i]), multiplier)];
    if (place != 0) return std::nullopt;
    place = static_cast<std::uint8_t>(i);
  }
  return slots;
}

constexpr std::uint32_t kMultiplier = [] {
  std::uint32_t multiplier = 0x9e37'79b1;
  while (!place(multiplier)) multiplier += 2;
  return multiplier;
}();
constexpr Slots kSlots = *place(kMultiplier);

}  // namespace

FieldName field_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > kLongestName) return FieldName::other;
  const std::uint8_t candidate = kSlots[slot(key(name), kMultiplier)];
  if (kNames[candidate].size() != name.size()) return FieldName::other;
  Words words{};
  std::memcpy(words.data(), name.data(), name.size());
  const Pattern& pattern = kPatterns[candidate];
  std::uint64_t difference = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    difference |= (words[i] | pattern.mask[i]) ^ pattern.lower[i];
  }
  return difference == 0 ? static_cast<FieldName>(candidate) : FieldName::other;
}

Method method_of(std::string_view text) noexcept {
  if (text == "GET") return Method::get;
  if (text == "HEAD") return Method::head;
  if (text == "POST") return Method::post;
  if (text == "PUT") return Method::put;
  if (text == "DELETE") return Method::delete_;
  if (text == "OPTIONS") return Method::options;
  if (text == "CONNECT") return Method::connect;
  if (text == "PATCH") return Method::patch;
  if (text == "TRACE") return Method::trace;
  return Method::other;
}

void Fields::reset() noexcept {
  text_.clear();
  entries_.clear();
}

void Fields::add(std::string_view name, std::string_view value) {
  add(field_name(name), name, value);
}

void Fields::add(FieldName id, std::string_view name, std::string_view value) {
  CHECK(name.size() <= std::numeric_limits<std::uint16_t>::max());
  const std::size_t end = text_.size() + name.size() + value.size();
  CHECK(end <= std::numeric_limits<std::uint32_t>::max());
  entries_.push_back({.id = id,
                      .name_length = static_cast<std::uint16_t>(name.size()),
                      .name_at = static_cast<std::uint32_t>(text_.size()),
                      .value_at = static_cast<std::uint32_t>(text_.size() + name.size()),
                      .value_length = static_cast<std::uint32_t>(value.size())});
  if (end <= text_.capacity()) {
    text_.append(name).append(value);
    return;
  }
  // The two may be views into text_, which is given up only after they are copied.
  std::string larger;
  larger.reserve(std::max(end, 2 * text_.capacity()));
  larger.append(text_).append(name).append(value);
  text_.swap(larger);
}

void Fields::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void Fields::remove(FieldName id) noexcept {
  std::erase_if(entries_, [id](const Entry& entry) { return entry.id == id; });
}

void Fields::remove(std::initializer_list<FieldName> ids) noexcept {
  static_assert(kNames.size() <= 64);
  std::uint64_t removed = 0;
  for (const FieldName id : ids) removed |= std::uint64_t{1} << static_cast<unsigned>(id);
  std::erase_if(entries_, [removed](const Entry& entry) {
    return (removed >> static_cast<unsigned>(entry.id) & 1) != 0;
  });
}

void Fields::remove(std::string_view name) noexcept {
  const FieldName id = field_name(name);
  if (id != FieldName::other) return remove(id);
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.id == FieldName::other &&
           equal_ignoring_case(std::string_view(text_).substr(entry.name_at, entry.name_length),
                               name);
  });
}

bool Fields::begins(const Entry& entry, std::string_view prefix) const noexcept {
  if (entry.id != FieldName::other) return false;
  return starts_ignoring_case(std::string_view(text_).substr(entry.name_at, entry.name_length),
                              prefix);
}

bool Fields::has_prefix(std::string_view prefix) const noexcept {
  return std::ranges::any_of(entries_, [&](const Entry& each) { return begins(each, prefix); });
}

void Fields::remove_prefix(std::string_view prefix) noexcept {
  std::erase_if(entries_, [&](const Entry& each) { return begins(each, prefix); });
}

std::optional<std::string_view> Fields::find(FieldName id) const noexcept {
  for (const Entry& entry : entries_) {
    if (entry.id == id) return std::string_view(text_).substr(entry.value_at, entry.value_length);
  }
  return std::nullopt;
}

std::optional<std::string_view> Fields::find(std::string_view name) const noexcept {
  const FieldName id = field_name(name);
  if (id != FieldName::other) return find(id);
  for (std::size_t i = 0; i < size(); ++i) {
    const Field field = (*this)[i];
    if (field.id == FieldName::other && equal_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::size_t Fields::count(FieldName id) const noexcept {
  return static_cast<std::size_t>(std::ranges::count(entries_, id, &Entry::id));
}

bool Fields::has_element(FieldName id, std::string_view element) const noexcept {
  for (std::size_t i = 0; i < size(); ++i) {
    const Field field = (*this)[i];
    if (field.id != id) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (equal_ignoring_case(trim(rest.substr(0, comma)), element)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

std::size_t Fields::octets() const noexcept {
  std::size_t octets = 0;
  for (const Entry& entry : entries_) octets += entry.name_length + entry.value_length;
  return octets;
}

void RequestHead::reset() noexcept {
  method = Method::other;
  method_text.clear();
  target.clear();
  authority.clear();
  scheme.clear();
  protocol.clear();
  minor_version = 1;
  fields.reset();
  framing = Framing::none;
  content_length.reset();
  keep_alive = true;
  expect_continue = false;
}

void ResponseHead::reset() noexcept {
  status = 0;
  minor_version = 1;
  reason.clear();
  fields.reset();
  framing = Framing::none;
  content_length.reset();
  keep_alive = true;
}

}  // namespace sallyport::http
