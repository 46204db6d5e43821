#include "engine/radius/policy_table.h"

#include <algorithm>
#include <utility>

#include "engine/radius/user_name.h"
#include "protocol/ascii.h"
#include "protocol/check.h"
#include "verify/plain_name.h"

namespace sallyport::radius_door {
namespace {

using config::Hours;
using config::Policy;
using config::PolicyAction;

/// `pattern` may end with a * that stands for any rest.
bool matches_exactly(std::string_view pattern, std::string_view text) noexcept {
  if (!pattern.ends_with('*')) return pattern == text;
  return text.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool matches_in_any_case(std::string_view pattern, std::string_view text) noexcept {
  if (!pattern.ends_with('*')) return equal_ignoring_case(pattern, text);
  pattern.remove_suffix(1);
  return text.size() >= pattern.size() &&
         equal_ignoring_case(pattern, text.substr(0, pattern.size()));
}

/// A user as he wrote himself, or as his name counts for whoever does not exempt.
struct MatchedName {
  explicit MatchedName(std::string_view name) noexcept : whole(name), parts(split_name(name)) {}
  std::string_view whole;
  NameParts parts;
};

bool matches_user(const Policy& policy, const MatchedName& user) noexcept {
  if (policy.action == PolicyAction::exempt) {
    return std::ranges::any_of(
        policy.users, [&](const std::string& name) { return matches_exactly(name, user.whole); });
  }
  return std::ranges::any_of(policy.users, [&](const std::string& name) {
    const verify::PlainName plain(name);
    return matches_in_any_case(plain.view(), user.whole) ||
           matches_in_any_case(plain.view(), user.parts.user);
  });
}

bool matches_hours(const Hours& hours, std::uint16_t minute_of_week) noexcept {
  const unsigned day = minute_of_week / Hours::kMinutesOfDay;
  const unsigned minute = minute_of_week % Hours::kMinutesOfDay;
  const auto counts = [&](unsigned which) { return (hours.days >> which & 1) != 0; };
  if (hours.from_minute < hours.until_minute)
    return counts(day) && minute >= hours.from_minute && minute < hours.until_minute;
  return (counts(day) && minute >= hours.from_minute) ||
         (counts((day + 6) % 7) && minute < hours.until_minute);
}

bool names_users(const Policy& policy) noexcept {
  return !policy.users.empty() || !policy.realms.empty();
}

/// All conditions but those about the user's name and groups. `minute_of_week` is right if any
/// policy asks.
bool matches_all_else(const Policy& policy, const PolicySubject& subject,
                      std::uint16_t minute_of_week) noexcept {
  const auto is_client = [&](const std::string& name) { return name == subject.client; };
  if (!policy.clients.empty() && std::ranges::none_of(policy.clients, is_client)) return false;
  const auto holds = [&](const Prefix& prefix) { return prefix.contains(subject.source); };
  if (!policy.networks.empty() && std::ranges::none_of(policy.networks, holds)) return false;
  const auto is_type = [&](std::uint32_t type) { return subject.nas_port_type == type; };
  if (!policy.nas_port_types.empty() && std::ranges::none_of(policy.nas_port_types, is_type))
    return false;
  const auto is_now = [&](const Hours& hours) { return matches_hours(hours, minute_of_week); };
  return policy.hours.empty() || std::ranges::any_of(policy.hours, is_now);
}

bool matches_name(const Policy& policy, const MatchedName& user) noexcept {
  if (!policy.users.empty() && !matches_user(policy, user)) return false;
  const auto is_realm = [&](const std::string& realm) {
    return equal_ignoring_case(realm, user.parts.realm);
  };
  return policy.realms.empty() || std::ranges::any_of(policy.realms, is_realm);
}

/// No longer than `text`: the name of a factor is shorter than what it takes the place of.
std::string filled_in(std::string text, std::string_view factor) {
  constexpr std::string_view kPlaceholder = "{factor}";
  for (std::size_t at = 0; (at = text.find(kPlaceholder, at)) != std::string::npos;)
    text.replace(at, kPlaceholder.size(), factor);
  return text;
}

constexpr std::string_view kGroup = "{group}";

bool is_of_groups(const config::AcceptAttribute& attribute) {
  return attribute.value.contains(kGroup);
}

/// Those that are one for each group. {factor} in them is a push: only that tells groups.
std::vector<config::AcceptAttribute> of_groups(
    const std::vector<config::AcceptAttribute>& attributes) {
  std::vector<config::AcceptAttribute> out;
  for (const config::AcceptAttribute& attribute : attributes)
    if (is_of_groups(attribute))
      out.push_back({.name = attribute.name,
                     .value = filled_in(attribute.value, to_text(verify::LoginFactor::push))});
  return out;
}

/// Calls take(name) for each line; it returns false to stop. False: it did.
template <typename Take>
bool for_each_line(std::string_view lines, Take&& take) noexcept {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (!take(lines.substr(0, end))) return false;
    lines = end == std::string_view::npos ? std::string_view() : lines.substr(end + 1);
  }
  return true;
}

/// Writes into `out`, as long as there is room.
class AttributeWriter {
 public:
  explicit AttributeWriter(MutableOctets out) noexcept : out_(out) {}

  void octet(std::size_t value) noexcept {
    if (size_ == out_.size())
      full_ = true;
    else
      out_[size_++] = static_cast<std::uint8_t>(value);
  }
  void text(std::string_view text) noexcept {
    for (const char c : text) octet(static_cast<std::uint8_t>(c));
  }
  [[nodiscard]] std::optional<std::size_t> size() const noexcept {
    return full_ ? std::nullopt : std::optional(size_);
  }

 private:
  MutableOctets out_;
  std::size_t size_ = 0;
  bool full_ = false;
};

/// RFC 2865 §5, and §5.26 for those of a vendor: all in front of the value.
template <typename Add>
void add_head(const radius::AttributeName& name, std::size_t value_octets, Add&& add) {
  add(name.type);
  if (name.vendor == 0) return add(2 + value_octets);
  add(8 + value_octets);
  for (const unsigned shift : {24, 16, 8, 0}) add(name.vendor >> shift & 0xff);
  add(name.vendor_type);
  add(2 + value_octets);
}

std::vector<std::uint8_t> encoded(const std::vector<config::AcceptAttribute>& attributes,
                                  verify::LoginFactor factor) {
  std::vector<std::uint8_t> out;
  for (const config::AcceptAttribute& attribute : attributes) {
    if (is_of_groups(attribute)) continue;
    const std::string value = filled_in(attribute.value, to_text(factor));
    add_head(attribute.name, value.size(),
             [&](std::size_t octet) { out.push_back(static_cast<std::uint8_t>(octet)); });
    out.insert(out.end(), value.begin(), value.end());
  }
  return out;
}

}  // namespace

std::optional<std::uint32_t> nas_port_type(const radius::PacketView& request) noexcept {
  const auto value = request.find(radius::Type::nas_port_type);
  if (!value || value->size() != 4) return std::nullopt;
  return std::uint32_t{(*value)[0]} << 24 | std::uint32_t{(*value)[1]} << 16 |
         std::uint32_t{(*value)[2]} << 8 | std::uint32_t{(*value)[3]};
}

PolicyTable::Attributes PolicyTable::encoded_for_each(
    const std::vector<config::AcceptAttribute>& attributes) {
  Attributes out;
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = encoded(attributes, static_cast<verify::LoginFactor>(i));
  return out;
}

PolicyTable::PolicyTable(std::vector<Policy> policies, const config::SecondFactor& common,
                         LocalZone zone)
    : policies_(std::move(policies)),
      group_attribute_(radius::AttributeName::parse(common.group_attribute)),
      zone_(std::move(zone)),
      common_group_attributes_(of_groups(common.accept_attributes)),
      common_attributes_(encoded_for_each(common.accept_attributes)) {
  CHECK(policies_.size() < kAskDirectory);
  for (const Policy& policy : policies_) {
    own_attributes_.push_back(encoded_for_each(policy.accept_attributes));
    own_group_attributes_.push_back(of_groups(policy.accept_attributes));
    languages_.push_back(config::language_index(common.translations, policy.language));
  }
  asks_groups_ = group_attribute_ && std::ranges::any_of(policies_, [](const Policy& policy) {
                   return !policy.groups.empty();
                 });
  if (common.directory_groups) read_directory_groups();
}

void PolicyTable::read_directory_groups() {
  std::vector<std::string> names;
  for (const Policy& policy : policies_)
    names.insert(names.end(), policy.groups.begin(), policy.groups.end());
  if (names.empty()) return;
  directory_names_ = std::make_shared<const verify::GroupNames>(std::move(names));
  for (const Policy& policy : policies_) {
    std::vector<std::uint32_t>& groups = directory_groups_.emplace_back();
    for (const std::string& name : policy.groups)
      groups.push_back(directory_names_->find(name).value());
    std::ranges::sort(groups);
  }
}

PolicyTable::Membership PolicyTable::membership(std::size_t index,
                                                const PolicySubject& subject) const noexcept {
  const Policy& policy = policies_[index];
  const auto is_said = [&](const std::string& group) {
    return std::ranges::any_of(subject.groups,
                               [&](std::string_view of) { return equal_ignoring_case(group, of); });
  };
  if (policy.groups.empty() || std::ranges::any_of(policy.groups, is_said))
    return Membership::inside;
  if (directory_names_ == nullptr) return Membership::outside;
  if (subject.directory_groups == nullptr) return Membership::unknown;
  if (policy.action == PolicyAction::exempt && !subject.directory_groups->spelled_alike)
    return Membership::outside;
  const auto is_found = [&](std::uint32_t group) {
    return std::ranges::binary_search(directory_groups_[index], group);
  };
  return std::ranges::any_of(subject.directory_groups->all(), is_found) ? Membership::inside
                                                                        : Membership::outside;
}

std::uint16_t PolicyTable::choose(const PolicySubject& subject) const noexcept {
  if (policies_.empty()) return kNone;
  const MatchedName written(subject.user);
  const verify::PlainName plain(subject.user);
  const MatchedName plainly(plain.view());
  const std::uint16_t minute_of_week = zone_.minute_of_week(subject.unix_s);
  for (std::size_t index = 0; index < policies_.size(); ++index) {
    const Policy& policy = policies_[index];
    if (!matches_all_else(policy, subject, minute_of_week)) continue;
    const Membership groups = membership(index, subject);
    if (groups == Membership::outside) continue;
    if (names_users(policy) || groups == Membership::unknown) {
      // Who has no name is exempted by none; but one that would ask or deny may be his.
      const bool exempts = policy.action == PolicyAction::exempt;
      if (plain.view().empty() && !exempts) return kUnnamed;
      if (plain.view().empty() || !matches_name(policy, exempts ? written : plainly)) continue;
    }
    return groups == Membership::unknown ? kAskDirectory : static_cast<std::uint16_t>(index);
  }
  return kNone;
}

std::optional<std::size_t> PolicyTable::write_group_attributes(std::uint16_t index,
                                                               std::string_view group_lines,
                                                               MutableOctets out) const noexcept {
  const bool own = index < policies_.size() && !policies_[index].accept_attributes.empty();
  AttributeWriter writer(out);
  for (const auto& [name, text] : own ? own_group_attributes_[index] : common_group_attributes_) {
    const std::size_t at = text.find(kGroup);
    const std::string_view before = std::string_view(text).substr(0, at);
    const std::string_view behind = std::string_view(text).substr(at + kGroup.size());
    const std::size_t most = radius::kMaxAttributeValueOctets - (name.vendor == 0 ? 0 : 6);
    for_each_line(group_lines, [&](std::string_view group) {
      const std::size_t octets = before.size() + group.size() + behind.size();
      if (octets > most) return true;
      add_head(name, octets, [&](std::size_t octet) { writer.octet(octet); });
      for (const std::string_view part : {before, group, behind}) writer.text(part);
      return true;
    });
  }
  return writer.size();
}

bool PolicyTable::allows(std::uint16_t index, std::string_view group_lines) const noexcept {
  if (index >= policies_.size() || policies_[index].required_groups.empty()) return true;
  return !for_each_line(group_lines, [&](std::string_view group) {
    return std::ranges::none_of(policies_[index].required_groups, [&](const std::string& required) {
      return equal_ignoring_case(required, group);
    });
  });
}

std::uint16_t PolicyTable::index_of(std::string_view name) const noexcept {
  const auto found = std::ranges::find(policies_, name, &Policy::name);
  return found == policies_.end() ? kNone : static_cast<std::uint16_t>(found - policies_.begin());
}

std::span<const std::string_view> PolicyTable::groups_of(
    const radius::PacketView& accept, std::span<std::string_view, kMaxGroups> room) const noexcept {
  if (!asks_groups_ || !group_attribute_) return {};
  std::size_t count = 0;
  for (const radius::Attribute attribute : accept) {
    radius::for_each_value(*group_attribute_, attribute,
                           [&](Octets value) { room[count++] = as_text(value); });
  }
  return room.first(count);
}

}  // namespace sallyport::radius_door
