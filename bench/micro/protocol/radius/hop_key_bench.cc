// The proof of every request and every reply: MD5 and HMAC-MD5.

#include <memory>
#include <utility>

#include <benchmark/benchmark.h>

#include "bench/micro/hot_function.h"
#include "bench/micro/protocol/radius/sample_packets.h"
#include "protocol/check.h"
#include "protocol/radius/hop_key.h"

namespace sallyport::micro {
namespace {

using radius::Authenticity;

Calls verify_one_request(Bytes (*make)(const radius::HopKey&, std::uint8_t)) {
  auto hops = std::make_unique<Hops>();
  Bytes packet = make(hops->client, 1);
  return [hops = std::move(hops), packet = std::move(packet)](std::uint32_t calls) {
    const radius::PacketView request = parsed(packet);
    for (std::uint32_t i = 0; i < calls; ++i)
      CHECK(radius::verify_request(request, hops->client) == Authenticity::authentic);
  };
}

Calls verify_one_response(Bytes (*make)(const radius::HopKey&, const Answered&)) {
  auto hops = std::make_unique<Hops>();
  Bytes packet = make(hops->downstream, {});
  return [hops = std::move(hops), packet = std::move(packet)](std::uint32_t calls) {
    const radius::PacketView reply = parsed(packet);
    const radius::Authenticator authenticator = sample_authenticator();
    for (std::uint32_t i = 0; i < calls; ++i)
      CHECK(radius::verify_response(reply, hops->downstream, authenticator) ==
            Authenticity::authentic);
  };
}

}  // namespace

void add_hop_key(HotFunctions& all) {
  all.push_back({"radius/verify_request/pap", [] { return verify_one_request(pap_request); }});
  all.push_back({"radius/verify_request/eap", [] { return verify_one_request(eap_request); }});
  all.push_back(
      {"radius/verify_request/accounting", [] { return verify_one_request(accounting_request); }});
  all.push_back(
      {"radius/verify_response/accept", [] { return verify_one_response(accept_reply); }});
  all.push_back({"radius/verify_response/mppe", [] { return verify_one_response(mppe_reply); }});
}

}  // namespace sallyport::micro
