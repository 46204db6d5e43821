#pragma once
// What the small RADIUS server counts. Each thread has its own; whoever reports adds them up.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sallyport::lab {

enum class RadiusCount : std::uint8_t {
  received,           ///< datagrams
  accepted,           ///< logins
  rejected,           ///< logins
  challenged,         ///< first halves of EAP logins
  accounting,         ///< Accounting-Requests answered
  status_server,      ///< Status-Servers answered
  acknowledged,       ///< CoA- and Disconnect-Requests: ACK
  refused,            ///< CoA- and Disconnect-Requests: NAK
  lost,               ///< requests left unanswered on purpose
  held_back,          ///< answers that later ones were let overtake
  malformed,          ///< not RADIUS, or a code that is not for a server
  bad_authenticator,  ///< another secret
  send_errors,        ///< answers that the kernel did not take
};

inline constexpr std::array kRadiusCountNames = {
    "received",      "accepted",          "rejected",   "challenged", "accounting",
    "status_server", "acknowledged",      "refused",    "lost",       "held_back",
    "malformed",     "bad_authenticator", "send_errors"};
static_assert(kRadiusCountNames.size() == static_cast<std::size_t>(RadiusCount::send_errors) + 1);

/// Written by one thread, read by any.
class RadiusCounts {
 public:
  void add(RadiusCount count, std::uint64_t more = 1) noexcept {
    auto& value = values_[static_cast<std::size_t>(count)];
    value.store(value.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get(RadiusCount count) const noexcept {
    return values_[static_cast<std::size_t>(count)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kRadiusCountNames.size()> values_{};
};

}  // namespace sallyport::lab
