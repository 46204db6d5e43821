#pragma once
// Names made from a pattern and a number, all of one length: "user-%07u" gives user-0000042.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "protocol/octets.h"

namespace sallyport::lab {

class NumberedText {
 public:
  /// At most one "%0Nu" with N of 1..18; without any the text is the same for every number. An
  /// error says what is wrong with the pattern.
  [[nodiscard]] static std::expected<NumberedText, std::string> parse(std::string_view pattern);

  [[nodiscard]] std::size_t octets() const noexcept {
    return before_.size() + digits_ + after_.size();
  }
  /// Different texts that there are: ten to the power of N, or one.
  [[nodiscard]] std::uint64_t count() const noexcept;
  /// `number` < count(); `out`: octets() of them.
  void write(std::uint64_t number, MutableOctets out) const noexcept;
  /// Writes the digits only, into a place that holds the text of another number.
  void renumber(std::uint64_t number, MutableOctets text) const noexcept;

 private:
  std::string before_;
  std::size_t digits_ = 0;
  std::string after_;
};

}  // namespace sallyport::lab
