#include "engine/log/audit_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/engine/log/temporary_folder.h"

namespace sallyport::log {
namespace {

using radius_door::AuditQueue;
using radius_door::AuditRecord;

AuditRecord record_of(std::uint16_t producer, std::uint32_t number) {
  AuditRecord record;
  record.shard = producer;
  record.total_us = number * 1000;  // appears as total_ms
  return record;
}

std::uint32_t number_after(const std::string& line, std::string_view key) {
  const std::size_t at = line.find(key);
  EXPECT_NE(at, std::string::npos) << line;
  std::uint32_t value = 0;
  std::from_chars(line.data() + at + key.size(), line.data() + line.size(), value);
  return value;
}

TEST(AuditWriter, LosesNothingAndKeepsEachProducersOrder) {
  constexpr std::uint32_t kProducers = 4;
  constexpr std::uint32_t kRecords = 5'000;
  const TemporaryFolder folder;
  const std::string path = folder.file("audit");
  const auto output = Output::open(path).value();
  AuditQueue queue(256);  // small: the producers outrun it
  AuditWriter writer(queue, *output, LineStyle::json);
  writer.start();
  std::vector<std::thread> producers;
  for (std::uint16_t producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&queue, producer] {
      for (std::uint32_t number = 0; number < kRecords; ++number)
        while (!queue.try_push(record_of(producer, number))) std::this_thread::yield();
    });
  }
  for (std::thread& producer : producers) producer.join();
  writer.stop();

  EXPECT_EQ(writer.written(), kProducers * kRecords);
  EXPECT_EQ(writer.lost(), 0u);
  std::array<std::uint32_t, kProducers> next{};
  std::istringstream lines(contents(path));
  for (std::string line; std::getline(lines, line);) {
    const std::uint32_t producer = number_after(line, "\"shard\":");
    ASSERT_LT(producer, kProducers);
    ASSERT_EQ(number_after(line, "\"total_ms\":"), next[producer]++);
  }
  EXPECT_TRUE(std::ranges::all_of(next, [](std::uint32_t n) { return n == kRecords; }));
}

TEST(AuditWriter, DrainsWhatWasQueuedBeforeItStopped) {
  const TemporaryFolder folder;
  const std::string path = folder.file("audit");
  const auto output = Output::open(path).value();
  AuditQueue queue(1024);
  for (std::uint32_t i = 0; i < 1024; ++i) ASSERT_TRUE(queue.try_push(record_of(0, i)));
  AuditWriter writer(queue, *output, LineStyle::human);
  writer.start();
  writer.stop();
  EXPECT_EQ(std::ranges::count(contents(path), '\n'), 1024);
}

TEST(AuditWriter, SetsTheTimeOfRecordsThatHaveNone) {
  const TemporaryFolder folder;
  const auto output = Output::open(folder.file("audit")).value();
  AuditQueue queue(2);
  ASSERT_TRUE(queue.try_push(record_of(0, 1)));
  AuditWriter writer(queue, *output, LineStyle::json);
  writer.start();
  writer.stop();
  EXPECT_EQ(contents(folder.file("audit")).find("1970-"), std::string::npos);
}

TEST(AuditWriter, HoldsWhatAFullDiskRefusesAndWritesItLater) {
  const TemporaryFolder folder;
  const std::string path = folder.file("audit");
  std::filesystem::create_symlink("/dev/full", path);
  const auto output = Output::open(path).value();
  AuditQueue queue(64);
  AuditWriter writer(queue, *output, LineStyle::json);
  writer.start();
  // More than the queue holds goes in only once the writer holds a batch. It takes no second one:
  // the queue fills, and the doors notice.
  std::uint32_t pushed = 0;
  while (pushed <= 64) {
    if (queue.try_push(record_of(0, pushed)))
      ++pushed;
    else
      std::this_thread::yield();
  }
  while (queue.try_push(record_of(0, pushed))) ++pushed;
  EXPECT_EQ(writer.written(), 0u);

  std::filesystem::remove(path);  // there is room again
  ASSERT_TRUE(output->reopen().has_value());
  writer.stop();
  EXPECT_EQ(writer.written(), pushed);
  EXPECT_EQ(writer.lost(), 0u);
  EXPECT_EQ(std::ranges::count(contents(path), '\n'), pushed);
}

TEST(AuditWriter, EndsWithACountWhenTheDiskStaysFull) {
  const auto output = Output::open("/dev/full").value();
  AuditQueue queue(64);
  for (std::uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(queue.try_push(record_of(0, i)));
  AuditWriter writer(queue, *output, LineStyle::json);
  writer.start();
  writer.stop();
  EXPECT_EQ(writer.written(), 0u);
  EXPECT_EQ(writer.lost(), 10u);
}

}  // namespace
}  // namespace sallyport::log
