#include "protocol/http/h1_body.h"

#include <string>

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

using Kind = BodyReader::Kind;

struct Outcome {
  std::string content;
  std::size_t octets = 0;  ///< of the message, framing included
  Kind last = Kind::need_more;
};

/// Feeds `text` in pieces of `piece` octets until the reader says end or bad.
Outcome run(BodyReader& reader, std::string_view text, std::size_t piece) {
  Outcome outcome;
  for (std::size_t end = 0; end < text.size();) {
    end = std::min(end + piece, text.size());
    for (;;) {
      const auto step = reader.next(as_octets(text.substr(outcome.octets, end - outcome.octets)));
      outcome.last = step.kind;
      if (step.kind == Kind::data) {
        EXPECT_GT(step.length, 0);
        outcome.content += text.substr(outcome.octets + step.skip, step.length);
      }
      outcome.octets += step.skip + step.length;
      if (step.kind == Kind::end || step.kind == Kind::bad) return outcome;
      if (step.kind == Kind::need_more) break;
    }
    EXPECT_EQ(outcome.octets, end);
  }
  return outcome;
}

Outcome run_chunked(std::string_view text, std::size_t piece = 1) {
  BodyReader reader;
  reader.start(Framing::chunked, 0);
  return run(reader, text, piece);
}

TEST(BodyReader, HasNothingToReadWithoutABody) {
  BodyReader reader;
  for (const auto& [framing, length] : {std::pair{Framing::none, 0}, {Framing::length, 0}}) {
    reader.start(framing, static_cast<std::uint64_t>(length));
    EXPECT_TRUE(reader.ended());
    EXPECT_EQ(reader.next(as_octets("next")), (BodyReader::Step{.kind = Kind::end}));
  }
}

TEST(BodyReader, CountsALength) {
  BodyReader reader;
  reader.start(Framing::length, 5);
  EXPECT_EQ(reader.next(as_octets("ab")), (BodyReader::Step{Kind::data, 0, 2}));
  EXPECT_EQ(reader.next({}), (BodyReader::Step{Kind::need_more, 0, 0}));
  EXPECT_FALSE(reader.ended());
  EXPECT_FALSE(reader.may_close());
  EXPECT_EQ(reader.next(as_octets("cdefg")), (BodyReader::Step{Kind::data, 0, 3}));
  EXPECT_TRUE(reader.ended());
  EXPECT_EQ(reader.next(as_octets("fg")), (BodyReader::Step{Kind::end, 0, 0}));
}

TEST(BodyReader, TakesAllUntilTheConnectionCloses) {
  BodyReader reader;
  reader.start(Framing::until_close, 0);
  EXPECT_TRUE(reader.may_close());
  EXPECT_EQ(reader.next(as_octets("abc")), (BodyReader::Step{Kind::data, 0, 3}));
  EXPECT_EQ(reader.next({}).kind, Kind::need_more);
  EXPECT_FALSE(reader.ended());
}

TEST(BodyReader, FindsChunksInPlace) {
  BodyReader reader;
  reader.start(Framing::chunked, 0);
  const std::string text = "5\r\nhello\r\n7;x=y\r\n, there\r\n0\r\n\r\nnext";
  EXPECT_EQ(reader.next(as_octets(text)), (BodyReader::Step{Kind::data, 3, 5}));
  EXPECT_EQ(reader.next(as_octets(text).subspan(8)), (BodyReader::Step{Kind::data, 9, 7}));
  EXPECT_EQ(reader.next(as_octets(text).subspan(24)), (BodyReader::Step{Kind::end, 7, 0}));
  EXPECT_TRUE(reader.ended());
}

TEST(BodyReader, ReadsTheSameInPiecesOfAnySize) {
  const std::string message =
      "5\r\nhello\r\nA\r\n0123456789\r\n1;ext=\"a b\"\r\n!\r\n000\r\nX: y\r\ngrpc-status: "
      "0\r\n\r\n";
  for (std::size_t piece = 1; piece <= message.size() + 4; ++piece) {
    SCOPED_TRACE(piece);
    BodyReader reader;
    reader.start(Framing::chunked, 0);
    const Outcome outcome = run(reader, message + "next", piece);
    EXPECT_EQ(outcome.last, Kind::end);
    EXPECT_EQ(outcome.content, "hello0123456789!");
    EXPECT_EQ(outcome.octets, message.size());
    EXPECT_EQ(reader.trailers().find("grpc-status"), "0");
    EXPECT_EQ(reader.trailers().size(), 2);
  }
}

TEST(BodyReader, IsUsedAgain) {
  BodyReader reader;
  reader.start(Framing::chunked, 0);
  EXPECT_EQ(run(reader, "0\r\nX: y\r\n\r\n", 3).last, Kind::end);
  reader.start(Framing::chunked, 0);
  EXPECT_EQ(reader.trailers().size(), 0);
  EXPECT_EQ(run(reader, "1\r\na\r\n0\r\n\r\n", 3).content, "a");
  reader.start(Framing::chunked, 0);
  EXPECT_EQ(run(reader, "x", 3).last, Kind::bad);
  EXPECT_EQ(reader.next(as_octets("0\r\n\r\n")).kind, Kind::bad);
  reader.start(Framing::chunked, 0);
  EXPECT_EQ(run(reader, "0\r\n\r\n", 3).last, Kind::end);
}

TEST(BodyReader, RefusesMalformedChunks) {
  for (const std::string_view text : {"\r\n",
                                      "g\r\n",
                                      " 5\r\nhello\r\n",
                                      "5 \r\nhello\r\n",
                                      "5\nhello\r\n",
                                      "5\rhello",
                                      "5\r\nhello0\r\n\r\n",
                                      "5\r\nhello\n0\r\n\r\n",
                                      "5\r\nhello\rX",
                                      "5\r\nhello\r\n\r\n",
                                      "+5\r\n",
                                      "-5\r\n",
                                      "0x5\r\nhello\r\n",
                                      "5_0\r\n",
                                      "5,5\r\n",
                                      "5;a\nb\r\n",
                                      "5;a\x01\r\n",
                                      "5;a\x7f\r\n",
                                      "5;a\"\r\n\"\r\nhello",
                                      "1000000000000000\r\n",
                                      "0000000000000005\r\nhello\r\n",
                                      "fffffffffffffffff\r\n",
                                      "0\r\nX: y\n\r\n",
                                      "0\r\n folded: x\r\n\r\n",
                                      "0\r\nX: y\r\n z\r\n\r\n",
                                      "0\r\nX : y\r\n\r\n",
                                      "0\r\nno colon\r\n\r\n",
                                      "0\r\nX: a\x01\r\n\r\n",
                                      "0\r\n\n",
                                      "0\r\n\rX\r\n\r\n"}) {
    EXPECT_EQ(run_chunked(text, 1).last, Kind::bad) << text;
    EXPECT_EQ(run_chunked(text, text.size()).last, Kind::bad) << text;
  }
  EXPECT_EQ(run_chunked(std::string("5;a\0\r\nhello\r\n", 13)).last, Kind::bad);
  EXPECT_EQ(run_chunked("fffffffffffffff\r\nx").content, "x");
}

TEST(BodyReader, BoundsWhatIsNoContent) {
  const auto chunk = [](std::size_t extension) {
    return "1;" + std::string(extension, 'x') + "\r\na\r\n";
  };
  EXPECT_EQ(run_chunked(chunk(256) + "0\r\n\r\n").last, Kind::end);
  EXPECT_EQ(run_chunked(chunk(257) + "0\r\n\r\n").last, Kind::bad);

  std::string costly;
  for (int i = 0; i < 100; ++i) costly += chunk(200);
  EXPECT_EQ(run_chunked(costly, costly.size()).last, Kind::bad);
  std::string fair;
  for (int i = 0; i < 10'000; ++i) fair += "1\r\na\r\n";
  EXPECT_EQ(run_chunked(fair + "0\r\n\r\n", 1000).last, Kind::end);

  const auto trailer = [](std::size_t octets) {
    return "0\r\nX:" + std::string(octets - 6, 'x') + "\r\n\r\n";
  };
  for (const std::size_t piece : {1U, 7U, 10'000U}) {
    EXPECT_EQ(run_chunked(trailer(kMaxTrailerOctets), piece).last, Kind::end);
    EXPECT_EQ(run_chunked(trailer(kMaxTrailerOctets + 1), piece).last, Kind::bad);
  }
  std::string many = "0\r\n";
  for (std::uint32_t i = 0; i < kMaxTrailerFields; ++i) many += "X: y\r\n";
  EXPECT_EQ(run_chunked(many + "\r\n").last, Kind::end);
  EXPECT_EQ(run_chunked(many + "X: y\r\n\r\n").last, Kind::bad);
}

std::string chunk_line(std::uint64_t size) {
  std::array<std::uint8_t, kMaxChunkLineOctets> line;
  return std::string(as_text(line).substr(0, write_chunk_line(size, line)));
}

TEST(ChunkWriter, WritesSizesInHexadecimal) {
  EXPECT_EQ(chunk_line(1), "1\r\n");
  EXPECT_EQ(chunk_line(15), "f\r\n");
  EXPECT_EQ(chunk_line(16), "10\r\n");
  EXPECT_EQ(chunk_line(0x1a2b), "1a2b\r\n");
  EXPECT_EQ(chunk_line(~std::uint64_t{0}), "ffffffffffffffff\r\n");
}

TEST(ChunkWriter, WritesTheLastChunk) {
  Fields trailers;
  std::array<std::uint8_t, 64> room;
  const auto last = [&](std::size_t octets) {
    return as_text(room).substr(0, write_last_chunk(trailers, MutableOctets(room).first(octets)));
  };
  EXPECT_EQ(last(64), kLastChunk);
  EXPECT_EQ(last(4), "");
  trailers.add("grpc-status", "0");
  EXPECT_EQ(last(64), "0\r\ngrpc-status: 0\r\n\r\n");
  EXPECT_EQ(last(20), "");
  EXPECT_EQ(last(21).size(), 21);
}

}  // namespace
}  // namespace sallyport::http
