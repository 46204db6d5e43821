#pragma once
// A view of every page, with everything on it that a page can show.

#include <array>
#include <string_view>
#include <vector>

#include "engine/config/gate.h"
#include "engine/http/pages/pages.h"
#include "verify/gate/view.h"

namespace sallyport::http_door {

inline constexpr std::array kAllPages = {
    verify::PageId::start,
    verify::PageId::captcha,
    verify::PageId::choose,
    verify::PageId::token,
    verify::PageId::otp,
    verify::PageId::link,
    verify::PageId::push,
    verify::PageId::passkey,
    verify::PageId::register_sent,
    verify::PageId::register_otp,
    verify::PageId::register_passkey,
    verify::PageId::recovery_codes,
    verify::PageId::approve,
    verify::PageId::approved,
    verify::PageId::refused,
    verify::PageId::done,
    verify::PageId::ended,
    verify::PageId::access,
    verify::PageId::pair,
    verify::PageId::message,
};

inline constexpr std::uint64_t kSampleNow = 1'795'802'400'000;  // 2026-11-27T18:00:00Z

[[nodiscard]] verify::View sample_view(verify::PageId page, std::string_view language);
/// The same with `text` in every text, and lists of it.
[[nodiscard]] verify::View hostile_view(verify::PageId page, std::string_view text);

[[nodiscard]] config::Gate sample_gate();
[[nodiscard]] Pages sample_pages();

}  // namespace sallyport::http_door
