#pragma once
// When a client's connection ends because another process has taken over: RADIUS has no word for
// "connect anew", so an end is what tells the client, and what it sends at that very moment it has
// to send again on its next connection (RFC 6613 §2.6.1). So a moment is looked for in which it
// sends nothing and is owed nothing. Pure.

#include <algorithm>
#include <cstdint>

namespace sallyport::radius_door {

/// What a client waits for on its connection.
enum class Owed : std::uint8_t {
  nothing,
  reply,    ///< of a server, or of the disk: soon there
  verdict,  ///< of a person
};

/// What becomes of a connection.
enum class PartingStep : std::uint8_t {
  serve,         ///< as ever
  stop_reading,  ///< what has come is answered; what comes is left to the process that took over
  end,
};

struct Parting {
  /// Silence that is taken for "it sends nothing just now".
  static constexpr std::uint64_t kQuietMs = 50;
  /// A younger connection is served on: radsecproxy (1.9, connect_wait) lets 30 s pass from one
  /// connect to the next, and would serve nobody meanwhile.
  static constexpr std::uint64_t kYoungMs = 31'000;
  /// A client that never is silent is read no longer once it waits for no person.
  static constexpr std::uint64_t kSearchMs = 2'000;
  /// After `until_ms`: for what is owed to one that is not read any more.
  static constexpr std::uint64_t kLastMs = 2'000;
  /// How often to look.
  static constexpr std::uint64_t kPeriodMs = 20;

  std::uint64_t begun_ms = 0;  ///< monotonic, as all times here
  std::uint64_t until_ms = 0;  ///< from then on nobody is waited for

  struct Connection {
    Owed owed = Owed::nothing;
    std::uint64_t opened_ms = 0;
    std::uint64_t heard_ms = 0;  ///< when octets came last
  };
  [[nodiscard]] constexpr PartingStep step(const Connection& connection,
                                           std::uint64_t now_ms) const noexcept {
    if (now_ms >= until_ms + kLastMs) return PartingStep::end;
    const std::uint64_t from_ms =
        std::min(std::max(begun_ms, connection.opened_ms + kYoungMs), until_ms);
    if (now_ms < from_ms) return PartingStep::serve;
    if (connection.owed == Owed::nothing && now_ms >= connection.heard_ms + kQuietMs)
      return PartingStep::end;
    const bool is_loud = now_ms >= from_ms + kSearchMs && connection.owed != Owed::verdict;
    return is_loud || now_ms >= until_ms ? PartingStep::stop_reading : PartingStep::serve;
  }
};

}  // namespace sallyport::radius_door
