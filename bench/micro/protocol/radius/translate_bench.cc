// From hop to hop: what a proxied packet costs to rewrite and sign.

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "bench/micro/fixed_random.h"
#include "bench/micro/hot_function.h"
#include "bench/micro/protocol/radius/sample_packets.h"
#include "protocol/check.h"
#include "protocol/radius/translate.h"

namespace sallyport::micro {
namespace {

using radius::Authenticity;
using radius::Code;

using Packet = std::array<std::uint8_t, radius::kMaxPacketOctets>;
constexpr std::array<std::uint8_t, 8> kMark{1, 2, 3, 4, 5, 6, 7, 8};

Calls translate_one_request(Bytes (*make)(const radius::HopKey&, std::uint8_t)) {
  auto hops = std::make_unique<Hops>();
  auto out = std::make_unique<Packet>();
  Bytes packet = make(hops->client, 1);
  return [hops = std::move(hops), out = std::move(out),
          packet = std::move(packet)](std::uint32_t calls) {
    const radius::PacketView request = parsed(packet);
    std::size_t written = 0;
    for (std::uint32_t i = 0; i < calls; ++i) {
      const auto octets = radius::translate_request(request,
                                                    {.client = hops->client,
                                                     .downstream = hops->downstream,
                                                     .identifier = {2},
                                                     .authenticator = sample_authenticator(),
                                                     .proxy_state = kMark},
                                                    *out);
      CHECK(octets && *octets > packet.size());
      written = *octets;
    }
    CHECK(radius::verify_request(parsed(Octets(*out).first(written)), hops->downstream) ==
          Authenticity::authentic);
  };
}

Calls translate_one_reply(Bytes (*make)(const radius::HopKey&, const Answered&)) {
  auto hops = std::make_unique<Hops>();
  auto out = std::make_unique<Packet>();
  Bytes packet = make(hops->downstream, {});
  return [hops = std::move(hops), out = std::move(out),
          packet = std::move(packet)](std::uint32_t calls) {
    const radius::PacketView reply = parsed(packet);
    FixedRandom random;
    std::size_t written = 0;
    for (std::uint32_t i = 0; i < calls; ++i) {
      const auto octets =
          radius::translate_reply(reply,
                                  {.downstream = hops->downstream,
                                   .downstream_authenticator = sample_authenticator(),
                                   .client = hops->client,
                                   .client_identifier = {3},
                                   .client_authenticator = sample_authenticator(),
                                   .client_proxy_states = {},
                                   .random = random},
                                  *out);
      CHECK(octets && *octets >= packet.size());
      written = *octets;
    }
    CHECK(radius::verify_response(parsed(Octets(*out).first(written)), hops->client,
                                  sample_authenticator()) == Authenticity::authentic);
  };
}

Calls write_one_reply() {
  auto hops = std::make_unique<Hops>();
  auto out = std::make_unique<Packet>();
  return [hops = std::move(hops), out = std::move(out)](std::uint32_t calls) {
    std::size_t written = 0;
    for (std::uint32_t i = 0; i < calls; ++i) {
      written = radius::write_local_reply({.code = Code::access_reject,
                                           .client = hops->client,
                                           .client_identifier = {3},
                                           .client_authenticator = sample_authenticator(),
                                           .client_proxy_states = {},
                                           .reply_message = "Login denied on the phone.",
                                           .eap_failure_identifier = std::nullopt},
                                          *out);
      CHECK(written > radius::kHeaderOctets);
    }
    CHECK(radius::verify_response(parsed(Octets(*out).first(written)), hops->client,
                                  sample_authenticator()) == Authenticity::authentic);
  };
}

}  // namespace

void add_translate(HotFunctions& all) {
  all.push_back(
      {"radius/translate_request/pap", [] { return translate_one_request(pap_request); }});
  all.push_back(
      {"radius/translate_request/eap", [] { return translate_one_request(eap_request); }});
  all.push_back({"radius/translate_request/accounting",
                 [] { return translate_one_request(accounting_request); }});
  all.push_back(
      {"radius/translate_reply/accept", [] { return translate_one_reply(accept_reply); }});
  all.push_back({"radius/translate_reply/mppe", [] { return translate_one_reply(mppe_reply); }});
  all.push_back({"radius/write_local_reply/reject", [] { return write_one_reply(); }});
}

}  // namespace sallyport::micro
