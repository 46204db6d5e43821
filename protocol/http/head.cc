#include "protocol/http/head.h"

#include <algorithm>
#include <array>
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
/// Of a head that is held: beside its first line, no name is too long for 16 bits.
constexpr std::size_t kMostHeldOctets = 65'536;

/// Equal to a name whose case does not matter if, for each octet, octet | mask == lower.
struct Pattern {
  std::array<char, kLongestName> lower;
  std::array<char, kLongestName> mask;
};

constexpr auto kPatterns = [] {
  std::array<Pattern, kNames.size()> patterns{};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    for (std::size_t at = 0; at < kNames[i].size(); ++at) {
      const char c = kNames[i][at];
      patterns[i].lower[at] = c;
      patterns[i].mask[at] = c >= 'a' && c <= 'z' ? ' ' : '\0';
    }
  }
  return patterns;
}();

/// Tells all names apart, whatever the case; `name` is not empty.
constexpr std::uint32_t key(std::string_view name) {
  const char* const octets = name.data();
  const auto octet = [octets](std::size_t at) {
    return std::uint32_t{static_cast<unsigned char>(octets[at])} | 0x20;
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
  const Pattern& pattern = kPatterns[candidate];
  const char* const octets = name.data();
  // Words that overlap reach the last octet and none behind it.
  bool equal = true;
  const auto compare = [&]<typename Word>(std::size_t at, Word) {
    const auto load = [at](const char* text) {
      Word word;
      std::memcpy(&word, text + at, sizeof word);
      return word;
    };
    equal &= (load(octets) | load(pattern.mask.data())) == load(pattern.lower.data());
  };
  if (name.size() >= sizeof(std::uint64_t)) {
    for (std::size_t at = 0; at + sizeof(std::uint64_t) < name.size();
         at += sizeof(std::uint64_t)) {
      compare(at, std::uint64_t{});
    }
    compare(name.size() - sizeof(std::uint64_t), std::uint64_t{});
  } else if (name.size() >= sizeof(std::uint32_t)) {
    compare(0, std::uint32_t{});
    compare(name.size() - sizeof(std::uint32_t), std::uint32_t{});
  } else {
    for (std::size_t at = 0; at < name.size(); ++at) compare(at, std::uint8_t{});
  }
  return equal ? static_cast<FieldName>(candidate) : FieldName::other;
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
  seen_ = {};
  text_.clear();
  entries_.clear();
}

void Fields::add(std::string_view name, std::string_view value) {
  add(field_name(name), name, value);
}

void Fields::add(FieldName id, std::string_view name, std::string_view value) {
  CHECK(name.size() <= kMostNameOctets);
  const std::size_t end = text_.size() + name.size() + value.size() + kLineOctets;
  CHECK(end <= std::numeric_limits<std::uint32_t>::max());
  seen_.add(id);
  entries_.push_back(
      {.id = id,
       .is_line = true,
       .name_length = static_cast<std::uint16_t>(name.size()),
       .name_at = static_cast<std::uint32_t>(text_.size()),
       .value_at = static_cast<std::uint32_t>(text_.size() + name.size() + kColon.size()),
       .value_length = static_cast<std::uint32_t>(value.size())});
  const auto append_line = [=, from = text_.size()](char* out, std::size_t size) {
    char* at = out + from;
    const auto append = [&at](std::string_view piece) {
      if (!piece.empty()) std::memcpy(at, piece.data(), piece.size());
      at += piece.size();
    };
    append(name);
    append(kColon);
    append(value);
    append(kLineEnd);
    return size;
  };
  if (end <= text_.capacity()) return text_.resize_and_overwrite(end, append_line);
  // The two may be views into text_, which is given up only after they are copied.
  std::string larger;
  larger.reserve(std::max(end, 2 * text_.capacity()));
  larger.append(text_);
  larger.resize_and_overwrite(end, append_line);
  text_.swap(larger);
}

void Fields::hold(std::string_view head) {
  CHECK(head.size() <= kMostHeldOctets);
  text_.assign(head);
}

void Fields::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void Fields::remove(FieldName id) noexcept {
  FieldSet ids;
  ids.add(id);
  remove(ids);
}

void Fields::remove(FieldSet ids) noexcept {
  static_assert(kNames.size() <= 64);
  if ((ids.bits & seen_.bits) == 0) return;
  std::erase_if(entries_, [ids](const Entry& entry) { return ids.has(entry.id); });
}

void Fields::remove(std::string_view name) noexcept {
  const FieldName id = field_name(name);
  if (id != FieldName::other) return remove(id);
  remove_others([name](std::string_view other) { return equal_ignoring_case(other, name); });
}

std::optional<std::string_view> Fields::find(FieldName id) const noexcept {
  if (!seen_.has(id)) return std::nullopt;
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
  if (!seen_.has(id)) return 0;
  return static_cast<std::size_t>(std::ranges::count(entries_, id, &Entry::id));
}

bool Fields::has_element(FieldName id, std::string_view element) const noexcept {
  if (!seen_.has(id)) return false;
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

std::size_t Fields::write_lines(MutableOctets out) const noexcept {
  std::size_t written = 0;
  const auto copy = [&](const char* text, std::size_t octets) {
    CHECK(octets <= out.size() - written);
    std::memcpy(out.data() + written, text, octets);
    written += octets;
  };
  // Lines that follow each other, as most do, go as one piece.
  const char* const text = text_.data();
  std::size_t from = 0;
  std::size_t to = 0;
  for (const Entry& entry : entries_) {
    if (!entry.is_line || entry.name_at != to) {
      copy(text + from, to - from);
      from = to = entry.name_at;
    }
    if (entry.is_line) {
      to = entry.value_at + entry.value_length + kLineEnd.size();
      continue;
    }
    copy(text + entry.name_at, entry.name_length);
    copy(kColon.data(), kColon.size());
    copy(text + entry.value_at, entry.value_length);
    copy(kLineEnd.data(), kLineEnd.size());
  }
  copy(text + from, to - from);
  return written;
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
