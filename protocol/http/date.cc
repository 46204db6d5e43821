#include "protocol/http/date.h"

#include <chrono>
#include <cstddef>

#include "protocol/check.h"

namespace sallyport::http {
namespace {

constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::int64_t kEndOfYear9999 = 253'402'300'800;

class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}
  void text(std::string_view text) { at_ += text.copy(at_, text.size()); }
  void two_digits(unsigned number) {
    *at_++ = static_cast<char>('0' + number / 10);
    *at_++ = static_cast<char>('0' + number % 10);
  }

 private:
  char* at_;
};

}  // namespace

std::string_view write_date(std::int64_t unix_seconds, DateBuffer& buffer) noexcept {
  CHECK(unix_seconds >= 0 && unix_seconds < kEndOfYear9999);
  const std::chrono::sys_seconds time{std::chrono::seconds{unix_seconds}};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto second_of_day = static_cast<unsigned>((time - day).count());
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));

  Cursor out(buffer.data());
  out.text(kDays.substr(std::size_t{3} * std::chrono::weekday(day).c_encoding(), 3));
  out.text(", ");
  out.two_digits(static_cast<unsigned>(date.day()));
  out.text(" ");
  out.text(kMonths.substr(std::size_t{3} * (static_cast<unsigned>(date.month()) - 1), 3));
  out.text(" ");
  out.two_digits(year / 100);
  out.two_digits(year % 100);
  out.text(" ");
  out.two_digits(second_of_day / 3600);
  out.text(":");
  out.two_digits(second_of_day / 60 % 60);
  out.text(":");
  out.two_digits(second_of_day % 60);
  out.text(" GMT");
  return {buffer.data(), buffer.size()};
}

}  // namespace sallyport::http
