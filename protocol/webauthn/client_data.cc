#include "protocol/webauthn/client_data.h"

#include <optional>
#include <string>

#include <simdjson.h>

#include "protocol/base64url.h"
#include "protocol/octets.h"

namespace sallyport::webauthn {
namespace {

constexpr std::size_t kMaxDepth = 8;

struct Members {
  std::optional<std::string_view> type;
  std::optional<std::string_view> challenge;
  std::optional<std::string_view> origin;
  std::optional<bool> cross_origin;
};

/// A member that decides something: twice is a contradiction that parsers resolve differently.
template <typename T>
bool set_once(std::optional<T>& member, const simdjson::dom::element& value) {
  T read{};
  if (member || value.get(read) != simdjson::SUCCESS) return false;
  member = read;
  return true;
}

/// Views into the parser's memory.
std::optional<Members> read(simdjson::dom::parser& parser, std::string_view json) {
  simdjson::dom::object object;
  if (parser.allocate(kMaxClientData, kMaxDepth) != simdjson::SUCCESS ||
      parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS)
    return std::nullopt;
  Members members;
  for (const auto [key, value] : object) {
    bool good = true;
    if (key == "type") {
      good = set_once(members.type, value);
    } else if (key == "challenge") {
      good = set_once(members.challenge, value);
    } else if (key == "origin") {
      good = set_once(members.origin, value);
    } else if (key == "crossOrigin") {
      good = set_once(members.cross_origin, value);
    }
    if (!good) return std::nullopt;
  }
  return members;
}

}  // namespace

std::expected<void, Problem> check_client_data(const Expected& expected, std::string_view type,
                                               std::string_view json) {
  if (json.empty() || json.size() > kMaxClientData) return std::unexpected(Problem::malformed);
  simdjson::dom::parser parser(kMaxClientData);
  const std::optional<Members> members = read(parser, json);
  if (!members || !members->type || !members->challenge || !members->origin)
    return std::unexpected(Problem::malformed);
  if (*members->type != type) return std::unexpected(Problem::wrong_type);
  const std::optional<std::string> challenge = from_base64url(*members->challenge);
  if (!challenge || expected.challenge.empty() ||
      !equal_constant_time(as_octets(*challenge), as_octets(expected.challenge)))
    return std::unexpected(Problem::wrong_challenge);
  // Our pages stand in no frame of another site.
  if (*members->origin != expected.origin || members->cross_origin.value_or(false))
    return std::unexpected(Problem::wrong_origin);
  return {};
}

}  // namespace sallyport::webauthn
