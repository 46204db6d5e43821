#pragma once
// When a verification is polled next. Few pending: promptly. Many: seldom enough that all of them
// together stay within a rate that the service and one core bear. A server that holds the request
// until there is an answer (long poll) is polled again at once. Pure.

#include <cstdint>

namespace sallyport::verify::notakey {

struct PollPaceSettings {
  std::uint32_t first_ms = 200;            ///< from the create to the first poll, few pending
  std::uint32_t interval_ms = 1'000;       ///< between the starts of two polls, few pending
  std::uint32_t max_interval_ms = 10'000;  ///< however many are pending
  std::uint32_t max_polls_per_s = 2'000;   ///< aimed at until max_interval_ms is reached
};

/// The time from one poll's start to the next one's, without jitter.
[[nodiscard]] std::uint32_t poll_interval_ms(const PollPaceSettings& settings,
                                             std::uint32_t pending) noexcept;

/// From the create to the first poll. Early, because a server that holds polls then tells the
/// answer the moment it is given; with many pending the rate counts for more.
[[nodiscard]] std::uint32_t first_poll_ms(const PollPaceSettings& settings, std::uint32_t pending,
                                          std::uint32_t random) noexcept;

/// From now to the next poll. `last_took_ms`: how long the poll that has just ended took; 0 after
/// an error. A poll that was held for longer than the interval is followed at once; that bounds
/// the rate also where the server is not holding but slow. `random` spreads by ± 10 %.
[[nodiscard]] std::uint32_t next_poll_ms(const PollPaceSettings& settings, std::uint32_t pending,
                                         std::uint32_t last_took_ms, std::uint32_t random) noexcept;

}  // namespace sallyport::verify::notakey
