#pragma once
// The fields of a request body, whether it came as JSON or as a form: the service chooses by
// Content-Type, as Notakey's does.

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::lab {

class BodyFields {
 public:
  /// Top-level strings, numbers and booleans, as text; other values are left out.
  [[nodiscard]] static std::expected<BodyFields, std::string> parse(std::string_view content_type,
                                                                    std::string_view body);
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  [[nodiscard]] const auto& all() const { return fields_; }

 private:
  std::map<std::string, std::string, std::less<>> fields_;
};

}  // namespace sallyport::lab
