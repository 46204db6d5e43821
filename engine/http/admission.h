#pragma once
// Whether a visitor may pass: the route's policy, the whitelists, the grants. Asked for every
// request, and again for open streams when grants end or whitelists change. Pure of clock; no heap,
// no lock; any thread.

#include <cstddef>
#include <cstdint>

#include "engine/config/http.h"
#include "engine/http/address_set.h"
#include "engine/http/grant_snapshot.h"
#include "engine/http/visitor.h"
#include "verify/gate/settings.h"

namespace sallyport::http_door {

/// What comes of a request.
enum class Verdict : std::uint8_t {
  open,         ///< the route asks for nothing
  whitelisted,  ///< by Admission::whitelist
  granted,      ///< by Admission::grant
  gate,         ///< not let in, but a second factor would open the way
  denied,       ///< not let in, and nothing the visitor can do helps: 403
};
inline constexpr std::size_t kVerdicts = 5;
[[nodiscard]] const char* to_text(Verdict verdict) noexcept;

struct Admission {
  Verdict verdict = Verdict::denied;
  std::uint32_t whitelist = AddressSet::kNone;  ///< whitelisted: its index in config::Http
  /// granted: lives as long as the snapshot is held (GrantReader); id and time are for what
  /// outlasts it.
  const Grant* grant = nullptr;
  std::uint64_t grant_id = 0;
  std::uint64_t until_ms = 0;  ///< granted: the route's own duration included; Unix time

  [[nodiscard]] bool passes() const noexcept {
    return verdict == Verdict::open || verdict == Verdict::whitelisted ||
           verdict == Verdict::granted;
  }
};

/// What a route asks of a visitor.
struct Access {
  config::RoutePolicy policy = config::RoutePolicy::second_factor;
  GrantNeed need;  ///< of his grant
  verify::Bind bind = verify::Bind::address;
};

/// The grant that lets him in. `named_grant`: the id in his access cookie (access_cookie.h); 0:
/// none. By address alone the cookie is not looked at, by cookie alone the address is not.
[[nodiscard]] inline const Grant* find_grant(const Access& access, const IpAddress& visitor,
                                             std::uint64_t named_grant, const GrantSnapshot& grants,
                                             std::uint64_t now_ms) noexcept {
  if (access.bind == verify::Bind::address) return grants.find(visitor, now_ms, access.need);
  if (named_grant == 0) return nullptr;
  const Grant* const grant = grants.find_id(named_grant, now_ms, access.need);
  if (grant == nullptr || access.bind == verify::Bind::cookie) return grant;
  return grants.same_group(grant->address, visitor) ? grant : nullptr;
}

/// `whitelists`: all of them as one set, with their indexes as values, so that the longest prefix
/// names the whitelist. A visitor who is not known passes open routes only. The whitelist comes
/// before a grant: it does not end.
[[nodiscard]] inline Admission admit(const Access& access, const Visitor& visitor,
                                     std::uint64_t named_grant, const AddressSet& whitelists,
                                     const GrantSnapshot& grants, std::uint64_t now_ms) noexcept {
  using enum config::RoutePolicy;
  const auto only = [](Verdict verdict) {
    return Admission{verdict, AddressSet::kNone, nullptr, 0, 0};
  };
  switch (access.policy) {
    case open: return only(Verdict::open);
    case deny: return only(Verdict::denied);
    case whitelisted:
    case second_factor: break;
  }
  // "::/0" in a whitelist means every visitor over IPv6, not those of whom nothing is known. And
  // to the gate they need not go: there would be no address to open.
  if (!visitor.known()) return only(Verdict::denied);
  const std::uint32_t whitelist = whitelists.find(visitor.address);
  if (whitelist != AddressSet::kNone) return {Verdict::whitelisted, whitelist, nullptr, 0, 0};
  if (access.policy == whitelisted) return only(Verdict::denied);
  const Grant* const grant = find_grant(access, visitor.address, named_grant, grants, now_ms);
  if (grant == nullptr) return only(Verdict::gate);
  return {Verdict::granted, AddressSet::kNone, grant, grant->id,
          open_until_ms(*grant, access.need)};
}

}  // namespace sallyport::http_door
