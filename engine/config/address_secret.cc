#include "engine/config/address_secret.h"

#include <map>
#include <optional>

#include <fmt/format.h>

#include "engine/config/secret_source.h"

namespace sallyport::config {
namespace {

std::string_view without_leading_spaces(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  return begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
}

/// The part of a pair before the colon that ends its address.
struct Head {
  std::string_view address;  ///< without brackets; may not be an address at all
  std::size_t octets = 0;    ///< up to and with the colon
};

/// Empty: no colon where an address would end.
std::optional<Head> head_of(std::string_view text) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view after = text.substr(close + 1);
    if (!after.starts_with(':')) return std::nullopt;
    return Head{.address = text.substr(1, close - 1), .octets = close + 2};
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return Head{.address = text.substr(0, colon), .octets = colon + 1};
}

std::optional<Prefix> prefix_of(const Head& head) {
  const auto prefix = Prefix::parse(head.address);
  return prefix ? std::optional(*prefix) : std::nullopt;
}

bool begins_a_pair(std::string_view text) {
  const auto head = head_of(without_leading_spaces(text));
  return head && prefix_of(*head);
}

/// "10.0.0.300:": not an address, but surely meant as one.
bool looks_like_a_pair(std::string_view text) {
  const auto head = head_of(without_leading_spaces(text));
  return head && head->address.contains('.') &&
         head->address.find_first_not_of("0123456789./") == std::string_view::npos;
}

/// Octets of the pair in front of `text`: to the comma that begins the next one, or to the end.
std::size_t pair_length(std::string_view text, bool& ambiguous) {
  for (auto comma = text.find(','); comma != std::string_view::npos;
       comma = text.find(',', comma + 1)) {
    const std::string_view next = text.substr(comma + 1);
    if (begins_a_pair(next)) return comma;
    ambiguous = ambiguous || looks_like_a_pair(next);
  }
  return text.size();
}

}  // namespace

AddressSecrets parse_address_secrets(std::string_view text) {
  AddressSecrets out;
  std::map<Prefix, std::size_t> number_of;
  for (std::size_t number = 1;; ++number) {
    text = without_leading_spaces(text);
    bool ambiguous = false;
    const std::size_t length = pair_length(text, ambiguous);
    const std::string_view pair = text.substr(0, length);
    const auto head = head_of(pair);
    const auto prefix = head ? prefix_of(*head) : std::nullopt;
    if (!prefix) {
      out.mistakes.push_back(
          {.wrong = fmt::format("pair {} does not begin with an address and a colon", number),
           .mend = "Write ADDRESS:SECRET, with IPv6 in brackets: 192.0.2.1:SECRET,"
                   "[2001:db8::1]:SECRET"});
    } else if (auto secret = secret_from_text(pair.substr(head->octets)); !secret) {
      out.mistakes.push_back(
          {.wrong = fmt::format("the secret of {} {}", prefix->text(), secret.error().wrong),
           .mend = secret.error().mend});
    } else if (const auto [first, is_new] = number_of.emplace(*prefix, number); !is_new) {
      out.mistakes.push_back({.wrong = fmt::format("pairs {} and {} are both for {}", first->second,
                                                   number, prefix->text()),
                              .mend = "Keep one of them."});
    } else {
      out.pairs.push_back({.prefix = *prefix, .secret = std::move(*secret)});
    }
    if (ambiguous) {
      out.warnings.push_back(
          {.wrong = fmt::format("pair {} has a comma and something like an address in its secret, "
                                "which is not an address",
                                number),
           .mend = "If a new pair begins there, correct its address."});
    }
    if (length == text.size()) return out;
    text.remove_prefix(length + 1);
  }
}

}  // namespace sallyport::config
