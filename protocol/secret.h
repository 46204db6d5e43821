#pragma once
// A shared secret or password of ours: zeroed when destroyed, never printable, compared in constant
// time.

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/octets.h"

namespace sallyport {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : Secret(as_octets(text)) {}
  explicit Secret(Octets octets) { assign(octets); }
  Secret(const Secret& other) { assign(other.reveal()); }
  Secret(Secret&& other) noexcept { take(other); }
  Secret& operator=(const Secret& other) {
    if (this != &other) assign(other.reveal());
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) take(other);
    return *this;
  }
  ~Secret() { clear(); }

  /// The octets themselves, for keying a digest. Never for a log, an error or a metric.
  [[nodiscard]] Octets reveal() const noexcept {
    return long_.empty() ? Octets(short_).first(short_octets_) : Octets(long_);
  }
  [[nodiscard]] std::size_t size() const noexcept { return reveal().size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  friend bool operator==(const Secret& a, const Secret& b) noexcept {
    return equal_constant_time(a.reveal(), b.reveal());
  }

 private:
  /// Most secrets fit, and stand where their owner stands: reading one is no way through the heap.
  static constexpr std::size_t kShortOctets = 39;

  void assign(Octets octets) {
    clear();
    if (octets.size() > kShortOctets) {
      long_.assign(octets.begin(), octets.end());
    } else {
      copy_octets(octets, short_);
      short_octets_ = static_cast<std::uint8_t>(octets.size());
    }
  }
  void take(Secret& other) noexcept {
    clear();
    short_ = other.short_;
    short_octets_ = other.short_octets_;
    long_ = std::move(other.long_);
    other.clear();
  }
  void clear() noexcept {
    wipe(short_);
    short_octets_ = 0;
    wipe(long_);
    long_.clear();
  }

  std::array<std::uint8_t, kShortOctets> short_{};
  std::uint8_t short_octets_ = 0;
  std::vector<std::uint8_t> long_;  ///< longer than kShortOctets; else empty
};

}  // namespace sallyport
