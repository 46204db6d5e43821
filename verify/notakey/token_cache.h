#pragma once
// The OAuth access token of one verify thread: one fetch at a time, everyone else waits for it.
// Pure: time is handed in. Its life is counted from when we received it, never from the server's
// clock.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/secret.h"
#include "verify/notakey/fault.h"

namespace sallyport::verify::notakey {

class TokenCache {
 public:
  enum class Need : std::uint8_t {
    ready,    ///< token() can be used
    fetch,    ///< the caller fetches one now and then calls fetched or failed
    waiting,  ///< a fetch is on its way: the caller is among its waiters
    refused,  ///< the service asked us not to fetch yet (Retry-After): last_fault() says why
  };

  /// `waiter` is remembered for `fetch` and `waiting`.
  [[nodiscard]] Need want(std::uint32_t waiter, std::uint64_t now_ms);
  void fetched(std::string_view token, std::optional<std::uint64_t> expires_in_s,
               std::uint64_t now_ms);
  void failed(Fault fault, std::uint64_t not_before_ms);
  /// The service refused the token of this generation. A newer one stays.
  void drop(std::uint32_t generation) noexcept;
  /// Who waited for the fetch that has just ended. May name some that wait no longer.
  [[nodiscard]] std::vector<std::uint32_t> take_waiters() noexcept;

  [[nodiscard]] Octets token() const noexcept { return token_.reveal(); }
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
  [[nodiscard]] const Fault& last_fault() const noexcept { return last_fault_; }

  /// A token is given up this long before its end, or at a tenth of its life if that is shorter.
  static constexpr std::uint64_t kMarginMs = 60'000;
  /// The life of a token that came without one.
  static constexpr std::uint64_t kUntoldLifeS = 300;
  static constexpr std::uint64_t kMaxLifeS = 86'400;

 private:
  Secret token_;
  std::uint64_t usable_until_ms_ = 0;
  std::uint64_t not_before_ms_ = 0;
  std::uint32_t generation_ = 0;
  bool fetching_ = false;
  Fault last_fault_;
  std::vector<std::uint32_t> waiters_;
};

}  // namespace sallyport::verify::notakey
