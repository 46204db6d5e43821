#pragma once
// How often something may be done: for each address prefix, user, pair of both, and in all. A
// bounded table of sliding windows. Pure of clock; not thread-safe: its owner locks.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/ip_address.h"
#include "verify/rate.h"

namespace sallyport::verify {

/// What is limited. Each counts for itself.
enum class Limited : std::uint8_t {
  start,         ///< a user id was given
  send,          ///< a message or push goes out
  check,         ///< a code, password or passkey is checked
  captcha,       ///< a captcha is made or checked
  registration,  ///< a registration is begun or confirmed
  approval,      ///< a link's secret is looked up
};
inline constexpr std::size_t kLimited = 6;

struct LimitRates {
  Rate address = {};  ///< of one address: IPv4, or IPv6 prefix
  Rate user = {};
  Rate pair = {};  ///< of one user from one address
  Rate global = {};
  bool operator==(const LimitRates&) const = default;
};

/// Which of them said no.
enum class LimitedBy : std::uint8_t { none, address, user, pair, global };
[[nodiscard]] const char* to_text(LimitedBy by) noexcept;

class Limits {
 public:
  /// `rates`: kLimited, by Limited. `ipv6_prefix`: 1..128. `max_entries`: windows kept, some 1 KiB
  /// each at most; the least recently used go first, so that a flood of addresses cannot take
  /// memory, and costs those who flood no more than those who are forgotten. What is limited, and
  /// by what, has an equal share each: naming many users makes forget no address, and starting no
  /// checks. The global windows are never forgotten.
  Limits(std::vector<LimitRates> rates, std::uint8_t ipv6_prefix, std::size_t max_entries);
  ~Limits();

  /// Counts one and says whether it may be. What is refused is not counted: who waits is let in
  /// again. `user`: empty for what has none.
  [[nodiscard]] LimitedBy take(Limited what, const IpAddress& address, std::string_view user,
                               std::uint64_t now_ms);
  /// What the user has against him is forgotten (an operator's unlock), from whatever address.
  /// True: there was something.
  bool forget_user(std::string_view user);

  [[nodiscard]] std::size_t entries() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::verify
