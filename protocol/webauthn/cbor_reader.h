#pragma once
// One item of CBOR (RFC 8949) after another, out of octets that a stranger sent. libcbor decodes
// the heads; what authenticators never send (CTAP2's canonical form: no tags, no indefinite
// lengths) is refused. Views into the input; no heap; nothing is read or skipped before its length
// is known to be there.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sallyport::webauthn {

class CborReader {
 public:
  explicit CborReader(std::string_view octets) noexcept : rest_(octets) {}

  // Each takes one item, and gives nothing if there is another or none: the reader is of no more
  // use then.
  [[nodiscard]] std::optional<std::size_t> map() noexcept;  ///< its pairs, which come next
  [[nodiscard]] std::optional<std::string_view> bytes() noexcept;
  [[nodiscard]] std::optional<std::string_view> text() noexcept;
  [[nodiscard]] std::optional<std::int64_t> integer() noexcept;
  /// Passes over an item and all within it, of whatever sort and at most kMaxDepth deep.
  [[nodiscard]] bool skip() noexcept;

  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

  static constexpr std::size_t kMaxDepth = 4;  ///< CTAP2 canonical CBOR

 private:
  struct Item;
  [[nodiscard]] Item next() noexcept;
  std::string_view rest_;
};

}  // namespace sallyport::webauthn
