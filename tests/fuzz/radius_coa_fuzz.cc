// Any packet as one of dynamic authorization: what is read of it, what goes to the NAS, and the
// NAK.

#include <algorithm>
#include <array>
#include <vector>

#include "engine/radius/coa/coa_packet.h"
#include "protocol/check.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {
namespace {

using radius::Authenticator;
using radius::Authenticity;
using radius::HopKey;
using radius::PacketView;
using radius::Type;

constexpr std::array<std::uint8_t, 8> kOwnState{'s', 'a', 'l', 'l', 'y', 0, 0, 1};
constexpr std::int64_t kNowUnixS = 1'800'000'000;
constexpr std::uint32_t kWindowS = 300;

const HopKey& asker_key() {
  static const HopKey key{Secret(std::string_view("secret of who asks"))};
  return key;
}
const HopKey& nas_key() {
  static const HopKey key{Secret(std::string_view("secret of the NAS"))};
  return key;
}

/// Nothing is missing but what is ours to read, and all else is in its order.
void check_stripped(const PacketView& before, const PacketView& after) {
  auto left = after.begin();
  for (const radius::Attribute attribute : before) {
    if (is_operator_nas_identifier(attribute)) continue;
    CHECK(left != after.end());
    CHECK(std::ranges::equal((*left).whole, attribute.whole));
    ++left;
  }
  CHECK(left == after.end());
}

void carry(const PacketView& packet) {
  std::array<std::uint8_t, radius::kMaxPacketOctets> out;
  const auto length = radius::translate_request(packet,
                                                {.client = asker_key(),
                                                 .downstream = nas_key(),
                                                 .identifier = {1},
                                                 .authenticator = {},
                                                 .proxy_state = kOwnState},
                                                out);
  if (!length) return;
  const auto sent = PacketView::parse(Octets(out).first(*length));
  CHECK(sent.has_value());
  CHECK(sent->message_authenticator_offset() != 0);
  CHECK(radius::verify_request(*sent, nas_key()) == Authenticity::authentic);
  CHECK(carries(*sent, kOwnState));
  // There is room for the NAK to what could be carried.
  const auto states = proxy_states_of(packet);
  const std::size_t octets =
      radius::write_local_reply({.code = nak_of(static_cast<std::uint8_t>(packet.code())),
                                 .client = asker_key(),
                                 .client_identifier = packet.identifier(),
                                 .client_authenticator = packet.authenticator(),
                                 .client_proxy_states = states,
                                 .reply_message = {},
                                 .eap_failure_identifier = {},
                                 .error_cause = radius::ErrorCause::request_not_routable},
                                out);
  CHECK(octets != 0);
  const auto nak = PacketView::parse(Octets(out).first(octets));
  CHECK(nak.has_value());
  CHECK(radius::verify_response(*nak, asker_key(), packet.authenticator()) ==
        Authenticity::authentic);
  CHECK(number_in(nak->find(Type::error_cause).value()) == 502);
  CHECK(proxy_states_of(*nak) == states);
}

void run(Octets datagram) {
  const auto view = PacketView::parse(datagram);
  if (!view) return;
  static_cast<void>(names_session(*view));
  if (const auto time = event_time(*view, kNowUnixS, kWindowS); time && *time != 0) {
    CHECK(*time >= kNowUnixS - kWindowS && *time <= kNowUnixS + kWindowS);
  }
  std::array<std::uint8_t, radius::kMaxPacketOctets> plain;
  const std::size_t octets = without_operator_nas_identifier(*view, plain);
  const auto stripped = PacketView::parse(Octets(plain).first(octets));
  CHECK(stripped.has_value());
  check_stripped(*view, *stripped);
  if (is_request(stripped->code())) carry(*stripped);
}

}  // namespace
}  // namespace sallyport::radius_door

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::radius_door::run({data, size});
  return 0;
}
