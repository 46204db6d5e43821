#pragma once
// Answers of the Notakey API, read with simdjson On-Demand. Every answer is hostile until read
// whole: the document must be one JSON object, the fields we trust may appear once, and have their
// type. Anything else is an error, never a guess. Views live until the reader's next call.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>

namespace sallyport::notakey {

/// Why an answer cannot be used.
enum class BadAnswer : std::uint8_t {
  too_long,       ///< more than kMaxAnswerOctets, or no padding behind it
  not_json,       ///< not one JSON object in UTF-8
  duplicate,      ///< a field that decides appears twice
  missing_field,  ///< a field we need is absent
  bad_field,      ///< a field has the wrong type or an impossible value
};
[[nodiscard]] const char* to_text(BadAnswer error) noexcept;

inline constexpr std::size_t kMaxAnswerOctets = 65'536;
/// Octets that must be readable behind an answer: simdjson reads in blocks.
inline constexpr std::size_t kAnswerPadding = 64;
inline constexpr std::size_t kMaxUuidOctets = 64;
inline constexpr std::size_t kMaxTokenOctets = 8'192;
inline constexpr std::size_t kMaxGroupsOctets = 255;

/// An answer's text in memory that goes on for kAnswerPadding octets at least.
struct Body {
  const char* data = nullptr;
  std::size_t size = 0;
  std::size_t capacity = 0;  ///< readable octets from data on
};

/// A create request was taken.
struct Created {
  std::string_view uuid;  ///< 1 to 64 of [0-9A-Za-z_-]
};

/// What the user said.
enum class Response : std::uint8_t {
  none,     ///< absent, null or empty: no answer yet
  approve,  ///< "ApproveRequest"
  deny,     ///< "DenyRequest"
  unknown,  ///< anything else: never an approval
};

struct Result {
  std::string_view uuid;
  std::string_view username;  ///< empty if absent
  Response response = Response::none;
  bool expired = false;
  /// Names of the user's groups (since 2.20.0), one a line; those that would go past
  /// kMaxGroupsOctets, and whatever is no name, are left out. Empty if absent.
  std::string_view groups = {};
};

struct Token {
  std::string_view access_token;  ///< visible ASCII only: fit for a header
  std::optional<std::uint64_t> expires_in_s;
};

/// Service information, as asked by a health check.
struct ServiceInfo {
  std::string_view id;
  std::string_view display_name;
};

/// Holds the parser's memory, taken at construction. One for each thread.
class AnswerReader {
 public:
  AnswerReader();
  ~AnswerReader();
  AnswerReader(AnswerReader&&) noexcept;
  AnswerReader& operator=(AnswerReader&&) noexcept;

  [[nodiscard]] std::expected<Created, BadAnswer> created(Body body) noexcept;
  [[nodiscard]] std::expected<Result, BadAnswer> result(Body body) noexcept;
  [[nodiscard]] std::expected<Token, BadAnswer> token(Body body) noexcept;
  [[nodiscard]] std::expected<ServiceInfo, BadAnswer> service(Body body) noexcept;
  /// A JSON object with a field "errors": how v3 says that it does not know a user.
  [[nodiscard]] bool names_errors(Body body) noexcept;

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace sallyport::notakey
