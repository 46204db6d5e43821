#include "verify/users/json_users.h"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

namespace sallyport::verify {
namespace {

using simdjson::dom::element;

std::string* field_of(User& user, std::string_view key) noexcept {
  const std::array<std::pair<std::string_view, std::string*>, 8> fields{{
      {"id", &user.id},
      {"uid", &user.id},
      {"name", &user.name},
      {"mail", &user.mail},
      {"email", &user.mail},
      {"mobile", &user.mobile},
      {"telephone", &user.telephone},
      {"language", &user.language},
  }};
  for (const auto& [name, field] : fields) {
    if (name == key) return field;
  }
  return nullptr;
}

std::expected<User, std::string> convert(const element& json) {
  simdjson::dom::object object;
  if (json.get_object().get(object) != simdjson::SUCCESS) {
    return std::unexpected("a user is not a JSON object");
  }
  User user;
  for (const auto& [key, value] : object) {
    if (std::string* const field = field_of(user, key)) {
      std::string_view text;
      if (!value.is_null() && value.get_string().get(text) != simdjson::SUCCESS) {
        return std::unexpected(fmt::format("\"{}\" of a user is not a text", key));
      }
      field->assign(text);
    } else if (key == "groups") {
      simdjson::dom::array groups;
      if (value.get_array().get(groups) != simdjson::SUCCESS) {
        return std::unexpected("\"groups\" of a user is not a list");
      }
      for (const element group : groups) {
        std::string_view text;
        if (group.get_string().get(text) != simdjson::SUCCESS) {
          return std::unexpected("\"groups\" of a user holds something that is not a text");
        }
        user.groups.emplace_back(text);
      }
    }
  }
  if (!is_user_id(user.id)) return std::unexpected("a user has no \"id\" that could be one");
  return user;
}

}  // namespace

std::expected<User, std::string> read_user(std::string_view json) {
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) {
    return std::unexpected("this is not JSON");
  }
  return convert(root);
}

std::expected<std::vector<User>, std::string> read_users(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  if (parser.parse(json.data(), json.size()).get_array().get(array) != simdjson::SUCCESS) {
    return std::unexpected("this is not a JSON array of users");
  }
  std::vector<User> users;
  for (const element json_user : array) {
    auto user = convert(json_user);
    if (!user) return std::unexpected(fmt::format("user {}: {}", users.size() + 1, user.error()));
    users.push_back(std::move(*user));
  }
  return users;
}

}  // namespace sallyport::verify
