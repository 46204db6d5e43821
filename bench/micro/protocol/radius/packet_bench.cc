// PacketView::parse: the first look at every datagram.

#include <utility>

#include <benchmark/benchmark.h>

#include "bench/micro/hot_function.h"
#include "bench/micro/protocol/radius/sample_packets.h"
#include "protocol/check.h"
#include "protocol/radius/packet.h"

namespace sallyport::micro {
namespace {

Calls parse(Bytes packet) {
  return [packet = std::move(packet)](std::uint32_t calls) {
    for (std::uint32_t i = 0; i < calls; ++i) {
      Octets datagram(packet);
      benchmark::DoNotOptimize(datagram);
      const auto view = radius::PacketView::parse(datagram);
      CHECK(view && view->octets().size() == packet.size());
    }
  };
}

}  // namespace

void add_packet(HotFunctions& all) {
  all.push_back({"radius/parse/pap", [] { return parse(pap_request(Hops().client)); }});
  all.push_back({"radius/parse/eap", [] { return parse(eap_request(Hops().client)); }});
  all.push_back({"radius/parse/accept", [] { return parse(accept_reply(Hops().downstream)); }});
}

}  // namespace sallyport::micro
