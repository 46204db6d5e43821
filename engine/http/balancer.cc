#include "engine/http/balancer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <openssl/hmac.h>

#include "protocol/check.h"
#include "protocol/http/field_text.h"

namespace sallyport::http_door {
namespace {

constexpr std::size_t kDigestOctets = 32;  // HMAC-SHA-256

/// Calls visit(server) for every bit, lowest first.
template <typename Visit>
void for_each(ServerMask mask, Visit&& visit) {
  for (; mask != 0; mask &= mask - 1) visit(static_cast<std::uint32_t>(std::countr_zero(mask)));
}

/// Bijective, and every bit of the result hangs on every bit of `x` (the finish of splitmix64).
std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31);
}

/// The same on every machine: nodes that know the same servers send a visitor to the same one.
std::uint64_t stable_hash(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3;
  return mix(hash);
}

std::uint64_t visitor_hash(const IpAddress& visitor, std::uint32_t ipv6_prefix) noexcept {
  std::uint64_t high;
  std::uint64_t low;
  std::memcpy(&high, visitor.octets.data(), 8);
  std::memcpy(&low, visitor.octets.data() + 8, 8);
  if constexpr (std::endian::native == std::endian::little) {
    high = __builtin_bswap64(high);
    low = __builtin_bswap64(low);
  }
  if (!visitor.is_v4()) {
    const auto ones = [](std::uint32_t count) {
      return count == 0 ? 0 : ~std::uint64_t{0} << (64 - count);
    };
    high &= ones(std::min(ipv6_prefix, 64u));
    low &= ones(ipv6_prefix > 64 ? std::min(ipv6_prefix, 128u) - 64 : 0);
  }
  return mix(mix(high + 0x9e37'79b9'7f4a'7c15) ^ low);
}

/// An even share of [0, range) from 32 random bits.
std::uint32_t scaled(std::uint32_t random, std::uint32_t range) noexcept {
  return static_cast<std::uint32_t>(std::uint64_t{random} * range >> 32);
}

// A pool's weights in thousandths fit 32 bits.
static_assert(std::uint64_t{kMaxServers} * 256 * UpstreamSet::kWeightScale <
              std::numeric_limits<std::uint32_t>::max());

std::uint32_t total_weight(const UpstreamSet& set, ServerMask among,
                           std::uint64_t now_ms) noexcept {
  std::uint32_t total = 0;
  for_each(among, [&](std::uint32_t server) { total += set.weight(server, now_ms); });
  return total;
}

/// The server on whose stretch of the weights laid end to end `point` lies.
std::uint32_t at_point(const UpstreamSet& set, ServerMask among, std::uint32_t point,
                       std::uint64_t now_ms) noexcept {
  for (;; among &= among - 1) {
    const auto server = static_cast<std::uint32_t>(std::countr_zero(among));
    const std::uint32_t weight = set.weight(server, now_ms);
    if (point < weight || std::has_single_bit(among)) return server;
    point -= weight;
  }
}

/// Less than 0: `a` has less in flight for its weight than `b`.
int compare_load(const UpstreamSet& set, std::uint32_t a, std::uint32_t b,
                 std::uint64_t now_ms) noexcept {
  const std::uint64_t load_a = std::uint64_t{set.in_flight(a)} * set.weight(b, now_ms);
  const std::uint64_t load_b = std::uint64_t{set.in_flight(b)} * set.weight(a, now_ms);
  return load_a < load_b ? -1 : load_a > load_b ? 1 : 0;
}

std::uint32_t random_two(const UpstreamSet& set, ServerMask among, std::uint64_t random,
                         std::uint64_t now_ms) noexcept {
  const std::uint32_t total = total_weight(set, among, now_ms);
  const std::uint32_t a =
      at_point(set, among, scaled(static_cast<std::uint32_t>(random >> 32), total), now_ms);
  const ServerMask others = among & ~server_bit(a);
  if (others == 0) return a;
  const std::uint32_t rest = total - set.weight(a, now_ms);
  const std::uint32_t b =
      at_point(set, others, scaled(static_cast<std::uint32_t>(random), rest), now_ms);
  return compare_load(set, b, a, now_ms) < 0 ? b : a;
}

}  // namespace

Balancer::Balancer(const config::HttpPool& pool, std::uint32_t ipv6_prefix, Octets cookie_key)
    : policy_(pool.balance), ipv6_prefix_(ipv6_prefix), cookie_name_(pool.cookie_name) {
  CHECK(pool.servers.size() <= kMaxServers);
  const UpstreamSet labels(pool);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (std::uint32_t i = 0; i < labels.size(); ++i) {
    Server server{.identity = stable_hash(labels.label(i)), .tag = {}};
    // The pool's name belongs to it: a cookie says nothing of a server that two pools share.
    const std::string named = pool.name + '\n' + labels.label(i);
    std::array<std::uint8_t, kDigestOctets> digest;
    unsigned length = 0;
    CHECK(HMAC(EVP_sha256(), cookie_key.data(), cookie_key.size(), as_octets(named).data(),
               named.size(), digest.data(), &length) != nullptr);
    CHECK(length == kDigestOctets);
    for (std::size_t c = 0; c < kTagOctets; ++c) {
      const std::size_t bit = c * 6;
      const unsigned two = static_cast<unsigned>(digest[bit / 8] << 8 | digest[bit / 8 + 1]);
      server.tag[c] = kAlphabet[two >> (10 - bit % 8) & 63];
    }
    servers_.push_back(server);
  }
}

std::optional<Choice> Balancer::pick(const UpstreamSet& set, const Pick& pick) noexcept {
  CHECK(set.size() == servers_.size());
  const ServerMask among = set.candidates(pick.tried, pick.now_ms);
  if (among == 0) return std::nullopt;
  switch (policy_) {
    case config::Balance::round_robin:
      return Choice{.server = round_robin(set, among, pick.now_ms)};
    case config::Balance::least_conn:
      return Choice{.server = least_in_flight(set, among, pick.now_ms)};
    case config::Balance::random_two:
      return Choice{.server = random_two(set, among, pick.random, pick.now_ms)};
    case config::Balance::ip_hash: return Choice{.server = rendezvous(set, among, pick.visitor)};
    case config::Balance::cookie:
      if (const auto server = named_by(pick.cookie); server && (among & server_bit(*server)) != 0)
        return Choice{.server = *server};
      return Choice{.server = round_robin(set, among, pick.now_ms), .set_cookie = true};
    case config::Balance::first:
      return Choice{.server = static_cast<std::uint32_t>(std::countr_zero(among))};
  }
  return std::nullopt;
}

std::uint32_t Balancer::round_robin(const UpstreamSet& set, ServerMask among,
                                    std::uint64_t now_ms) noexcept {
  std::int64_t total = 0;
  auto best = static_cast<std::uint32_t>(std::countr_zero(among));
  for_each(among, [&](std::uint32_t i) {
    const std::int64_t weight = set.weight(i, now_ms);
    servers_[i].current += weight;
    total += weight;
    if (servers_[i].current > servers_[best].current) best = i;
  });
  servers_[best].current -= total;
  return best;
}

std::uint32_t Balancer::least_in_flight(const UpstreamSet& set, ServerMask among,
                                        std::uint64_t now_ms) noexcept {
  ServerMask equals = 0;
  std::uint32_t least = 0;
  for_each(among, [&](std::uint32_t i) {
    const int order = equals == 0 ? -1 : compare_load(set, i, least, now_ms);
    if (order > 0) return;
    if (order < 0) {
      equals = 0;
      least = i;
    }
    equals |= server_bit(i);
  });
  return round_robin(set, equals, now_ms);
}

std::uint32_t Balancer::rendezvous(const UpstreamSet& set, ServerMask among,
                                   const IpAddress& visitor) const noexcept {
  const std::uint64_t hash = visitor_hash(visitor, ipv6_prefix_);
  auto best = static_cast<std::uint32_t>(std::countr_zero(among));
  double best_score = -1;
  for_each(among, [&](std::uint32_t i) {
    // A uniform draw of (0, 1) for this pair; -ln of it is exponential, and the largest of
    // weight / exponential falls to each server in proportion to its weight.
    const double draw =
        (static_cast<double>(mix(hash ^ servers_[i].identity) >> 11) + 0.5) * 0x1p-53;
    const double score = set.full_weight(i) / -std::log(draw);
    if (score > best_score) {
      best_score = score;
      best = i;
    }
  });
  return best;
}

std::optional<std::uint32_t> Balancer::named_by(std::string_view cookie) const noexcept {
  for (std::uint32_t i = 0; i < servers_.size(); ++i)
    if (cookie == std::string_view(servers_[i].tag.data(), kTagOctets)) return i;
  return std::nullopt;
}

void Balancer::append_set_cookie(std::uint32_t server, bool secure, std::string& out) const {
  out += cookie_name_;
  out += '=';
  out.append(servers_[server].tag.data(), kTagOctets);
  out += "; Path=/; HttpOnly; SameSite=Lax";
  if (secure) out += "; Secure";
}

std::string_view find_cookie(const http::Fields& fields, std::string_view name) noexcept {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].id != http::FieldName::cookie) continue;
    std::string_view rest = fields[i].value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = http::trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
        return pair.substr(name.size() + 1);
    }
  }
  return {};
}

}  // namespace sallyport::http_door
