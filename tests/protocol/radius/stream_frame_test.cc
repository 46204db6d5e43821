#include "protocol/radius/stream_frame.h"

#include <gtest/gtest.h>

#include "tests/protocol/radius/wire.h"

namespace sallyport::radius {
namespace {

using wire::Bytes;

TEST(StreamFrame, ItNeedsItsHeadAndThenAllOfIt) {
  const Bytes packet =
      wire::packet(Code::access_request, 7, {}, {wire::attribute(Type::user_name, {'a'})});
  for (std::size_t there = 0; there < packet.size(); ++there) {
    const auto none = first_packet(Octets(packet).first(there));
    ASSERT_TRUE(none.has_value());
    EXPECT_FALSE(none->has_value()) << there;
  }
  const Bytes two = wire::join({packet, packet});
  const auto first = first_packet(two);
  ASSERT_TRUE(first.has_value() && first->has_value());
  EXPECT_EQ((*first)->data(), two.data());
  EXPECT_EQ((*first)->size(), packet.size());
}

TEST(StreamFrame, ALengthThatCannotBeEndsTheStreamBeforeMoreIsWaitedFor) {
  for (const auto& [length, error] : {std::pair(0, Malformed::length_below_minimum),
                                      {19, Malformed::length_below_minimum},
                                      {4097, Malformed::length_above_maximum},
                                      {0xffff, Malformed::length_above_maximum}}) {
    const Bytes head{1, 1, static_cast<std::uint8_t>(length >> 8),
                     static_cast<std::uint8_t>(length)};
    const auto packet = first_packet(head);
    ASSERT_FALSE(packet.has_value()) << length;
    EXPECT_EQ(packet.error(), error);
    EXPECT_TRUE(ends_stream(error));
  }
  EXPECT_TRUE(first_packet(Bytes{1, 1, 0, 20}).has_value());
  EXPECT_TRUE(first_packet(Bytes{1, 1, 0x10, 0}).has_value());
}

TEST(StreamFrame, APacketThatIsWholeAndNotForUsStays) {
  EXPECT_FALSE(ends_stream(Malformed::unknown_code));
  EXPECT_FALSE(ends_stream(Malformed::eap_without_message_authenticator));
  EXPECT_TRUE(ends_stream(Malformed::attribute_length_below_two));
  EXPECT_TRUE(ends_stream(Malformed::attribute_beyond_packet));
}

}  // namespace
}  // namespace sallyport::radius
