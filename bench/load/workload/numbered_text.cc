#include "bench/load/workload/numbered_text.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "protocol/check.h"

namespace sallyport::lab {
namespace {

constexpr std::size_t kMaxDigits = 18;  // what a 64-bit number always holds

}  // namespace

std::expected<NumberedText, std::string> NumberedText::parse(std::string_view pattern) {
  NumberedText text;
  const std::size_t percent = pattern.find('%');
  text.before_ = pattern.substr(0, percent);
  if (percent == std::string_view::npos) return text;

  const char* const end = pattern.data() + pattern.size();
  const auto [stop, error] = std::from_chars(pattern.data() + percent + 1, end, text.digits_);
  const bool zero = percent + 1 < pattern.size() && pattern[percent + 1] == '0';
  if (error != std::errc{} || !zero || text.digits_ == 0 || text.digits_ > kMaxDigits ||
      stop == end || *stop != 'u') {
    return std::unexpected(fmt::format(
        "pattern '{}': after % comes 0, how many digits (1 to 18) and u, as in user-%07u",
        pattern));
  }
  text.after_.assign(stop + 1, end);
  if (text.after_.contains('%'))
    return std::unexpected(fmt::format("pattern '{}' has more than one %", pattern));
  return text;
}

std::uint64_t NumberedText::count() const noexcept {
  std::uint64_t count = 1;
  for (std::size_t i = 0; i < digits_; ++i) count *= 10;
  return count;
}

void NumberedText::write(std::uint64_t number, MutableOctets out) const noexcept {
  CHECK(out.size() == octets());
  std::ranges::copy(before_, out.begin());
  std::ranges::copy(after_, out.last(after_.size()).begin());
  renumber(number, out);
}

void NumberedText::renumber(std::uint64_t number, MutableOctets text) const noexcept {
  for (std::size_t at = before_.size() + digits_; at-- > before_.size(); number /= 10)
    text[at] = static_cast<std::uint8_t>('0' + number % 10);
}

}  // namespace sallyport::lab
