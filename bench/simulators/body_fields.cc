#include "bench/simulators/body_fields.h"

#include "bench/simulators/text.h"
#include "simdjson.h"

namespace sallyport::lab {

std::expected<BodyFields, std::string> BodyFields::parse(std::string_view content_type,
                                                         std::string_view body) {
  BodyFields parsed;
  if (content_type.starts_with("application/x-www-form-urlencoded")) {
    while (!body.empty()) {
      const std::string_view pair = body.substr(0, body.find('&'));
      body.remove_prefix(std::min(body.size(), pair.size() + 1));
      const std::size_t equals = std::min(pair.find('='), pair.size());
      auto name = percent_decode(pair.substr(0, equals), true);
      auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
      if (!name || !value) return std::unexpected("the form is not well-formed");
      parsed.fields_.insert_or_assign(std::move(*name), std::move(*value));
    }
    return parsed;
  }
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  const simdjson::padded_string padded(body);
  if (parser.parse(padded).get(object) != simdjson::SUCCESS)
    return std::unexpected("the body is not a JSON object");
  for (const auto& [name, value] : object) {
    std::string_view text;
    if (value.is_string() && value.get(text) == simdjson::SUCCESS) {
      parsed.fields_.insert_or_assign(std::string(name), std::string(text));
    } else if (value.is_number() || value.is_bool()) {
      parsed.fields_.insert_or_assign(std::string(name), std::string(simdjson::minify(value)));
    }
  }
  return parsed;
}

std::optional<std::string_view> BodyFields::get(std::string_view name) const {
  const auto found = fields_.find(name);
  if (found == fields_.end()) return std::nullopt;
  return found->second;
}

}  // namespace sallyport::lab
