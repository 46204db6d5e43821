#pragma once
// A shared secret or password of ours: zeroed when destroyed, never printable, compared in constant
// time.

#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/octets.h"

namespace sallyport {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : octets_(text.begin(), text.end()) {}
  explicit Secret(Octets octets) : octets_(octets.begin(), octets.end()) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : octets_(std::move(other.octets_)) {}
  Secret& operator=(Secret other) noexcept {
    octets_.swap(other.octets_);
    return *this;
  }
  ~Secret() { wipe(octets_); }

  /// The octets themselves, for keying a digest. Never for a log, an error or a metric.
  [[nodiscard]] Octets reveal() const noexcept { return octets_; }
  [[nodiscard]] std::size_t size() const noexcept { return octets_.size(); }
  [[nodiscard]] bool empty() const noexcept { return octets_.empty(); }
  friend bool operator==(const Secret& a, const Secret& b) noexcept {
    return equal_constant_time(a.octets_, b.octets_);
  }

 private:
  std::vector<std::uint8_t> octets_;
};

}  // namespace sallyport
