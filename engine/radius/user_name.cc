#include "engine/radius/user_name.h"

namespace sallyport::radius_door {

NameParts split_name(std::string_view user_name) noexcept {
  if (const std::size_t at = user_name.rfind('@'); at != std::string_view::npos)
    return {.user = user_name.substr(0, at), .realm = user_name.substr(at + 1)};
  if (const std::size_t at = user_name.find('\\'); at != std::string_view::npos)
    return {.user = user_name.substr(at + 1), .realm = user_name.substr(0, at)};
  return {.user = user_name, .realm = {}};
}

}  // namespace sallyport::radius_door
