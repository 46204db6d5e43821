#include "engine/http/pages/embedded.h"

#include <algorithm>

#include "protocol/check.h"

namespace sallyport::http_door {

std::string_view embedded_file(std::string_view name) noexcept {
  const auto file = std::ranges::find(embedded_files(), name, &EmbeddedFile::name);
  CHECK(file != embedded_files().end());
  return file->content;
}

}  // namespace sallyport::http_door
