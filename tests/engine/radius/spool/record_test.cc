#include "engine/radius/spool/record.h"

#include <array>

#include <gtest/gtest.h>

#include "engine/radius/spool/record_ring.h"
#include "tests/engine/radius/packet_builder.h"

namespace sallyport::radius_door {
namespace {

using radius::Code;
using radius::Type;
using testing::Bytes;
using testing::PacketBuilder;

const radius::HopKey& client_key() {
  static const radius::HopKey key(Secret("client secret"));
  return key;
}
const radius::HopKey& server_key() {
  static const radius::HopKey key(Secret("server secret"));
  return key;
}
const IpAddress kClient = *IpAddress::parse("192.0.2.7");
constexpr std::array<std::uint8_t, 8> kMark = {1, 2, 3, 4, 5, 6, 7, 8};

PacketBuilder record(std::uint8_t identifier = 1, std::string_view session = "one") {
  PacketBuilder builder(Code::accounting_request, identifier);
  builder.add(Type::nas_identifier, "gateway").add(Type::acct_session_id, session);
  return builder;
}

RecordNames names(const Bytes& octets, const IpAddress& client = kClient) {
  return names_of(client, *radius::PacketView::parse(octets));
}

/// The record as the server gets it: its authenticator is checked.
Bytes delivered(const Bytes& octets, std::uint32_t waited_s) {
  Bytes out(radius::kMaxPacketOctets);
  const auto written = write_delivery(*radius::PacketView::parse(octets),
                                      {.client = client_key(),
                                       .server = server_key(),
                                       .identifier = {9},
                                       .proxy_state = kMark,
                                       .waited_s = waited_s},
                                      out);
  if (!written) return {};
  out.resize(*written);
  const auto view = radius::PacketView::parse(out);
  EXPECT_TRUE(view.has_value());
  EXPECT_EQ(radius::verify_request(*view, server_key()), radius::Authenticity::authentic);
  return out;
}

std::optional<Bytes> value_of(const Bytes& packet, Type type) {
  const auto value = radius::PacketView::parse(packet)->find(type);
  if (!value) return std::nullopt;
  return Bytes(value->begin(), value->end());
}

TEST(Record, IsKnownAgainByClientIdentifierAndAuthenticator) {
  const Bytes first = record().sign_request(client_key());
  EXPECT_EQ(names(first).fingerprint, names(first).fingerprint);
  EXPECT_NE(names(first).fingerprint, names(record(2).sign_request(client_key())).fingerprint);
  EXPECT_NE(names(first).fingerprint, names(first, *IpAddress::parse("192.0.2.8")).fingerprint);
  EXPECT_NE(names(first).fingerprint,
            names(record(1, "two").sign_request(client_key())).fingerprint);
}

TEST(Record, BelongsToTheSessionOfOneNas) {
  const Bytes first = record().sign_request(client_key());
  EXPECT_EQ(names(first).session, names(record(2).sign_request(client_key())).session);
  EXPECT_NE(names(first).session, names(record(1, "two").sign_request(client_key())).session);
  EXPECT_NE(names(first).session, names(first, *IpAddress::parse("192.0.2.8")).session);
  EXPECT_EQ(names(first).session >> 63, 0U) << "the database knows signed numbers alone";
}

TEST(Record, ThatHasNotWaitedHasNoDelay) {
  const Bytes sent = delivered(record().sign_request(client_key()), 0);
  EXPECT_FALSE(value_of(sent, Type::acct_delay_time));
  EXPECT_EQ(value_of(sent, Type::proxy_state), Bytes(kMark.begin(), kMark.end()));
}

TEST(Record, GetsItsTimeInTheSpoolAsDelay) {
  const Bytes sent = delivered(record().sign_request(client_key()), 0x0102);
  EXPECT_EQ(value_of(sent, Type::acct_delay_time), (Bytes{0, 0, 1, 2}));
}

TEST(Record, RaisesTheDelayThatItCameWith) {
  const Bytes sent = delivered(record()
                                   .add(Type::acct_delay_time, Bytes{0, 0, 0, 40})
                                   .add(Type::user_name, "alice")
                                   .sign_request(client_key()),
                               2);
  EXPECT_EQ(value_of(sent, Type::acct_delay_time), (Bytes{0, 0, 0, 42}));
  EXPECT_EQ(value_of(sent, Type::user_name), (Bytes{'a', 'l', 'i', 'c', 'e'}));
}

TEST(Record, NeverTurnsTheDelayOver) {
  const Bytes sent = delivered(
      record().add(Type::acct_delay_time, Bytes{255, 255, 255, 250}).sign_request(client_key()),
      100);
  EXPECT_EQ(value_of(sent, Type::acct_delay_time), (Bytes{255, 255, 255, 255}));
}

TEST(Record, ADelayThatIsNoneStaysAndOursComesBehind) {
  const Bytes sent =
      delivered(record().add(Type::acct_delay_time, Bytes{1}).sign_request(client_key()), 3);
  EXPECT_EQ(value_of(sent, Type::acct_delay_time), (Bytes{1}));
  EXPECT_EQ(radius::PacketView::parse(sent)->count(), 5U);
}

TEST(Record, TooLongForTheDelayIsRefusedBeforeItIsStored) {
  PacketBuilder builder = record();
  for (int i = 0; i < 16; ++i) builder.add(Type::reply_message, Bytes(247));
  const Bytes octets = builder.sign_request(client_key());
  ASSERT_LE(octets.size() + 10, radius::kMaxPacketOctets);
  EXPECT_FALSE(delivered(octets, 0).empty());
  PacketBuilder longer = builder;
  longer.add(Type::reply_message, Bytes(radius::kMaxPacketOctets - octets.size() - 2 - 10));
  EXPECT_FALSE(delivered(longer.sign_request(client_key()), 0).empty());
  EXPECT_TRUE(delivered(longer.sign_request(client_key()), 1).empty());
}

TEST(RecordRing, GivesBackWhatItTookInOrderAcrossItsEnd) {
  RecordRing ring(8'192);
  Bytes room(radius::kMaxPacketOctets);
  StorageRequest out;
  EXPECT_TRUE(ring.empty());
  EXPECT_FALSE(ring.pop(out, room));
  for (std::uint32_t round = 0; round < 200; ++round) {
    const Bytes packet(20 + round * 17 % 4'000, static_cast<std::uint8_t>(round));
    ASSERT_TRUE(ring.push({.ticket = {round}, .client = kClient, .packet = packet}));
    ASSERT_FALSE(ring.empty());
    ASSERT_TRUE(ring.pop(out, room));
    EXPECT_EQ(out.ticket.value, round);
    EXPECT_EQ(out.client, kClient);
    EXPECT_EQ(Bytes(out.packet.begin(), out.packet.end()), packet);
  }
}

TEST(RecordRing, SaysWhenItHasNoRoom) {
  RecordRing ring(8'192);
  const Bytes packet(4'000, 1);
  const StorageRequest request{.ticket = {1}, .client = kClient, .packet = packet};
  EXPECT_TRUE(ring.push(request));
  EXPECT_TRUE(ring.push(request));
  EXPECT_FALSE(ring.push(request));
  Bytes room(radius::kMaxPacketOctets);
  StorageRequest out;
  EXPECT_TRUE(ring.pop(out, room));
  EXPECT_TRUE(ring.push(request));
}

}  // namespace
}  // namespace sallyport::radius_door
