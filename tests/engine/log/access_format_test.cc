#include "engine/log/access_format.h"

#include <gtest/gtest.h>

namespace sallyport::log {
namespace {

using http_door::AccessEnd;
using http_door::AccessRecord;

std::string line_of(const AccessRecord& record, LineStyle style) {
  fmt::memory_buffer out;
  append_access_line(out, style, record);
  return fmt::to_string(out);
}

AccessRecord granted() {
  AccessRecord record;
  record.at_unix_ms = 1'700'000'000'123;
  record.visitor = IpAddress::parse("2001:db8::1").value();
  record.peer = {.address = IpAddress::parse("10.0.0.7").value(), .port = 4711};
  record.status = 200;
  record.end = AccessEnd::access_ended;
  record.admission = http_door::Verdict::granted;
  record.http2 = true;
  record.grant = 17;
  record.request_octets = 5;
  record.response_octets = 12'345;
  record.total_ms = 42;
  record.shard = 1;
  record.method.assign("GET");
  record.host.assign("www.example.net");
  record.path.assign("/a");
  record.route.assign("rest");
  record.user.assign("alice");
  return record;
}

TEST(AccessFormat, IsOneObjectALine) {
  EXPECT_EQ(line_of(granted(), LineStyle::json),
            R"({"time":"2023-11-14T22:13:20.123Z","level":"info","component":"access",)"
            R"("event":"request","visitor":"2001:db8::1","peer":"10.0.0.7:4711","method":"GET",)"
            R"("host":"www.example.net","path":"/a","version":"2","route":"rest",)"
            R"("admission":"granted","user":"alice","grant":17,"status":200,)"
            R"("outcome":"access_ended","request_octets":5,"response_octets":12345,)"
            R"("total_ms":42,"shard":1})"
            "\n");
}

TEST(AccessFormat, IsOneLineForPeople) {
  EXPECT_EQ(line_of(granted(), LineStyle::human),
            "2023-11-14T22:13:20.123Z request 200 visitor=2001:db8::1 peer=10.0.0.7:4711 "
            "method=\"GET\" host=\"www.example.net\" path=\"/a\" route=\"rest\" "
            "admission=granted user=\"alice\" grant=17 outcome=access_ended request_octets=5 "
            "response_octets=12345 total=42ms shard=1\n");
}

TEST(AccessFormat, SaysWhatIsNotKnown) {
  const std::string line = line_of(AccessRecord{}, LineStyle::json);
  EXPECT_NE(line.find(R"("visitor":"unknown","peer":"unix")"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("admission":"none","status":0)"), std::string::npos) << line;
  EXPECT_EQ(line.find("whitelist"), std::string::npos) << line;
}

TEST(AccessFormat, StaysOneLineWhateverIsInIt) {
  AccessRecord record = granted();
  record.whitelist.assign("a\"\nb");
  record.path.assign("/\x1b[2J\n\"");
  for (const LineStyle style : {LineStyle::json, LineStyle::human}) {
    const std::string line = line_of(record, style);
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    EXPECT_EQ(line.find('\x1b'), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace sallyport::log
