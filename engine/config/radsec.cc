#include "engine/config/radsec.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "engine/ring/tls_psk.h"
#include "protocol/ascii.h"

namespace sallyport::config {
namespace {

using Kind = CertificateRule::Kind;
using ring::TlsPsk;

constexpr std::array<std::pair<std::string_view, Kind>, 4> kKinds = {{{"dns:", Kind::dns},
                                                                      {"uri:", Kind::uri},
                                                                      {"cn:", Kind::common_name},
                                                                      {"sha256:", Kind::sha256}}};
constexpr std::size_t kFingerprintDigits = 64;
constexpr std::size_t kMaxValueOctets = 1'024;

bool is_host_letter(char c) {
  return is_lower(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
}

bool is_dns_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  return !name.empty() && name.size() <= 253 && name.front() != '.' &&
         std::ranges::all_of(name, is_host_letter);
}

/// As openssl prints it, with or without colons.
std::string fingerprint_digits(std::string_view text) {
  std::string digits = lower_case(text);
  std::erase(digits, ':');
  const bool good = digits.size() == kFingerprintDigits &&
                    digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  return good ? digits : std::string();
}

constexpr std::string_view kHexMark = "hex:";

}  // namespace

Secret psk_octets(const Secret& written) {
  const std::string_view text = as_text(written.reveal());
  if (!text.starts_with(kHexMark)) return written;
  std::vector<std::uint8_t> octets;
  for (std::size_t i = kHexMark.size(); i + 1 < text.size(); i += 2)
    octets.push_back(static_cast<std::uint8_t>(hex_value(text[i]) * 16 + hex_value(text[i + 1])));
  const Secret key{Octets(octets)};
  wipe(octets);
  return key;
}

Finding check_psk(const Secret& written) {
  constexpr std::string_view kMend =
      "Let both sides have what `openssl rand -hex 32` prints: as text, or behind hex: as octets.";
  const std::string_view text = as_text(written.reveal());
  const std::string_view digits = text.starts_with(kHexMark) ? text.substr(kHexMark.size()) : "";
  if (digits.size() % 2 != 0 ||
      digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
    return Complaint{.wrong = "is not an even number of hexadecimal digits behind hex:",
                     .mend = std::string(kMend)};
  }
  const std::size_t octets = psk_octets(written).size();
  if (octets >= TlsPsk::kMinKeyOctets && octets <= TlsPsk::kMaxKeyOctets) return std::nullopt;
  return Complaint{.wrong = fmt::format("has {} octets, and must have {} to {}", octets,
                                        TlsPsk::kMinKeyOctets, TlsPsk::kMaxKeyOctets),
                   .mend = std::string(kMend)};
}

Finding add_certificate_rule(std::string_view text, std::vector<CertificateRule>& to) {
  const auto* const kind =
      std::ranges::find_if(kKinds, [&](const auto& each) { return text.starts_with(each.first); });
  if (kind == kKinds.end()) {
    return Complaint{
        .wrong = fmt::format("\"{}\" does not say what of a certificate it means", text),
        .mend = "Write dns:NAME, uri:URI, cn:NAME or sha256:FINGERPRINT."};
  }
  const std::string_view value = text.substr(kind->first.size());
  CertificateRule rule{.kind = kind->second, .value = std::string(value)};
  switch (rule.kind) {
    case Kind::dns:
      rule.value = lower_case(value);
      if (!is_dns_name(rule.value)) {
        return Complaint{.wrong = fmt::format("\"{}\" is no DNS name", value),
                         .mend =
                             "Write it as in the certificate's subjectAltName; *. may stand "
                             "at its front for any one label."};
      }
      break;
    case Kind::sha256:
      rule.value = fingerprint_digits(value);
      if (rule.value.empty()) {
        return Complaint{.wrong = fmt::format("\"{}\" is no SHA-256 fingerprint", value),
                         .mend =
                             "Copy what `openssl x509 -noout -fingerprint -sha256 -in FILE` "
                             "prints behind the =."};
      }
      break;
    case Kind::uri:
    case Kind::common_name:
      if (value.empty() || value.size() > kMaxValueOctets || check_one_line(value)) {
        return Complaint{.wrong = fmt::format("\"{}\" holds nothing to compare with", text),
                         .mend = "Write the text as it stands in the certificate, on one line."};
      }
      break;
  }
  to.push_back(std::move(rule));
  return std::nullopt;
}

std::string text_of(const CertificateRule& rule) {
  for (const auto& [prefix, kind] : kKinds) {
    if (kind == rule.kind) return std::string(prefix) + rule.value;
  }
  return rule.value;
}

}  // namespace sallyport::config
