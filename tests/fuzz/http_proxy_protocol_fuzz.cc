// A connection's first octets, however they come: what is read of a part must be what is read of
// the whole, within the bounds, and what we write of it reads back the same.

#include <algorithm>

#include "protocol/check.h"
#include "protocol/http/proxy_protocol.h"

namespace sallyport::http {
namespace {

void read(Octets received) {
  const auto whole = read_proxy_header(received);
  constexpr std::size_t kMost = kProxyFixedOctets + kMaxProxyRestOctets;
  if (whole && !*whole) CHECK(received.size() < kMost);

  for (std::size_t part = 0; part < std::min(received.size(), kMost + 1); ++part) {
    const auto result = read_proxy_header(received.first(part));
    if (!result) {
      CHECK(!whole && whole.error() == result.error());
    } else if (*result) {
      CHECK(whole && *whole == *result);
    }
  }
  if (!whole || !*whole) return;

  ProxyHeader header = **whole;
  CHECK(header.octets <= received.size() && header.octets <= kMost);
  ProxyHeaderBuffer buffer;
  const Octets written = write_proxy_header(header, buffer);
  const auto again = read_proxy_header(written);
  header.octets = written.size();
  CHECK(again && *again == header);
}

}  // namespace
}  // namespace sallyport::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::http::read({data, size});
  return 0;
}
