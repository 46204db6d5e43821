// HTTP/2 connections as wholes: how they begin, what bounds them, and which behaviour ends them
// (CVE-2023-44487 and its relatives).

#include "tests/engine/http/h2_talk.h"

namespace sallyport::http_door {
namespace {

TEST(H2ProtocolConnection, APrefaceThatIsNoneEndsIt) {
  Talk talk(false);
  talk.send("GET / HTTP/1.1\r\nHost: example.net\r\n\r\n");
  EXPECT_EQ(talk.goaway(), std::uint32_t{NGHTTP2_PROTOCOL_ERROR});
  EXPECT_TRUE(talk.server_.finished());
}

TEST(H2ProtocolConnection, SettingsComeFirst) {
  Talk talk(false);
  talk.send(std::string(kPreface) + frame(NGHTTP2_PING, 0, 0, "12345678"));
  EXPECT_EQ(talk.goaway(), std::uint32_t{NGHTTP2_PROTOCOL_ERROR});
}

TEST(H2ProtocolConnection, SaysItsSettingsFirst) {
  Talk talk;
  ASSERT_FALSE(talk.frames_.empty());
  EXPECT_EQ(talk.frames_[0].type, NGHTTP2_SETTINGS);
  const auto has = [&](std::uint16_t id, std::uint32_t value) {
    return talk.frames_[0].payload.find(big_endian(id, 2) + big_endian(value)) != std::string::npos;
  };
  EXPECT_TRUE(has(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 4));
  EXPECT_TRUE(has(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kH2StreamWindow));
  EXPECT_TRUE(has(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 4096));
  EXPECT_TRUE(has(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1));
}

TEST(H2ProtocolConnection, APingIsAnsweredWithItsOctets) {
  Talk talk;
  talk.send(frame(NGHTTP2_PING, 0, 0, "12345678") + frame(NGHTTP2_PING, kAck, 0, "abcdefgh"));
  ASSERT_EQ(talk.count(NGHTTP2_PING, kAck), 1u);
  EXPECT_EQ(talk.frames_.back().payload, "12345678");
}

TEST(H2ProtocolConnection, MoreStreamsThanAllowedAreRefused) {
  Talk talk;
  talk.send(frame(NGHTTP2_SETTINGS, kAck, 0, ""));
  Hpack hpack;
  for (std::uint32_t id = 1; id <= 9; id += 2) {
    talk.send(frame(NGHTTP2_HEADERS, kWhole, id, hpack.block(kGet)));
  }
  EXPECT_EQ(talk.exchanges_.size(), 4u);
  EXPECT_TRUE(talk.reset(9) || talk.goaway());
}

TEST(H2ProtocolConnection, ATargetThatIsTooLongIsA414) {
  Talk talk;
  talk.send(headers(1, with(":path", "/" + std::string(1000, 'a'))));
  EXPECT_THAT(talk.statuses_, testing::ElementsAre(414));
  EXPECT_TRUE(talk.alive());
}

TEST(H2ProtocolConnection, AHeadThatIsTooLargeIsA431) {
  Talk talk;
  FieldList many = kGet;
  for (int i = 0; i < 60; ++i) many.emplace_back("x-" + std::to_string(i), "y");
  talk.send(headers(1, many));
  talk.send(headers(3, with("x", std::string(6000, 'y'))));
  EXPECT_THAT(talk.statuses_, testing::ElementsAre(431, 431));
  EXPECT_TRUE(talk.alive());
  EXPECT_TRUE(talk.exchanges_.empty());
}

// --- Floods ------------------------------------------------------------------------------------

TEST(H2Flood, AHeadBeyondAllMeasureEndsTheConnection) {
  Talk talk;
  // One field of 2,900 octets into the table, then again and again by an octet each: 3 MB.
  FieldList fields = kGet;
  fields.emplace_back("x", std::string(2900, 'y'));
  Hpack hpack;
  std::string block = hpack.block(fields);
  block.append(1000, '\xbe');
  talk.send(frame(NGHTTP2_HEADERS, kWhole, 1, block));
  EXPECT_EQ(talk.goaway(), std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  EXPECT_TRUE(talk.server_.flooded());
  EXPECT_TRUE(talk.exchanges_.empty());
}

TEST(H2Flood, ContinuationsWithoutEndEndTheConnection) {
  Talk talk;
  talk.send(headers(1, kGet, kEndStream));
  for (int i = 0; i < 10'000 && !talk.server_.finished(); ++i) {
    talk.send(frame(NGHTTP2_CONTINUATION, 0, 1, ""));
  }
  EXPECT_TRUE(talk.server_.finished());
  EXPECT_TRUE(talk.exchanges_.empty());
}

TEST(H2Flood, RapidResetEndsTheConnection) {
  Talk talk;
  Hpack hpack;
  std::uint32_t id = 1;
  std::uint32_t sent = 0;
  for (; sent < 10'000 && !talk.goaway(); ++sent, id += 2) {
    talk.send(frame(NGHTTP2_HEADERS, kWhole, id, hpack.block(kGet)));
    talk.send(frame(NGHTTP2_RST_STREAM, 0, id, big_endian(NGHTTP2_CANCEL)));
  }
  EXPECT_EQ(talk.goaway(), std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  EXPECT_GE(sent, 128u);
  EXPECT_LE(sent, 300u);
  EXPECT_TRUE(talk.server_.finished());
}

TEST(H2Flood, StreamsThatHeMakesUsResetEndTheConnection) {
  Talk talk;
  Hpack hpack;
  std::uint32_t id = 1;
  std::uint32_t sent = 0;
  for (; sent < 10'000 && !talk.goaway(); ++sent, id += 2) {
    talk.send(frame(NGHTTP2_HEADERS, kWhole, id, hpack.block(kGet)));
    talk.send(frame(NGHTTP2_WINDOW_UPDATE, 0, id, big_endian(0x7fff'ffff)));
  }
  EXPECT_EQ(talk.goaway(), std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  EXPECT_LE(sent, 600u);
}

TEST(H2Flood, SomeResetsNowAndThenAreFine) {
  Talk talk;
  Hpack hpack;
  std::uint32_t id = 1;
  // nghttp2 has a limit of its own behind ours, by the real clock: 1,000 at once.
  for (int i = 0; i < 900; ++i, id += 2) {
    talk.now_ms_ += 100;
    talk.send(frame(NGHTTP2_HEADERS, kWhole, id, hpack.block(kGet)));
    talk.send(frame(NGHTTP2_RST_STREAM, 0, id, big_endian(NGHTTP2_CANCEL)));
  }
  EXPECT_TRUE(talk.alive());
}

class H2Nuisance : public testing::TestWithParam<Case> {};

TEST_P(H2Nuisance, EndsTheConnection) {
  Talk talk;
  talk.send(headers(1, kGet, kEndHeaders));
  for (int i = 0; i < 3000 && !talk.server_.finished(); ++i) talk.send(GetParam().octets);
  EXPECT_TRUE(talk.server_.finished());
  EXPECT_TRUE(talk.server_.flooded());
}

TEST_P(H2Nuisance, IsFineNowAndThen) {
  Talk talk;
  talk.send(headers(1, kGet, kEndHeaders));
  for (int i = 0; i < 3000; ++i) {
    talk.now_ms_ += 50;
    talk.send(GetParam().octets);
  }
  EXPECT_TRUE(talk.alive());
}

INSTANTIATE_TEST_SUITE_P(
    Flood, H2Nuisance,
    testing::Values(
        Case{"PING", frame(NGHTTP2_PING, 0, 0, "12345678"), Case::End::fine},
        Case{"PING acknowledged", frame(NGHTTP2_PING, kAck, 0, "12345678"), Case::End::fine},
        Case{"SETTINGS", frame(NGHTTP2_SETTINGS, 0, 0, ""), Case::End::fine},
        Case{"PRIORITY", frame(NGHTTP2_PRIORITY, 0, 1, std::string(5, '\0')), Case::End::fine},
        Case{"empty DATA", frame(NGHTTP2_DATA, 0, 1, ""), Case::End::fine},
        Case{"padding", frame(NGHTTP2_DATA, kPadded, 1, std::string("\x04") + "1234"),
             Case::End::fine},
        Case{"WINDOW_UPDATE", frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(1)), Case::End::fine},
        Case{"unknown", frame(0x42, 0, 0, "x"), Case::End::fine}),
    name_of);

TEST(H2Flood, AFloodInOnePieceIsToldOf) {
  Talk talk;
  std::string many;
  for (int i = 0; i < 900; ++i) many += frame(NGHTTP2_PING, 0, 0, "12345678");
  talk.send(many);
  EXPECT_EQ(talk.goaway(), std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  EXPECT_TRUE(talk.server_.flooded());
}

TEST(H2Flood, AVisitorWhoReadsNothingIsNotAnsweredForEver) {
  Talk talk;
  talk.wire_.limit = 1;
  Hpack hpack;
  std::string many;
  for (std::uint32_t id = 1; id < 20'001; id += 2) {
    many += frame(NGHTTP2_HEADERS, kWhole, id, hpack.block(kGet));
  }
  talk.send(many);
  EXPECT_TRUE(talk.server_.flooded());
}

}  // namespace
}  // namespace sallyport::http_door
