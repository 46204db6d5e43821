#pragma once
// How values in the store are written: numbered fields, each with its length, so that a later
// sallyport can add some and an older one skip them. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::verify {

/// Appends fields to a value. A field may come several times: a list.
class FieldWriter {
 public:
  FieldWriter& text(std::uint8_t field, std::string_view value);  ///< at most 64 KiB
  FieldWriter& number(std::uint8_t field, std::uint64_t value);
  [[nodiscard]] std::string take() noexcept { return std::move(value_); }

 private:
  std::string value_;
};

/// Reads them in their order. Nothing is trusted: lengths are checked first.
class FieldReader {
 public:
  struct Field {
    std::uint8_t number = 0;
    std::string_view octets;  ///< of the value read
    /// What FieldWriter::number() wrote; nothing if it is something else.
    [[nodiscard]] std::optional<std::uint64_t> as_number() const noexcept;
  };

  explicit FieldReader(std::string_view value) noexcept : rest_(value) {}
  /// Nothing: the end, or what follows is not a field (then broken()).
  [[nodiscard]] std::optional<Field> next() noexcept;
  [[nodiscard]] bool broken() const noexcept { return broken_; }

 private:
  std::string_view rest_;
  bool broken_ = false;
};

}  // namespace sallyport::verify
