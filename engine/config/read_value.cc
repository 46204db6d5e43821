#include "engine/config/read_value.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "engine/config/checks.h"
#include "engine/config/duration.h"
#include "engine/config/nearest.h"
#include "engine/config/rate.h"
#include "engine/config/size.h"
#include "protocol/check.h"

namespace sallyport::config {
namespace {

constexpr std::string_view kDurationMend =
    "Write numbers with ms, s, m or h, in quotes: \"500ms\", \"60s\", \"1m30s\".";

constexpr std::string_view kSizeMend =
    "Write a number of octets, or one with kB, MB, GB or KiB, MiB, GiB, in quotes: \"16KiB\".";
constexpr std::size_t kMaxPathOctets = 4095;

/// Also for a relative path of the empty folder, which begins where we are.
bool is_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return path.empty() || std::filesystem::is_directory(path, ignored);
}

Finding check_file(File::Kind kind, const std::string& path) {
  switch (kind) {
    case File::Kind::readable:
      if (!is_folder(path)) return check_readable_file(path);
      return Complaint{.wrong = "names a folder", .mend = "Give the path of a file."};
    case File::Kind::folder:
      if (is_folder(path)) return std::nullopt;
      return Complaint{.wrong = "names a folder that does not exist",
                       .mend = "Make the folder, or give the path of one."};
    case File::Kind::later:
      if (is_folder(path)) {
        return Complaint{.wrong = "names a folder", .mend = "Give the path of a file."};
      }
      if (is_folder(std::filesystem::path(path).parent_path())) return std::nullopt;
      return Complaint{.wrong = "names a file in a folder that does not exist",
                       .mend = "Make the folder, or give another path."};
  }
  return std::nullopt;
}

/// Reads one value. Each overload fills its field or adds complaints.
class Reader {
 public:
  Reader(const Setting& setting, const TomlValue& value, Draft& draft)
      : setting_(setting), value_(value), draft_(draft) {}

  ReadResult read() && {
    std::visit(*this, setting_.type);
    return {.complaints = std::move(complaints_), .kept = std::move(kept_)};
  }

  void operator()(const WholeNumber& type) {
    const auto* number = std::get_if<std::int64_t>(&value_.value);
    if (number == nullptr) return wrong_type("Write a whole number without quotes.");
    if (*number < std::int64_t{type.min} || *number > std::int64_t{type.max}) {
      return complain({.wrong = fmt::format("is {}, out of range", *number),
                       .mend = fmt::format("Choose from {} to {}.", type.min, type.max)});
    }
    type.field(draft_) = static_cast<std::uint32_t>(*number);
  }

  void operator()(const Switch& type) {
    const auto* flag = std::get_if<bool>(&value_.value);
    if (flag == nullptr) return wrong_type("Write true or false without quotes.");
    type.field(draft_) = *flag;
  }

  void operator()(const Duration& type) {
    if (std::holds_alternative<std::int64_t>(value_.value) ||
        std::holds_alternative<double>(value_.value)) {
      return complain({.wrong = "is a number without a unit", .mend = std::string(kDurationMend)});
    }
    const auto* text = std::get_if<std::string>(&value_.value);
    if (text == nullptr) return wrong_type(kDurationMend);
    const auto duration_ms = parse_duration_ms(*text);
    if (!duration_ms) {
      return complain(
          {.wrong = std::string(to_text(duration_ms.error())), .mend = std::string(kDurationMend)});
    }
    if (*duration_ms < type.min_ms || *duration_ms > type.max_ms) {
      return complain({.wrong = fmt::format("is {}, out of range", duration_text(*duration_ms)),
                       .mend = fmt::format("Choose from {} to {}.", duration_text(type.min_ms),
                                           duration_text(type.max_ms))});
    }
    type.field(draft_) = *duration_ms;
  }

  void operator()(const Size& type) {
    std::uint64_t octets = 0;
    if (const auto* number = std::get_if<std::int64_t>(&value_.value)) {
      if (*number < 0) {
        return complain(
            {.wrong = fmt::format("is {}, out of range", *number), .mend = size_range(type)});
      }
      octets = static_cast<std::uint64_t>(*number);
    } else if (const auto* text = std::get_if<std::string>(&value_.value)) {
      const auto size = parse_size(*text);
      if (!size) {
        return complain(
            {.wrong = std::string(to_text(size.error())), .mend = std::string(kSizeMend)});
      }
      octets = *size;
    } else {
      return wrong_type(kSizeMend);
    }
    if (!(octets == 0 && type.zero_is_unlimited) && (octets < type.min || octets > type.max)) {
      return complain({.wrong = fmt::format("is {}, out of range", size_text(octets)),
                       .mend = size_range(type)});
    }
    type.set(draft_, octets);
  }

  void operator()(const File& type) {
    const std::string* text = text_value();
    if (text == nullptr) return;
    if (text->empty()) return type.field(draft_).clear();
    if (Finding finding = check_one_line(*text)) return complain(std::move(*finding));
    if (text->size() > kMaxPathOctets) {
      return complain({.wrong = fmt::format("has {} octets", text->size()),
                       .mend = fmt::format("Shorten it to {}.", kMaxPathOctets)});
    }
    const std::string path = (std::filesystem::path(draft_.folder) / *text).string();
    if (Finding finding = check_file(type.kind, path)) return complain(std::move(*finding));
    type.field(draft_) = path;
  }

  void operator()(const TextList& type) {
    type.clear(draft_);
    for_each_text([&](Position where, const std::string& text) {
      if (auto complaint = type.add(draft_, text)) return complain(where, std::move(*complaint));
      kept_.resize(type.count(draft_), where);
    });
    if (type.count(draft_) > type.max_count) {
      complain({.wrong = fmt::format("has {} elements", type.count(draft_)),
                .mend = fmt::format("Keep {} at most.", type.max_count)});
    }
  }

  void operator()(const Text& type) {
    const std::string* text = text_value();
    if (text == nullptr) return;
    if (text->size() > type.max_octets) {
      return complain({.wrong = fmt::format("has {} octets", text->size()),
                       .mend = fmt::format("Shorten it to {}.", type.max_octets)});
    }
    if (type.check != nullptr) {
      if (Finding finding = type.check(*text)) return complain(std::move(*finding));
    }
    type.field(draft_) = *text;
  }

  void operator()(const Choice& type) {
    const std::string* text = text_value();
    if (text == nullptr) return;
    const auto found = std::ranges::find(type.words, *text);
    if (found == type.words.end()) {
      const std::string_view meant = nearest(*text, type.words);
      return complain({.wrong = fmt::format("is not {}", type_text(setting_)),
                       .mend = meant.empty() ? "Choose one of them."
                                             : fmt::format("Did you mean {}?", in_quotes(meant))});
    }
    type.set(draft_, static_cast<std::uint8_t>(found - type.words.begin()));
  }

  void operator()(const HostPort& type) {
    const std::string* text = text_value();
    if (text == nullptr) return;
    auto parsed = parse_host_port(*text);
    if (!parsed) return complain(std::move(parsed.error()));
    auto& [host, port] = *parsed;
    type.host(draft_) = std::move(host);
    type.port(draft_) = port.value_or(type.port(draft_));
  }

  void operator()(const AnAddress& type) {
    const std::string* text = text_value();
    if (text == nullptr) return;
    const auto address = IpAddress::parse(*text);
    if (!address) {
      return complain({.wrong = "is not an IP address: " + address.error(),
                       .mend = "Write \"192.0.2.1\" or \"2001:db8::1\"."});
    }
    type.field(draft_) = *address;
  }

  void operator()(const AnEndpoint& type) {
    const std::string* text = text_value();
    if (text == nullptr) return;
    if (const auto endpoint = read_endpoint(value_.where, *text, type.default_port)) {
      type.field(draft_) = *endpoint;
    }
  }

  void operator()(const EndpointList& type) {
    std::vector<Endpoint> endpoints;
    std::set<Endpoint> seen;
    for_each_text([&](Position where, const std::string& text) {
      const auto endpoint = read_endpoint(where, text, type.default_port);
      if (!endpoint) return;
      // Port 0 is chosen by the kernel, anew each time.
      if (endpoint->port != 0 && !seen.insert(*endpoint).second) {
        complain(where, {.wrong = "names " + endpoint->text() + " a second time",
                         .mend = "Write each address and port once."});
      }
      endpoints.push_back(*endpoint);
      kept_.push_back(where);
    });
    if (endpoints.size() > type.max_count) {
      complain({.wrong = fmt::format("has {} elements", endpoints.size()),
                .mend = fmt::format("Keep {} at most.", type.max_count)});
    }
    type.field(draft_) = std::move(endpoints);
  }

  void operator()(const PrefixList& type) {
    std::vector<Prefix> prefixes;
    for_each_text([&](Position where, const std::string& text) {
      const auto prefix = Prefix::parse(text);
      if (prefix) {
        prefixes.push_back(*prefix);
        return kept_.push_back(where);
      }
      complain(where, {.wrong = "is not an IP address or prefix: " + prefix.error(),
                       .mend = "Write \"192.0.2.1\", \"192.0.2.0/24\" or \"2001:db8::/32\"."});
    });
    type.field(draft_) = std::move(prefixes);
  }

  void operator()(const RateLimit& type) {
    const std::string* text = text_value();
    if (text == nullptr) return;
    const auto rate = parse_rate(*text);
    if (!rate) return complain(rate.error());
    type.field(draft_) = *rate;
  }

  // secret_source.h reads them.
  void operator()(const SecretSource&) { CHECK(false); }
  void operator()(const KeysSource&) { CHECK(false); }

 private:
  void complain(Position where, Complaint complaint) {
    complaints_.push_back({.where = where, .complaint = std::move(complaint)});
  }
  void complain(Complaint complaint) { complain(value_.where, std::move(complaint)); }
  void wrong_type(std::string_view mend) {
    complain({.wrong = fmt::format("is {}; wanted: {}", kind_of(value_), type_text(setting_)),
              .mend = std::string(mend)});
  }

  [[nodiscard]] static std::string size_range(const Size& type) {
    return fmt::format("Choose {}from {} to {}.", type.zero_is_unlimited ? "0 or " : "",
                       size_text(type.min), size_text(type.max));
  }

  [[nodiscard]] const std::string* text_value() {
    const auto* text = std::get_if<std::string>(&value_.value);
    if (text == nullptr) wrong_type("Write a text in double quotes.");
    return text;
  }

  /// The texts of a list of at least one.
  void for_each_text(auto&& visit) {
    const auto* list = std::get_if<TomlArray>(&value_.value);
    if (list == nullptr) return wrong_type("Write a list: [\"…\", \"…\"].");
    if (list->empty()) {
      return complain({.wrong = "is empty",
                       .mend = "Put at least one text in the list, or leave the key out."});
    }
    for (const TomlValue& element : *list) {
      if (const auto* text = std::get_if<std::string>(&element.value)) {
        visit(element.where, *text);
      } else {
        complain(element.where, {.wrong = fmt::format("holds {}, not a text", kind_of(element)),
                                 .mend = "Put each element in double quotes."});
      }
    }
  }

  [[nodiscard]] std::optional<Endpoint> read_endpoint(Position where, const std::string& text,
                                                      std::uint16_t default_port) {
    const auto endpoint = Endpoint::parse(text, default_port);
    if (endpoint) return *endpoint;
    complain(where, {.wrong = "is not an IP address and port: " + endpoint.error(),
                     .mend = "Write \"192.0.2.1:1812\" or \"[2001:db8::1]:1812\"."});
    return std::nullopt;
  }

  const Setting& setting_;
  const TomlValue& value_;
  Draft& draft_;
  std::vector<PlacedComplaint> complaints_;
  std::vector<Position> kept_;
};

}  // namespace

ReadResult read_value(const Setting& setting, const TomlValue& value, Draft& draft) {
  return Reader(setting, value, draft).read();
}

}  // namespace sallyport::config
