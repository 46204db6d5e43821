#include "verify/template_text.h"

#include <array>
#include <optional>
#include <utility>

namespace sallyport::verify {
namespace {

enum class Field : std::uint8_t {
  user,
  client,
  address,
  calling_station,
  called_station,
  nas,
  number,
};

constexpr std::array<std::pair<std::string_view, Field>, 7> kFields = {{
    {"user", Field::user},
    {"client", Field::client},
    {"address", Field::address},
    {"calling_station", Field::calling_station},
    {"called_station", Field::called_station},
    {"nas", Field::nas},
    {"number", Field::number},
}};
constexpr const char* kKnown =
    "{user}, {client}, {address}, {calling_station}, {called_station}, {nas} and {number} are "
    "known";

std::optional<Field> find_field(std::string_view name) {
  for (const auto& [known, field] : kFields) {
    if (name == known) return field;
  }
  return std::nullopt;
}

std::string value(Field field, const Question& question) {
  switch (field) {
    case Field::user: return std::string(question.user.view());
    case Field::client: return std::string(question.client.view());
    case Field::address: return question.address.text();
    case Field::calling_station: return std::string(question.calling_station.view());
    case Field::called_station: return std::string(question.called_station.view());
    case Field::nas: return std::string(question.nas.view());
    case Field::number: return question.number == 0 ? "" : std::to_string(question.number);
  }
  return {};
}

/// Not in the middle of a UTF-8 character.
void cut(std::string& text) {
  if (text.size() <= kMaxTemplateText) return;
  std::size_t size = kMaxTemplateText;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  text.resize(size);
}

}  // namespace

std::expected<void, std::string> check_template(std::string_view text) {
  if (text.size() > kMaxTemplateText) {
    return std::unexpected("is longer than " + std::to_string(kMaxTemplateText) + " octets");
  }
  for (std::size_t open; (open = text.find('{')) != std::string_view::npos;) {
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos)
      return std::unexpected(std::string("has a { without its }; ") + kKnown);
    const std::string_view name = text.substr(open + 1, close - open - 1);
    if (!find_field(name)) {
      return std::unexpected("has the unknown placeholder {" + std::string(name) + "}; " + kKnown);
    }
    text.remove_prefix(close + 1);
  }
  return {};
}

std::string render_template(std::string_view text, const Question& question) {
  std::string out;
  for (std::size_t open; (open = text.find('{')) != std::string_view::npos;) {
    out += text.substr(0, open);
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) {
      text.remove_prefix(open);
      break;
    }
    const auto field = find_field(text.substr(open + 1, close - open - 1));
    out += field ? value(*field, question) : std::string(text.substr(open, close - open + 1));
    text.remove_prefix(close + 1);
  }
  out += text;
  cut(out);
  return out;
}

}  // namespace sallyport::verify
