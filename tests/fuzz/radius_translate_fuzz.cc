// Any packet, carried over both hops: what comes out is a right packet of the same attributes, for
// the right key, and never longer than 4096 octets.

#include <algorithm>
#include <array>

#include "protocol/check.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius {
namespace {

/// Counts: the same input makes the same packet.
class CountingRandom final : public RandomSource {
 public:
  void fill(MutableOctets out) noexcept override {
    for (std::uint8_t& octet : out) octet = next_++;
  }

 private:
  std::uint8_t next_ = 0x7c;
};

const HopKey& client_key() {
  static const HopKey key{Secret(std::string_view("client secret"))};
  return key;
}
const HopKey& downstream_key() {
  static const HopKey key{Secret(std::string_view("downstream secret"))};
  return key;
}

constexpr Authenticator kOther{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
constexpr std::array<std::uint8_t, 8> kOwnState{'s', 'a', 'l', 'l', 'y', 0, 0, 1};

bool is_own(const Attribute& attribute, const PacketView& original) {
  return attribute.type == Type::message_authenticator || attribute.type == Type::proxy_state ||
         (attribute.type == Type::chap_challenge && !original.has(Type::chap_challenge));
}

/// Attributes that are neither signature nor Proxy-State: same order, types and lengths.
void check_same_shape(const PacketView& before, const PacketView& after) {
  auto carried = after.begin();
  const auto skip_own = [&] {
    while (carried != after.end() && is_own(*carried, before)) ++carried;
  };
  for (const Attribute attribute : before) {
    if (is_own(attribute, before)) continue;
    skip_own();
    CHECK(carried != after.end());
    CHECK((*carried).type == attribute.type);
    CHECK((*carried).whole.size() == attribute.whole.size());
    ++carried;
  }
  skip_own();
  CHECK(carried == after.end());
}

/// False: refused.
bool carry_request(const PacketView& request) {
  std::array<std::uint8_t, kMaxPacketOctets> out;
  const auto length = translate_request(request,
                                        {.client = client_key(),
                                         .downstream = downstream_key(),
                                         .identifier = {1},
                                         .authenticator = kOther,
                                         .proxy_state = kOwnState},
                                        out);
  if (!length) return false;
  CHECK(*length <= kMaxPacketOctets);
  const auto sent = PacketView::parse(Octets(out).first(*length));
  CHECK(sent.has_value());
  CHECK(sent->octets().size() == *length);
  CHECK(verify_request(*sent, downstream_key()) == Authenticity::authentic);
  check_same_shape(request, *sent);
  return true;
}

void carry_reply(const PacketView& reply) {
  std::array<std::uint8_t, kMaxPacketOctets> states;
  const std::size_t states_length = copy_proxy_states(reply, /*skip_last=*/true, states);
  CountingRandom random;
  std::array<std::uint8_t, kMaxPacketOctets> out;
  const auto length = translate_reply(reply,
                                      {.downstream = downstream_key(),
                                       .downstream_authenticator = reply.authenticator(),
                                       .client = client_key(),
                                       .client_identifier = {2},
                                       .client_authenticator = kOther,
                                       .client_proxy_states = Octets(states).first(states_length),
                                       .random = random},
                                      out);
  if (!length) return;
  CHECK(*length <= kMaxPacketOctets);
  const auto sent = PacketView::parse(Octets(out).first(*length));
  CHECK(sent.has_value());
  CHECK(verify_response(*sent, client_key(), kOther) == Authenticity::authentic);
  check_same_shape(reply, *sent);
}

/// `carried`: the request went downstream, so there must be room to reject it.
void answer_ourselves(const PacketView& request, bool carried) {
  std::array<std::uint8_t, kMaxPacketOctets> states;
  const std::size_t states_length = copy_proxy_states(request, /*skip_last=*/false, states);
  std::array<std::uint8_t, kMaxPacketOctets> out;
  const std::size_t length =
      write_local_reply({.code = Code::access_reject,
                         .client = client_key(),
                         .client_identifier = request.identifier(),
                         .client_authenticator = request.authenticator(),
                         .client_proxy_states = Octets(states).first(states_length),
                         .reply_message = as_text(request.octets()),
                         .eap_failure_identifier = request.identifier().value},
                        out);
  if (length == 0) {
    CHECK(!carried);
    return;
  }
  const auto sent = PacketView::parse(Octets(out).first(length));
  CHECK(sent.has_value());
  CHECK(verify_response(*sent, client_key(), request.authenticator()) == Authenticity::authentic);
}

void run(Octets datagram) {
  const auto view = PacketView::parse(datagram);
  if (!view) return;
  const bool carried = carry_request(*view);
  carry_reply(*view);
  answer_ourselves(*view, carried);
  if (const auto hidden = view->find(Type::user_password)) {
    std::array<std::uint8_t, 128> clear;
    const auto length = reveal_user_password(*hidden, client_key(), view->authenticator(), clear);
    CHECK(!length || *length <= clear.size());
  }
}

}  // namespace
}  // namespace sallyport::radius

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::radius::run({data, size});
  return 0;
}
