// Fingerprint: whether two logins are one. Once for each login that is asked about.

#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "bench/micro/hot_function.h"
#include "bench/micro/protocol/radius/sample_packets.h"
#include "engine/radius/fingerprint.h"
#include "protocol/check.h"

namespace sallyport::micro {
namespace {

using radius_door::Fingerprint;

Calls identify(Bytes (*make)(const radius::HopKey&, std::uint8_t)) {
  auto hops = std::make_unique<Hops>();
  Bytes packet = make(hops->downstream, 1);  // read as it was sent downstream
  return [hops = std::move(hops), packet = std::move(packet)](std::uint32_t calls) {
    config::Client settings;
    settings.name = "office";
    settings.secret = Secret("client's shared secret");
    settings.addresses = {{.address = IpAddress::v4(0xc000'0207), .length = 128}};
    const radius_door::ClientTable table({settings});
    const Fingerprint fingerprint(std::array<std::uint8_t, 16>{1, 2, 3});
    const radius::PacketView request = parsed(packet);
    const IpAddress address = settings.addresses.front().address;
    const radius::Authenticator authenticator = sample_authenticator();
    const auto key_of = [&](std::string_view user) {
      return fingerprint.join_key({.user = user,
                                   .client = *table.find(address),
                                   .client_address = address,
                                   .request = request,
                                   .downstream_key = hops->downstream,
                                   .client_authenticator = authenticator});
    };
    const verify::JoinKey expected = key_of("jdoe0001");
    CHECK(key_of("jdoe0002") != expected);
    for (std::uint32_t i = 0; i < calls; ++i)
      CHECK(key_of("jdoe0001") == expected && fingerprint.user_hash("jdoe0001") != 0);
  };
}

}  // namespace

void add_fingerprint(HotFunctions& all) {
  all.push_back({"fingerprint/pap", [] { return identify(pap_request); }});
  all.push_back({"fingerprint/eap", [] { return identify(eap_request); }});
}

}  // namespace sallyport::micro
