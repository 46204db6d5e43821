// The pure parts of the Redis store.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "verify/store/redis_pool.h"
#include "verify/store/redis_records.h"
#include "verify/store/redis_reply.h"
#include "verify/store/redis_slot.h"

namespace sallyport::verify {
namespace {

TEST(RedisReply, IsReadInAnyPieces) {
  std::string text = "*4\r\n$3\r\na";
  text += '\0';
  text += "b\r\n:-7\r\n$-1\r\n*1\r\n+OK\r\n-MOVED 1 h:2\r\n";
  for (std::size_t piece = 1; piece <= 7; ++piece) {
    RedisReplyReader reader;
    std::vector<RedisReply> replies;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      ASSERT_TRUE(reader.feed(std::string_view(text).substr(at, piece)));
      for (auto next = reader.next(); next.has_value() && *next; next = reader.next()) {
        replies.push_back(**next);
      }
    }
    ASSERT_EQ(replies.size(), 2U);
    ASSERT_EQ(replies[0].elements.size(), 4U);
    EXPECT_EQ(replies[0].elements[0].text, std::string("a\0b", 3));
    EXPECT_EQ(replies[0].elements[1].integer, -7);
    EXPECT_EQ(replies[0].elements[2].type, RedisReply::Type::nil);
    EXPECT_EQ(replies[0].elements[3].elements[0].text, "OK");
    EXPECT_TRUE(replies[1].is_error());
    EXPECT_EQ(replies[1].error_word(), "MOVED");
  }
}

TEST(RedisReply, WhatIsNotRedisIsRefused) {
  RedisReplyReader reader;
  ASSERT_TRUE(reader.feed("HTTP/1.1 400 Bad Request\r\n\r\n"));
  EXPECT_FALSE(reader.next().has_value());
}

TEST(RedisReply, ACommandIsWrittenWithItsLengths) {
  EXPECT_EQ(to_wire({"GET", "a b", ""}), "*3\r\n$3\r\nGET\r\n$3\r\na b\r\n$0\r\n\r\n");
}

// The first from the cluster specification; the others as CLUSTER KEYSLOT answers.
TEST(RedisSlot, IsThatOfTheServers) {
  EXPECT_EQ(redis_slot("123456789"), 0x31c3 % kRedisSlots);
  EXPECT_EQ(redis_slot("foo"), 12'182);
  EXPECT_EQ(redis_slot("a{foo}b{bar}"), 12'182);
  EXPECT_EQ(redis_slot(""), 0);
  EXPECT_NE(redis_slot("{}foo"), redis_slot("foo"));
}

TEST(RedisRecords, OnlyWhatWeHaveWrittenIsRead) {
  const auto record = read_redis_record("1700:42:a:b");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->until_ms, 1'700U);
  EXPECT_EQ(record->version, 42U);
  EXPECT_EQ(record->value, "a:b");
  for (const char* wrong : {"", ":", "1", "1:", "1:2", "x:2:v", "1:x:v", "-1:2:v", ":2:v",
                            "99999999999999999999:1:v"}) {
    EXPECT_FALSE(read_redis_record(wrong).has_value()) << wrong;
  }
}

TEST(RedisRecords, AChangeNamesItsRecord) {
  const RecordKey key{.kind = RecordKind::grant, .group = "g:", .id = "1+"};
  const std::string head = redis_change_head(key);
  const auto change = read_redis_change(RecordKind::grant, head + "+0:7:value");
  ASSERT_TRUE(change && change->record);
  EXPECT_EQ(change->key, key);
  EXPECT_EQ(change->record->value, "value");
  const auto removal = read_redis_change(RecordKind::grant, head + "-");
  ASSERT_TRUE(removal.has_value());
  EXPECT_EQ(removal->key, key);
  EXPECT_FALSE(removal->record.has_value());
  for (const std::string& wrong :
       {std::string(), head, head + "+", head + "+x", head + "--", head + "?", std::string("9:9:-"),
        std::string("600:1:-"), std::string("1:18446744073709551615:ab-")}) {
    EXPECT_FALSE(read_redis_change(RecordKind::grant, wrong).has_value()) << wrong;
  }
}

TEST(RedisPool, PausesGrowAndEndSomewhere) {
  for (std::uint32_t failures = 0; failures < 70; ++failures) {
    const std::uint64_t full =
        std::min<std::uint64_t>(std::uint64_t{20} << std::min(failures, 20U), 1'000);
    const std::uint64_t pause = back_off_ms(failures, 20, 1'000);
    EXPECT_GE(pause, full / 2);
    EXPECT_LE(pause, full);
  }
}

}  // namespace
}  // namespace sallyport::verify
