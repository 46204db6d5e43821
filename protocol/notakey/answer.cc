#include "protocol/notakey/answer.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <simdjson.h>

#include "protocol/ascii.h"
#include "protocol/check.h"

namespace sallyport::notakey {

namespace ondemand = simdjson::ondemand;
static_assert(kAnswerPadding >= simdjson::SIMDJSON_PADDING);

struct AnswerReader::Parser {
  ondemand::parser on_demand{kMaxAnswerOctets};
  std::array<char, kMaxGroupsOctets> groups;
};

namespace {

using Outcome = std::expected<void, BadAnswer>;

/// Calls take(key, value) for each field of the one object that `body` is. On-Demand checks only
/// what is walked over, so the walk goes to the end, and nothing may follow.
template <typename Take>
Outcome walk(ondemand::parser& parser, Body body, Take&& take) noexcept {
  if (body.size > kMaxAnswerOctets || body.capacity < body.size + kAnswerPadding)
    return std::unexpected(BadAnswer::too_long);
  ondemand::document document;
  ondemand::object object;
  const simdjson::padded_string_view text(body.data, body.size, body.capacity);
  if (parser.iterate(text).get(document) || document.get_object().get(object))
    return std::unexpected(BadAnswer::not_json);
  for (auto step : object) {
    ondemand::field field;
    std::string_view key;
    if (std::move(step).get(field) || field.unescaped_key().get(key))
      return std::unexpected(BadAnswer::not_json);
    if (const Outcome taken = take(key, field.value()); !taken) return taken;
  }
  // There is no place to stand on behind the last token; anything else is trailing content.
  const char* trailing = nullptr;
  if (document.current_location().get(trailing) != simdjson::OUT_OF_BOUNDS)
    return std::unexpected(BadAnswer::not_json);
  return {};
}

/// A field that decides something: twice is a contradiction that parsers resolve differently.
class Once {
 public:
  [[nodiscard]] bool again() noexcept { return std::exchange(seen_, true); }
  [[nodiscard]] bool seen() const noexcept { return seen_; }

 private:
  bool seen_ = false;
};

Outcome take_text(Once& once, ondemand::value& value, std::string_view& out) noexcept {
  if (once.again()) return std::unexpected(BadAnswer::duplicate);
  if (value.get_string().get(out)) return std::unexpected(BadAnswer::bad_field);
  return {};
}

/// Like take_text; null counts as empty.
Outcome take_text_or_null(Once& once, ondemand::value& value, std::string_view& out) noexcept {
  if (once.again()) return std::unexpected(BadAnswer::duplicate);
  ondemand::json_type type;
  if (value.type().get(type)) return std::unexpected(BadAnswer::bad_field);
  if (type == ondemand::json_type::null) {
    bool is_null = false;
    // Null starts with an n; what follows it is only checked by asking.
    if (value.is_null().get(is_null) || !is_null) return std::unexpected(BadAnswer::bad_field);
    out = {};
    return {};
  }
  if (value.get_string().get(out)) return std::unexpected(BadAnswer::bad_field);
  return {};
}

bool is_group(std::string_view name) noexcept {
  return !name.empty() &&
         std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

/// Groups open nothing by themselves: what is no array of names means none.
Outcome take_groups(Once& once, ondemand::value& value, std::span<char> room,
                    std::string_view& out) noexcept {
  if (once.again()) return std::unexpected(BadAnswer::duplicate);
  ondemand::json_type type;
  if (value.type().get(type)) return std::unexpected(BadAnswer::bad_field);
  if (type != ondemand::json_type::array) return {};
  ondemand::array names;
  if (value.get_array().get(names)) return std::unexpected(BadAnswer::bad_field);
  std::size_t size = 0;
  for (auto step : names) {
    ondemand::value element;
    std::string_view name;
    if (std::move(step).get(element)) return std::unexpected(BadAnswer::not_json);
    const auto error = element.get_string().get(name);
    if (error == simdjson::INCORRECT_TYPE) continue;
    if (error) return std::unexpected(BadAnswer::bad_field);
    const std::size_t line = size == 0 ? 0 : 1;
    if (!is_group(name) || line + name.size() > room.size() - size) continue;
    if (line != 0) room[size++] = '\n';
    size += name.copy(room.data() + size, name.size());
  }
  out = {room.data(), size};
  return {};
}

Outcome take_flag(Once& once, ondemand::value& value, bool& out) noexcept {
  if (once.again()) return std::unexpected(BadAnswer::duplicate);
  if (value.get_bool().get(out)) return std::unexpected(BadAnswer::bad_field);
  return {};
}

/// Nothing that could change the path it is put into.
bool is_uuid(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kMaxUuidOctets && std::ranges::all_of(text, [](char c) {
    return is_letter_or_digit(c) || c == '-' || c == '_';
  });
}

/// Nothing that could end the header line it is put into.
bool is_token(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kMaxTokenOctets &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

Response response_of(std::string_view type) noexcept {
  if (type.empty()) return Response::none;
  if (type == "ApproveRequest") return Response::approve;
  if (type == "DenyRequest") return Response::deny;
  return Response::unknown;
}

}  // namespace

const char* to_text(BadAnswer error) noexcept {
  switch (error) {
    case BadAnswer::too_long: return "answer too long";
    case BadAnswer::not_json: return "answer is not JSON";
    case BadAnswer::duplicate: return "answer repeats a field";
    case BadAnswer::missing_field: return "answer lacks a field";
    case BadAnswer::bad_field: return "answer has a bad field";
  }
  return "";
}

AnswerReader::AnswerReader() : parser_(std::make_unique<Parser>()) {
  CHECK(parser_->on_demand.allocate(kMaxAnswerOctets) == simdjson::SUCCESS);
}
AnswerReader::~AnswerReader() = default;
AnswerReader::AnswerReader(AnswerReader&&) noexcept = default;
AnswerReader& AnswerReader::operator=(AnswerReader&&) noexcept = default;

std::expected<Created, BadAnswer> AnswerReader::created(Body body) noexcept {
  Created created;
  Once uuid;
  const Outcome walked =
      walk(parser_->on_demand, body, [&](std::string_view key, ondemand::value value) -> Outcome {
        if (key == "uuid") return take_text(uuid, value, created.uuid);
        return {};
      });
  if (!walked) return std::unexpected(walked.error());
  if (!uuid.seen()) return std::unexpected(BadAnswer::missing_field);
  if (!is_uuid(created.uuid)) return std::unexpected(BadAnswer::bad_field);
  return created;
}

std::expected<Result, BadAnswer> AnswerReader::result(Body body) noexcept {
  Result result;
  std::string_view type;
  Once uuid, username, response_type, expired, groups;
  const Outcome walked =
      walk(parser_->on_demand, body, [&](std::string_view key, ondemand::value value) -> Outcome {
        if (key == "uuid") return take_text(uuid, value, result.uuid);
        if (key == "username") return take_text_or_null(username, value, result.username);
        if (key == "response_type") return take_text_or_null(response_type, value, type);
        if (key == "expired") return take_flag(expired, value, result.expired);
        if (key == "groups") return take_groups(groups, value, parser_->groups, result.groups);
        return {};
      });
  if (!walked) return std::unexpected(walked.error());
  if (!uuid.seen()) return std::unexpected(BadAnswer::missing_field);
  if (!is_uuid(result.uuid)) return std::unexpected(BadAnswer::bad_field);
  result.response = response_of(type);
  return result;
}

std::expected<Token, BadAnswer> AnswerReader::token(Body body) noexcept {
  Token token;
  Once access_token, expires_in;
  const Outcome walked =
      walk(parser_->on_demand, body, [&](std::string_view key, ondemand::value value) -> Outcome {
        if (key == "access_token") return take_text(access_token, value, token.access_token);
        if (key != "expires_in") return {};
        if (expires_in.again()) return std::unexpected(BadAnswer::duplicate);
        std::uint64_t seconds = 0;
        if (value.get_uint64().get(seconds)) return std::unexpected(BadAnswer::bad_field);
        token.expires_in_s = seconds;
        return {};
      });
  if (!walked) return std::unexpected(walked.error());
  if (!access_token.seen()) return std::unexpected(BadAnswer::missing_field);
  if (!is_token(token.access_token)) return std::unexpected(BadAnswer::bad_field);
  return token;
}

std::expected<ServiceInfo, BadAnswer> AnswerReader::service(Body body) noexcept {
  ServiceInfo info;
  Once id, display_name;
  const Outcome walked =
      walk(parser_->on_demand, body, [&](std::string_view key, ondemand::value value) -> Outcome {
        if (key == "id") return take_text(id, value, info.id);
        if (key == "display_name") return take_text(display_name, value, info.display_name);
        return {};
      });
  if (!walked) return std::unexpected(walked.error());
  if (!id.seen() || !display_name.seen()) return std::unexpected(BadAnswer::missing_field);
  return info;
}

bool AnswerReader::names_errors(Body body) noexcept {
  bool named = false;
  const Outcome walked =
      walk(parser_->on_demand, body, [&](std::string_view key, ondemand::value) -> Outcome {
        named = named || key == "errors";
        return {};
      });
  return walked.has_value() && named;
}

}  // namespace sallyport::notakey
