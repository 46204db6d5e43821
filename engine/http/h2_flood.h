#pragma once
// Whether an HTTP/2 visitor keeps the door busy with frames that ask for nothing: resets (rapid
// reset, CVE-2023-44487, and streams that he makes us reset, CVE-2025-8671), and PING, SETTINGS,
// PRIORITY, WINDOW_UPDATE, empty DATA and unknown frames (CVE-2019-9511 to 9518; RFC 9113 §10.5).
// Pure: time is handed in.

#include <cstdint>

namespace sallyport::http_door {

/// Tokens that come back with time, and with work that is worth something.
class TokenBucket {
 public:
  TokenBucket(std::uint32_t burst, std::uint32_t per_second) noexcept
      : burst_(burst), per_second_(per_second), tokens_(burst) {}

  /// False: none was left.
  [[nodiscard]] bool take(std::uint64_t now_ms) noexcept;
  void give(std::uint32_t tokens) noexcept;

 private:
  std::uint32_t burst_;
  std::uint32_t per_second_;
  std::uint32_t tokens_;
  std::uint64_t refilled_ms_ = 0;
};

class H2FloodGuard {
 public:
  /// A stream has ended by a reset that was not ours to begin. False: too many.
  [[nodiscard]] bool reset(std::uint64_t now_ms) noexcept { return resets_.take(now_ms); }
  /// A frame that carries neither a head nor octets. False: too many.
  [[nodiscard]] bool control(std::uint64_t now_ms) noexcept { return control_.take(now_ms); }

  void request_completed() noexcept {
    resets_.give(1);
    control_.give(4);
  }
  /// A DATA frame of some size went either way. gRPC's clients answer each with a PING and a
  /// WINDOW_UPDATE for the stream and for the connection.
  void data_moved() noexcept { control_.give(4); }

 private:
  // A browser that leaves a page of pictures resets as many streams as it may have open (128 unless
  // configured otherwise), and does so no more than a few times a minute.
  TokenBucket resets_{256, 16};
  TokenBucket control_{1024, 64};
};

}  // namespace sallyport::http_door
