#include "protocol/radius/append.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/protocol/radius/wire.h"

namespace sallyport::radius {
namespace {

using wire::Bytes;

constexpr std::string_view kSecret = "client secret";

class AppendTest : public ::testing::Test {
 protected:
  Bytes reply(std::initializer_list<Bytes> attributes) const {
    Bytes packet = wire::packet(Code::access_accept, 7, {}, attributes);
    wire::sign_computed(packet, kSecret, request_);
    return packet;
  }
  /// What becomes of `packet` in a buffer of so many octets; empty: there was no room.
  Bytes appended(const Bytes& packet, const Bytes& attributes, std::size_t room) const {
    Bytes buffer = packet;
    buffer.resize(room);
    const std::size_t octets =
        append_attributes(buffer, packet.size(), attributes, HopKey(Secret(kSecret)), request_);
    if (octets == 0) {
      EXPECT_TRUE(std::ranges::equal(packet, std::span(buffer).first(packet.size())));
    }
    buffer.resize(octets);
    return buffer;
  }

  Authenticator request_ = wire::authenticator_of(1);
  Bytes signature_ = wire::attribute(Type::message_authenticator, wire::zeros(16));
  Bytes class_ = wire::attribute(25, wire::text("class"));
  Bytes filter_ = wire::attribute(11, wire::text("mfa=push"));
};

TEST_F(AppendTest, TheReplyIsAsIfItHadBeenWrittenSo) {
  EXPECT_EQ(appended(reply({signature_, class_}), filter_, 4096),
            reply({signature_, class_, filter_}));
  EXPECT_EQ(appended(reply({class_}), filter_, 4096), reply({class_, filter_}));
  EXPECT_EQ(appended(reply({}), filter_, 4096), reply({filter_}));
}

TEST_F(AppendTest, WithoutRoomItStaysAsItWas) {
  const Bytes packet = reply({signature_, class_});
  EXPECT_EQ(appended(packet, filter_, packet.size() + filter_.size()).size(),
            packet.size() + filter_.size());
  EXPECT_TRUE(appended(packet, filter_, packet.size() + filter_.size() - 1).empty());
  const std::vector<Bytes> most(kMaxAttributes, wire::attribute(25, wire::text("x")));
  Bytes full = wire::packet(Code::access_accept, 7, {}, most);
  wire::sign_computed(full, kSecret, request_);
  EXPECT_TRUE(appended(full, filter_, 4096).empty());
  Bytes big = wire::packet(Code::access_accept, 7, {},
                           std::vector<Bytes>(15, wire::attribute(25, wire::filled(253, 1))));
  wire::sign_computed(big, kSecret, request_);
  EXPECT_TRUE(appended(big, wire::attribute(11, wire::filled(250, 1)), 8192).empty());
  EXPECT_EQ(appended(big, wire::attribute(11, wire::filled(249, 1)), 8192).size(), 4096u);
}

}  // namespace
}  // namespace sallyport::radius
