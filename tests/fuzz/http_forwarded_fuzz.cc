// Field lines of Forwarded and X-Forwarded-For, cut at newlines: bounded, and what the nearest
// proxy has put at the right is read the same whatever a visitor has put to its left in other
// lines.

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/check.h"
#include "protocol/http/forwarded.h"
#include "protocol/octets.h"

namespace sallyport::http {
namespace {

void walk(HopSyntax syntax, std::vector<std::string_view> lines, std::string_view own) {
  std::size_t hops = 0;
  HopWalk all(syntax, lines);
  while (const auto hop = all.next()) {
    static_cast<void>(hop->address());
    ++hops;
  }
  CHECK(hops <= kMaxHops);
  CHECK(!all.next());

  lines.push_back(own);
  HopWalk with_own(syntax, lines);
  const auto nearest = with_own.next();
  CHECK(nearest && nearest->address() == IpAddress::v4(0xc000'0201));
}

void walk_all(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  walk(HopSyntax::forwarded, lines, "for=192.0.2.1");
  walk(HopSyntax::x_forwarded_for, lines, "192.0.2.1");

  // In one line with the visitor's own text: that text is refused whole, or the right end is ours.
  for (const std::string_view line : lines) {
    const std::string joined = std::string(line) + ", for=192.0.2.1";
    const std::string_view joined_lines[] = {joined};
    HopWalk hops(HopSyntax::forwarded, joined_lines);
    const auto nearest = hops.next();
    CHECK(hops.refused() || (nearest && nearest->address() == IpAddress::v4(0xc000'0201)));
  }
}

}  // namespace
}  // namespace sallyport::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::http::walk_all(sallyport::as_text({data, size}));
  return 0;
}
