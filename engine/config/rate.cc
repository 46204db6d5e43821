#include "engine/config/rate.h"

#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include "engine/config/duration.h"

namespace sallyport::config {

std::expected<verify::Rate, Complaint> parse_rate(std::string_view text) {
  const auto wrong = [](std::string what) {
    return std::unexpected(Complaint{
        .wrong = std::move(what),
        .mend = fmt::format("Write \"20/1m\" for 20 in any minute, or \"off\": 1 to {}, in {} to "
                            "{}.",
                            kMaxRateCount, duration_text(kMinRateWindowMs),
                            duration_text(kMaxRateWindowMs))});
  };
  if (text == "off") return verify::Rate{.count = 0};
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return wrong("is not a rate: it has no /");
  verify::Rate rate;
  const char* end = text.data() + slash;
  const auto [stopped, error] = std::from_chars(text.data(), end, rate.count);
  if (error != std::errc{} || stopped != end) return wrong("does not begin with a number");
  if (rate.count == 0 || rate.count > kMaxRateCount) return wrong("is out of range");
  const auto window_ms = parse_duration_ms(text.substr(slash + 1));
  if (!window_ms) {
    return wrong(fmt::format("has a time behind the / that {}", to_text(window_ms.error())));
  }
  if (*window_ms < kMinRateWindowMs || *window_ms > kMaxRateWindowMs) {
    return wrong("has a time behind the / that is out of range");
  }
  rate.window_ms = *window_ms;
  return rate;
}

std::string rate_text(const verify::Rate& rate) {
  if (rate.count == 0) return "off";
  return fmt::format("{}/{}", rate.count, duration_text(rate.window_ms));
}

}  // namespace sallyport::config
