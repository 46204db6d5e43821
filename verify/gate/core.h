#pragma once
// What all parts of the gate work with: the world around it, the settings, the limits, and the
// request whose turn it is. Any thread.

#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "verify/gate/gate.h"
#include "verify/gate/records.h"
#include "verify/gate/secrets.h"

namespace sallyport::verify {

template <class T = void>
using Outcome = std::expected<T, GateError>;

// Bounds. Durations in milliseconds.
inline constexpr std::uint64_t kMinute = 60'000;
inline constexpr std::uint64_t kHour = 60 * kMinute;
/// A visit lasts so long after its last step.
inline constexpr std::uint64_t kVisitMs = 30 * kMinute;
/// An approved visit waits so long for the browser that it lets in.
inline constexpr std::uint64_t kClaimMs = 5 * kMinute;
/// A session confirmed this lately may change its user's factors without another code.
inline constexpr std::uint64_t kFreshMs = 15 * kMinute;
inline constexpr std::uint64_t kPairMs = 5 * kMinute;
/// An address that a user has come from is known so long.
inline constexpr std::uint64_t kKnownMs = 180 * 24 * kHour;
inline constexpr std::uint64_t kDefaultMaxAccessMs = 7 * 24 * kHour;
/// Messages and pushes of one visit: the captcha buys so many and no more.
inline constexpr std::uint32_t kMaxSends = 3;
/// How often a record is read again that others keep changing, before the gate is `busy`.
inline constexpr int kConflicts = 8;
inline constexpr std::size_t kMaxReturnUrl = 8'192;
inline constexpr std::size_t kMaxCode = 64;
inline constexpr std::size_t kMaxPasskeyName = 64;
inline constexpr std::size_t kMaxPasskeys = 16;  ///< of one user
inline constexpr std::uint32_t kOtpDigits = 6;

/// A record and its version, for replace().
template <class R>
struct Held {
  R record;
  std::uint64_t version = 0;
};

/// Shared with the jobs that a request leaves behind. The world outlives it.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(GateSettings settings, GateWorld world);

  const GateWorld world;

  [[nodiscard]] std::shared_ptr<const GateSettings> settings() const;
  void use(GateSettings settings);

  /// Nothing: it may be.
  [[nodiscard]] LimitedBy take(Limited what, const IpAddress& address, std::string_view user,
                               std::uint64_t now_ms);
  /// True: there was something against him.
  bool forget_limits(std::string_view user);

  void audit(std::string_view what, std::string_view user, const IpAddress& address,
             std::string_view detail = {}) const;
  /// What a call of the store came to, with its failure in the log and as the gate's own.
  template <class T>
  [[nodiscard]] Outcome<T> checked(StoreResult<T> result) const {
    if (result) return std::move(*result);
    store_failed(result.error());
    return std::unexpected(GateError::unavailable);
  }

  template <class R>
  [[nodiscard]] Outcome<std::optional<Held<R>>> load(const RecordKey& key) const {
    auto stored = checked(world.store.get(key));
    if (!stored) return std::unexpected(stored.error());
    if (!*stored) return std::nullopt;
    auto record = read<R>((*stored)->value);
    if (!record) {
      store_failed(StoreError::broken);
      return std::unexpected(GateError::unavailable);
    }
    return Held<R>{.record = std::move(*record), .version = (*stored)->version};
  }

  /// Nothing: no directory knows him.
  [[nodiscard]] Outcome<std::optional<User>> find_user(std::string_view id) const;

 private:
  void store_failed(StoreError error) const;

  mutable std::mutex mutex_;
  std::shared_ptr<const GateSettings> settings_;
  std::unique_ptr<Limits> limits_;
};

/// A request, and what it is answered with.
struct Turn {
  std::shared_ptr<Core> core;
  std::shared_ptr<const GateSettings> settings;
  const GateRequest& request;

  [[nodiscard]] std::uint64_t now_ms() const noexcept { return request.now_ms; }
  /// Empty: it has none.
  [[nodiscard]] std::string_view form(std::string_view name) const noexcept;
  [[nodiscard]] std::string_view query(std::string_view name) const noexcept;
  void audit(std::string_view what, std::string_view user, std::string_view detail = {}) const {
    core->audit(what, user, request.visitor, detail);
  }
  /// Counts one against the limits of the visitor's address, of the user, of both and of all.
  [[nodiscard]] Outcome<> limit(Limited what, std::string_view user) const;
};

/// One user, however he is spelled: directories differ in whether case matters and blanks
/// around, and whoever counts or denies must not be got around by them. ASCII only.
[[nodiscard]] std::string subject_of(std::string_view user);
[[nodiscard]] bool is_denied_user(const GateSettings& settings, std::string_view user);

/// The addresses that count as one: IPv4, or the IPv6 prefix.
[[nodiscard]] Prefix prefix_of(const IpAddress& address, std::uint8_t ipv6_prefix) noexcept;

/// "2026-11-27 17:04 UTC", for messages.
[[nodiscard]] std::string time_text(std::uint64_t unix_ms);
/// Full minutes, rounded up, at least 1.
[[nodiscard]] std::string minutes_text(std::uint64_t duration_ms);

}  // namespace sallyport::verify
