#include "protocol/http/date.h"

#include <cstddef>

#include "protocol/check.h"

namespace sallyport::http {
namespace {

constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::int64_t kEndOfYear9999 = 253'402'300'800;

constexpr std::uint32_t kSecondsPerDay = 86'400;
constexpr std::uint32_t kDaysPer400Years = 146'097;

struct Day {
  std::uint32_t year;
  std::uint32_t month;  ///< 1..12
  std::uint32_t day;    ///< 1..31
};

/// Days since 1970-01-01 to the calendar, by years that begin in March so that the leap day is
/// their last (howardhinnant.github.io/date_algorithms.html, civil_from_days).
constexpr Day day_of(std::uint32_t days) {
  days += 719'468;  // since 0000-03-01
  const std::uint32_t era = days / kDaysPer400Years;
  const std::uint32_t day_of_era = days % kDaysPer400Years;
  const std::uint32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint32_t march_month = (5 * day_of_year + 2) / 153;
  const std::uint32_t month = march_month < 10 ? march_month + 3 : march_month - 9;
  return {.year = era * 400 + year_of_era + (month <= 2 ? 1 : 0),
          .month = month,
          .day = day_of_year - (153 * march_month + 2) / 5 + 1};
}

class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}
  void text(std::string_view text) { at_ += text.copy(at_, text.size()); }
  void two_digits(std::uint32_t number) {
    *at_++ = static_cast<char>('0' + number / 10);
    *at_++ = static_cast<char>('0' + number % 10);
  }

 private:
  char* at_;
};

}  // namespace

std::string_view write_date(std::int64_t unix_seconds, DateBuffer& buffer) noexcept {
  CHECK(unix_seconds >= 0 && unix_seconds < kEndOfYear9999);
  const auto days = static_cast<std::uint32_t>(unix_seconds / kSecondsPerDay);
  const auto second = static_cast<std::uint32_t>(unix_seconds % kSecondsPerDay);
  const Day date = day_of(days);
  const std::size_t weekday = (days + 4) % 7;  // 1970-01-01 was a Thursday

  Cursor out(buffer.data());
  out.text(kDays.substr(3 * weekday, 3));
  out.text(", ");
  out.two_digits(date.day);
  out.text(" ");
  out.text(kMonths.substr(std::size_t{3} * (date.month - 1), 3));
  out.text(" ");
  out.two_digits(date.year / 100);
  out.two_digits(date.year % 100);
  out.text(" ");
  out.two_digits(second / 3600);
  out.text(":");
  out.two_digits(second / 60 % 60);
  out.text(":");
  out.two_digits(second % 60);
  out.text(" GMT");
  return {buffer.data(), buffer.size()};
}

}  // namespace sallyport::http
