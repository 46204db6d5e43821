// Every octet sequence as every kind of answer. Beyond memory safety: what is handed out is fit for
// the path or the header it goes into.

#include <cstdint>
#include <string>

#include "protocol/check.h"
#include "protocol/notakey/answer.h"

namespace notakey = sallyport::notakey;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static notakey::AnswerReader reader;
  std::string text(reinterpret_cast<const char*>(data), size);
  text.resize(size + notakey::kAnswerPadding);
  const notakey::Body body{.data = text.data(), .size = size, .capacity = text.size()};

  const auto fit_for_path = [](std::string_view uuid) {
    return !uuid.empty() && uuid.size() <= notakey::kMaxUuidOctets &&
           uuid.find_first_of("/.%?# \r\n") == std::string_view::npos;
  };
  if (const auto created = reader.created(body)) CHECK(fit_for_path(created->uuid));
  if (const auto result = reader.result(body)) CHECK(fit_for_path(result->uuid));
  if (const auto token = reader.token(body))
    CHECK(token->access_token.find_first_of(" \r\n") == std::string_view::npos);
  static_cast<void>(reader.service(body));
  static_cast<void>(reader.names_errors(body));
  return 0;
}
