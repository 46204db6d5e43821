#pragma once
// The messages as they are without an operator's own.

#include <span>
#include <string_view>

#include "verify/channels/messenger.h"

namespace sallyport::verify {

struct BuiltinText {
  std::string_view language;
  MessageKind kind;
  std::string_view subject;
  std::string_view text;
  std::string_view html;  ///< what stands between builtin_html_head() and _foot()
  std::string_view brief;
};
[[nodiscard]] std::span<const BuiltinText> builtin_texts() noexcept;

/// The document around it; {language} and all other values are filled in as in the texts.
[[nodiscard]] std::string_view builtin_html_head() noexcept;
[[nodiscard]] std::string_view builtin_html_foot() noexcept;

}  // namespace sallyport::verify
