#pragma once
// For those who write rows of the settings table (settings.h): types made from the field of a
// draft, and the tables' parts.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "engine/config/settings.h"

namespace sallyport::config {

/// The RADIUS door's beside those in settings.cc, for settings() alone: RADIUS over TLS, more of
/// [second_factor], its limits, the policies, accounting, and CoA.
[[nodiscard]] std::span<const Setting> radsec_rows() noexcept;
[[nodiscard]] std::span<const Setting> policy_rows() noexcept;
/// What our Reply-Messages say, for policy_rows() alone: in general, and in each language.
[[nodiscard]] std::span<const Setting> message_rows() noexcept;
[[nodiscard]] std::span<const Setting> translation_rows() noexcept;
[[nodiscard]] std::span<const Setting> accounting_rows() noexcept;
[[nodiscard]] std::span<const Setting> coa_rows() noexcept;
/// The HTTP door's rows.
[[nodiscard]] std::span<const Setting> http_rows() noexcept;
/// The downstream servers'.
[[nodiscard]] std::span<const Setting> downstream_rows() noexcept;
/// The gate's: what it does, who its users are and how messages reach them, and the store's.
[[nodiscard]] std::span<const Setting> gate_rows() noexcept;
[[nodiscard]] std::span<const Setting> directory_rows() noexcept;
[[nodiscard]] std::span<const Setting> store_rows() noexcept;

/// One Reply-Message attribute (RFC 2865 §5.18).
inline constexpr std::uint16_t kMaxReplyMessage = 253;
/// Of one call or one reply. NtkP has no bound; nobody waits longer for a login.
inline constexpr std::uint32_t kMaxCallMs = 300'000;
/// RequireMessageAuthenticator.
inline constexpr std::array<std::string_view, 3> kRequire = {"auto", "yes", "no"};

/// An element that stands in the file as it is in the draft.
inline std::string plain_text(const std::string& value) { return value; }

inline constexpr std::uint16_t kMaxPath = 4095;
inline constexpr std::uint16_t kMaxUrl = 2000;

/// `Access` finds the enum in the draft; `words` are its values in their order.
template <auto Access>
constexpr Choice choice(std::span<const std::string_view> words) {
  return {.words = words,
          .set =
              [](Draft& draft, std::uint8_t index) {
                auto& value = Access(draft);
                value = static_cast<std::remove_reference_t<decltype(value)>>(index);
              },
          .get = [](Draft& draft) { return static_cast<std::uint8_t>(Access(draft)); }};
}

/// `Access` finds an unsigned number in the draft.
template <auto Access>
constexpr Size size(std::uint64_t min, std::uint64_t max, bool zero_is_unlimited = false) {
  return {.get = [](Draft& draft) { return std::uint64_t{Access(draft)}; },
          .set =
              [](Draft& draft, std::uint64_t octets) {
                auto& value = Access(draft);
                value = static_cast<std::remove_reference_t<decltype(value)>>(octets);
              },
          .min = min,
          .max = max,
          .zero_is_unlimited = zero_is_unlimited};
}

/// `Access` finds a vector in the draft, `Add` appends what a text says, `ToText` is its inverse.
template <auto Access, auto Add, auto ToText>
constexpr TextList texts(std::string_view what, std::uint16_t max_count, bool redacted = false) {
  return {.what = what,
          .clear = [](Draft& draft) { Access(draft).clear(); },
          .add = [](Draft& draft, std::string_view text) { return Add(text, Access(draft)); },
          .count = [](Draft& draft) { return Access(draft).size(); },
          .get =
              [](Draft& draft) {
                std::vector<std::string> out;
                for (const auto& element : Access(draft)) out.push_back(ToText(element));
                return out;
              },
          .max_count = max_count,
          .redacted = redacted};
}

}  // namespace sallyport::config
