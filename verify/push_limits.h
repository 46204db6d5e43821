#pragma once
// How often a user's phone may ring. Whoever knows a user's password may try to wear him down with
// questions; whoever does so from one place must not keep him from logging in at another. So a
// place where the user has approved a login before has windows of its own, which nobody elsewhere
// can fill, and all others share what is left. Bounded; pure of clock; one thread.

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

#include "verify/asker.h"
#include "verify/rate.h"
#include "verify/sliding_window.h"

namespace sallyport::verify {

struct PushLimitSettings {
  Rate user = {.count = 5, .window_ms = 60'000};  ///< of one user: from unknown places together,
                                                  ///< and from each known one for itself
  Rate user_long = {.count = 30, .window_ms = 3'600'000};  ///< the same
  Rate pair = {.count = 3, .window_ms = 60'000};           ///< of one user from one unknown place
  Rate place = {.count = 60, .window_ms = 60'000};  ///< of one unknown place, whoever is asked
  std::uint32_t cool_down_ms = 60'000;              ///< after a denial
  bool operator==(const PushLimitSettings&) const = default;
};

/// What kept a question from being put.
enum class PushLimitedBy : std::uint8_t { none, user, pair, place, cool_down };
/// For the audit log: "asked too often", …
[[nodiscard]] const char* to_text(PushLimitedBy by) noexcept;

class PushLimits {
 public:
  /// `max_entries`: of each of its tables, up to some 1.5 KiB each; the least recently used go
  /// first. What has no rate has no entries.
  PushLimits(const PushLimitSettings& settings, std::size_t max_entries)
      : settings_(settings),
        known_(max_entries),
        users_(max_entries),
        pairs_(max_entries),
        places_(max_entries) {}

  /// Counts a question and says whether it may be put. What is refused is not counted. `known`: the
  /// user has approved a login from there.
  [[nodiscard]] PushLimitedBy take(const Asker& asker, bool known, std::uint64_t now_ms);
  /// The user said no: he is left alone from there for a while.
  void denied(const Asker& asker, std::uint64_t now_ms);

 private:
  struct Windows {
    SlidingWindow first;
    SlidingWindow second;
    std::uint64_t cool_until_ms = 0;
    std::list<AskerKey>::iterator use;
  };
  class Table {
   public:
    explicit Table(std::size_t max_entries) : max_entries_(max_entries) {}
    /// Makes one where there is none.
    [[nodiscard]] Windows& operator[](const AskerKey& key);
    [[nodiscard]] const Windows* find(const AskerKey& key) const;  ///< null: there is none

   private:
    std::size_t max_entries_;
    std::unordered_map<AskerKey, Windows, AskerKeyHash> entries_;
    std::list<AskerKey> by_use_;  ///< least recently used first
  };

  PushLimitSettings settings_;
  Table known_;   ///< by pair: fed by approvals alone, so that no flood pushes one out
  Table users_;   ///< by user: of all unknown places
  Table pairs_;   ///< by pair: unknown ones, and those that were denied
  Table places_;  ///< by place: for those unknown there
};

}  // namespace sallyport::verify
