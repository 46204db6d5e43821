// Any datagram: PacketView must refuse it or be right about every octet of it.

#include "protocol/check.h"
#include "protocol/radius/attribute_name.h"
#include "protocol/radius/packet.h"

namespace sallyport::radius {
namespace {

/// What is read out of an attribute lies in it, one behind the other.
void check_values(const Attribute& attribute) {
  AttributeName name{.type = static_cast<std::uint8_t>(attribute.type)};
  const Octets value = attribute.value;
  if (attribute.type == Type::vendor_specific && value.size() > 4) {
    for (std::size_t i = 0; i < 4; ++i) name.vendor = name.vendor << 8 | value[i];
    name.vendor_type = value[4];
  }
  const std::uint8_t* at = value.data();
  for_each_value(name, attribute, [&](Octets found) {
    CHECK(found.data() >= at && found.data() + found.size() <= value.data() + value.size());
    at = found.data() + found.size();
  });
}

void check_view(const PacketView& view, Octets datagram) {
  const Octets packet = view.octets();
  CHECK(packet.data() == datagram.data());
  CHECK(packet.size() >= kMinPacketOctets && packet.size() <= kMaxPacketOctets);
  CHECK(packet.size() == (std::size_t{packet[2]} << 8 | packet[3]));

  // The attributes fill the packet from the header to its last octet, without a gap.
  const std::uint8_t* at = packet.data() + kHeaderOctets;
  std::size_t attributes = 0;
  std::size_t message_authenticators = 0;
  for (const Attribute attribute : view) {
    CHECK(attribute.whole.data() == at);
    CHECK(attribute.whole.size() == attribute.whole[1]);
    CHECK(attribute.value.data() == at + 2);
    CHECK(attribute.value.size() + 2 == attribute.whole.size());
    CHECK(view.has(attribute.type));
    CHECK(view.find(attribute.type).has_value());
    if (attribute.type == Type::message_authenticator) {
      ++message_authenticators;
      CHECK(packet.data() + view.message_authenticator_offset() == attribute.value.data());
      CHECK(attribute.value.size() == 16);
    }
    check_values(attribute);
    at += attribute.whole.size();
    ++attributes;
  }
  CHECK(at == packet.data() + packet.size());
  CHECK(attributes <= kMaxAttributes);
  CHECK(message_authenticators == (view.has(Type::message_authenticator) ? 1 : 0));
  CHECK((view.message_authenticator_offset() != 0) == (message_authenticators == 1));

  // What stands behind Length changes nothing.
  const auto again = PacketView::parse(packet);
  CHECK(again.has_value() && again->octets().size() == packet.size());
}

void run(Octets datagram) {
  if (const auto view = PacketView::parse(datagram)) {
    check_view(*view, datagram);
  } else {
    CHECK(to_text(view.error()) != nullptr);
  }
}

}  // namespace
}  // namespace sallyport::radius

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::radius::run({data, size});
  return 0;
}
