#include "engine/radius/certificate_rules.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace sallyport::radius_door {
namespace {

using config::CertificateRule;

/// `rule` with "*." at its front stands for exactly one label (RFC 9525 §6.3).
bool matches_dns(std::string_view rule, std::string_view name) {
  if (!rule.starts_with("*.")) return rule == name;
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 && name.substr(dot) == rule.substr(1);
}

/// `digits`: lower-case hexadecimal, twice as many as octets.
bool matches_fingerprint(std::string_view digits, Octets sha256) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (digits.size() != 2 * sha256.size()) return false;
  for (std::size_t i = 0; i < sha256.size(); ++i) {
    if (digits[2 * i] != kDigits[sha256[i] >> 4] || digits[2 * i + 1] != kDigits[sha256[i] & 15]) {
      return false;
    }
  }
  return true;
}

bool matches(const CertificateRule& rule, const ring::TlsPeer& peer) {
  switch (rule.kind) {
    case CertificateRule::Kind::dns:
      return std::ranges::any_of(
          peer.dns_names, [&](const std::string& name) { return matches_dns(rule.value, name); });
    case CertificateRule::Kind::uri:
      return std::ranges::find(peer.uris, rule.value) != peer.uris.end();
    case CertificateRule::Kind::common_name:
      return !peer.common_name.empty() && peer.common_name == rule.value;
    case CertificateRule::Kind::sha256: return matches_fingerprint(rule.value, peer.sha256);
  }
  return false;
}

}  // namespace

bool fits_any(const std::vector<CertificateRule>& rules, const ring::TlsPeer& peer) noexcept {
  return std::ranges::any_of(rules,
                             [&](const CertificateRule& rule) { return matches(rule, peer); });
}

}  // namespace sallyport::radius_door
