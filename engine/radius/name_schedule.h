#pragma once
// When the downstream's names are asked for again: each as long after its last answer as that one
// says that it holds (its time to live, RFC 1035 §3.2.1). Pure; times are monotonic milliseconds.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "engine/radius/host_addresses.h"

namespace sallyport::radius_door {

class NameSchedule {
 public:
  /// Bounds of a time to live: an answer for 0 seconds asks nobody all the time, one for a week
  /// does not keep us at a server that has moved.
  static constexpr std::uint32_t kLeastS = 5;
  static constexpr std::uint32_t kMostS = 3'600;
  /// A name that no name server knows (/etc/hosts).
  static constexpr std::uint32_t kWithoutTtlS = 60;
  /// After names could not be resolved.
  static constexpr std::uint32_t kRetryS = 10;

  /// From now on these. Those already known keep their time, others are due at once.
  void watch(const std::vector<HostName>& names, std::uint64_t now_ms);
  /// When the next is due; empty: there is none.
  [[nodiscard]] std::optional<std::uint64_t> next_ms() const;
  /// All that are due.
  [[nodiscard]] std::vector<HostName> due(std::uint64_t now_ms) const;
  /// `ttl_s`: how long its answer holds; empty: nobody says. A name watched no more is ignored.
  void asked(const HostName& name, std::optional<std::uint32_t> ttl_s, std::uint64_t now_ms);

 private:
  std::map<HostName, std::uint64_t> due_ms_;
};

}  // namespace sallyport::radius_door
