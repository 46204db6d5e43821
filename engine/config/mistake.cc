#include "engine/config/mistake.h"

#include <fmt/format.h>

namespace sallyport::config {

std::string Mistake::text() const {
  std::string out = source;
  if (where.line > 0) out += fmt::format(":{}:{}", where.line, where.column);
  out += ": ";
  if (!key.empty()) out += key + ": ";
  out += wrong + ".";
  if (!mend.empty()) out += " Mend: " + mend;
  return out;
}

}  // namespace sallyport::config
