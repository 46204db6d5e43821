#include "engine/config/policy_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "protocol/ascii.h"
#include "protocol/radius/attribute_name.h"

namespace sallyport::config {
namespace {

constexpr std::size_t kMaxNameOctets = 253;

constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

Complaint bad_hours(std::string_view wrong) {
  return {.wrong = fmt::format("is no time of the week: {}", wrong),
          .mend = "Write \"mon-fri 08:00-18:00\", \"sat,sun\" or \"22:00-06:00\"."};
}

std::optional<std::size_t> day_of(std::string_view text) {
  const auto found = std::ranges::find(kDays, text);
  if (found == kDays.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kDays.begin());
}

/// "mon", or "fri-mon", which goes over the weekend.
std::optional<std::uint8_t> days_of(std::string_view text) {
  const auto dash = text.find('-');
  const auto first = day_of(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : day_of(text.substr(dash + 1));
  if (!first || !last) return std::nullopt;
  std::uint8_t days = 0;
  for (std::size_t day = *first;; day = (day + 1) % kDays.size()) {
    days = static_cast<std::uint8_t>(days | 1u << day);
    if (day == *last) return days;
  }
}

/// "08:00" as minutes of the day; "24:00" is its end.
std::optional<std::uint16_t> minute_of(std::string_view text) {
  if (text.size() != 5 || text[2] != ':' || !is_digit(text[0]) || !is_digit(text[1]) ||
      !is_digit(text[3]) || !is_digit(text[4]))
    return std::nullopt;
  const int hour = (text[0] - '0') * 10 + (text[1] - '0');
  const int minute = (text[3] - '0') * 10 + (text[4] - '0');
  const int all = hour * 60 + minute;
  if (minute > 59 || all > Hours::kMinutesOfDay) return std::nullopt;
  return static_cast<std::uint16_t>(all);
}

/// RFC 2865 §5.41 in its order, then what IANA added to it (registry "NAS-Port-Type").
constexpr std::array<std::string_view, 20> kPortTypes = {
    "Async",      "Sync",     "ISDN", "ISDN-V.120", "ISDN-V.110",     "Virtual",        "PIAFS",
    "HDLC-Clear", "X.25",     "X.75", "G.3-Fax",    "SDSL",           "ADSL-CAP",       "ADSL-DMT",
    "IDSL",       "Ethernet", "xDSL", "Cable",      "Wireless-Other", "Wireless-802.11"};

constexpr std::array<std::string_view, 5> kMessageFields = {"user", "client", "calling_station",
                                                            "nas", "number"};

/// Texts and opaque octets that a server sends: nothing that the hop, the exchange or a secret
/// needs.
constexpr std::array<std::uint8_t, 9> kAddable = {11, 18, 20, 25, 26, 34, 36, 88, 89};

bool may_be_added(std::uint8_t type) { return std::ranges::find(kAddable, type) != kAddable.end(); }

}  // namespace

Finding add_hours(std::string_view text, std::vector<Hours>& to) {
  Hours hours;
  const auto space = text.find(' ');
  std::string_view days = text.substr(0, space);
  std::string_view times = space == std::string_view::npos ? "" : text.substr(space + 1);
  if (times.empty() && days.contains(':')) std::swap(days, times);
  if (!days.empty()) {
    hours.days = 0;
    while (!days.empty()) {
      const auto comma = days.find(',');
      const auto some = days_of(days.substr(0, comma));
      if (!some) return bad_hours("its days are not mon, tue, wed, thu, fri, sat or sun");
      hours.days |= *some;
      days = comma == std::string_view::npos ? std::string_view{} : days.substr(comma + 1);
    }
  } else if (times.empty()) {
    return bad_hours("it is empty");
  }
  if (!times.empty()) {
    const auto dash = times.find('-');
    const auto from = minute_of(times.substr(0, dash));
    const auto until =
        dash == std::string_view::npos ? std::nullopt : minute_of(times.substr(dash + 1));
    if (!from || !until || *from == Hours::kMinutesOfDay || *until == 0)
      return bad_hours("its times are not like 08:00-18:00");
    if (*from == *until) return bad_hours("it begins when it ends");
    hours.from_minute = *from;
    hours.until_minute = *until;
  }
  to.push_back(hours);
  return std::nullopt;
}

std::string text_of(const Hours& hours) {
  std::string days;
  for (std::size_t day = 0; day < kDays.size(); ++day) {
    if ((hours.days >> day & 1) == 0) continue;
    days += days.empty() ? "" : ",";
    days += kDays[day];
  }
  return fmt::format("{} {:02}:{:02}-{:02}:{:02}", days, hours.from_minute / 60,
                     hours.from_minute % 60, hours.until_minute / 60, hours.until_minute % 60);
}

Finding add_nas_port_type(std::string_view text, std::vector<std::uint32_t>& to) {
  if (const auto known = std::ranges::find(kPortTypes, text); known != kPortTypes.end()) {
    to.push_back(static_cast<std::uint32_t>(known - kPortTypes.begin()));
    return std::nullopt;
  }
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return Complaint{.wrong = "is no NAS-Port-Type",
                     .mend =
                         "Write \"Virtual\", \"Ethernet\", \"Wireless-802.11\" or another name "
                         "of RFC 2865 §5.41, or its number in quotes."};
  }
  to.push_back(number);
  return std::nullopt;
}

std::string nas_port_type_text(const std::uint32_t& type) {
  return type < kPortTypes.size() ? std::string(kPortTypes[type]) : std::to_string(type);
}

Finding add_name(std::string_view text, std::vector<std::string>& to) {
  if (text.empty()) return Complaint{.wrong = "is empty", .mend = "Write a name, or leave it out."};
  if (text.size() > kMaxNameOctets) {
    return Complaint{
        .wrong = fmt::format("has {} octets", text.size()),
        .mend = fmt::format("Shorten it to {}: no attribute is longer.", kMaxNameOctets)};
  }
  if (Finding finding = check_one_line(text)) return finding;
  to.emplace_back(text);
  return std::nullopt;
}

Finding add_login_factor(std::string_view text, std::vector<verify::LoginFactor>& to) {
  const auto known = std::ranges::find(verify::kLoginFactorNames, text);
  if (known == verify::kLoginFactorNames.end()) {
    return Complaint{
        .wrong = "is no factor",
        .mend = fmt::format("Known are {}.", fmt::join(verify::kLoginFactorNames, ", "))};
  }
  to.push_back(static_cast<verify::LoginFactor>(known - verify::kLoginFactorNames.begin()));
  return std::nullopt;
}

std::string login_factor_text(const verify::LoginFactor& factor) {
  return std::string(to_text(factor));
}

Finding check_separator(std::string_view text) {
  if (text.size() == 1 && text[0] > ' ' && text[0] < 0x7f && !is_letter_or_digit(text[0]))
    return std::nullopt;
  return Complaint{.wrong = "is not one character that is neither a letter nor a digit",
                   .mend = "Write \",\" or another sign that passwords seldom hold."};
}

Finding add_accept_attribute(std::string_view text, std::vector<AcceptAttribute>& to) {
  const auto equals = text.find('=');
  std::string_view name = text.substr(0, equals);
  std::string_view value = equals == std::string_view::npos ? "" : text.substr(equals + 1);
  while (name.ends_with(' ')) name.remove_suffix(1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  const auto attribute = radius::AttributeName::parse(name);
  if (!attribute || value.empty()) {
    return Complaint{.wrong = "is no attribute with a text",
                     .mend =
                         "Write \"Class = mfa=push\", \"Filter-Id = staff\", or "
                         "\"26.VENDOR.TYPE = text\" for an attribute of a vendor."};
  }
  if (!may_be_added(attribute->type)) {
    return Complaint{.wrong = "names an attribute that cannot be added",
                     .mend =
                         "Add one that holds a text, such as Class, Filter-Id, Reply-Message "
                         "or one of a vendor."};
  }
  if (Finding finding = check_one_line(value)) return finding;
  const std::size_t most = attribute->vendor == 0 ? kMaxNameOctets : kMaxNameOctets - 6;
  if (value.size() > most) {
    return Complaint{.wrong = fmt::format("holds a text of {} octets", value.size()),
                     .mend = fmt::format("Shorten it to {}.", most)};
  }
  to.push_back({.name = *attribute, .value = std::string(value)});
  return std::nullopt;
}

std::string text_of(const AcceptAttribute& attribute) {
  return fmt::format("{} = {}", attribute.name.text(), attribute.value);
}

Finding check_message(std::string_view text) {
  if (Finding finding = check_one_line(text)) return finding;
  for (std::size_t open; (open = text.find('{')) != std::string_view::npos;) {
    const auto close = text.find('}', open);
    const std::string_view name =
        close == std::string_view::npos ? "" : text.substr(open + 1, close - open - 1);
    if (std::ranges::find(kMessageFields, name) == kMessageFields.end()) {
      return Complaint{.wrong = "holds a { that begins no known placeholder",
                       .mend = fmt::format("Known are {{{}}}; write other text without braces.",
                                           fmt::join(kMessageFields, "}, {"))};
    }
    text.remove_prefix(close + 1);
  }
  return std::nullopt;
}

Finding check_group_attribute(std::string_view text) {
  if (text.empty() || radius::AttributeName::parse(text)) return std::nullopt;
  return Complaint{.wrong = "is no attribute that holds groups",
                   .mend =
                       "Write \"Filter-Id\", \"Class\", its number as \"11\", or "
                       "\"26.VENDOR.TYPE\" for one of a vendor."};
}

}  // namespace sallyport::config
