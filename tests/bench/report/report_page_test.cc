#include "bench/report/report_page.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simdjson.h"

namespace sallyport::lab {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::expected<std::string, std::string> page_of(std::string json, std::string name = "run.json") {
  const std::vector<ResultText> results = {{std::move(name), std::move(json)}};
  return report_page(results, "2026-11-22T02:12:44Z");
}

/// What the page's script will read.
std::string_view data_of(std::string_view page) {
  constexpr std::string_view kOpening = R"(<script type="application/json" id="results">)";
  const std::size_t begin = page.find(kOpening) + kOpening.size();
  return page.substr(begin, page.find("</script>", begin) - begin);
}

std::size_t count(std::string_view page, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = page.find(what); at != page.npos; at = page.find(what, at + 1)) ++found;
  return found;
}

TEST(ReportPage, CarriesTheResultsAndWhenItWasMade) {
  const std::vector<ResultText> results = {
      {"before.json", R"({"schema":1,"kind":"radius-load","rate":123.5})"},
      {"after.json", "{\n \"schema\": 1, \"kind\": \"comparison\" }\n"}};
  const auto page = report_page(results, "2026-11-22T02:12:44Z");
  ASSERT_TRUE(page) << page.error();
  EXPECT_THAT(*page, StartsWith("<!doctype html>"));
  EXPECT_THAT(*page, EndsWith("</html>\n"));

  simdjson::dom::parser parser;
  const simdjson::padded_string data(data_of(*page));
  const simdjson::dom::element read = parser.parse(data);
  EXPECT_EQ(std::string_view(read["generated"]), "2026-11-22T02:12:44Z");
  EXPECT_EQ(std::string_view(read["version"]), SALLYPORT_VERSION);
  EXPECT_EQ(simdjson::dom::array(read["results"]).size(), 2U);
  EXPECT_EQ(std::string_view(read["results"].at(0)["name"]), "before.json");
  EXPECT_EQ(double(read["results"].at(0)["result"]["rate"]), 123.5);
  EXPECT_EQ(std::string_view(read["results"].at(1)["result"]["kind"]), "comparison");
}

TEST(ReportPage, NeedsNothingBesideIt) {
  const auto page = page_of(R"({"schema":1,"kind":"radius-load"})");
  ASSERT_TRUE(page);
  EXPECT_THAT(*page, Not(HasSubstr(" src=")));
  EXPECT_THAT(*page, Not(HasSubstr("@import")));
  EXPECT_THAT(*page, Not(HasSubstr("/* script */")));
  EXPECT_THAT(*page, Not(HasSubstr("/* style */")));
}

TEST(ReportPage, DataCannotLeaveItsElement) {
  const std::string hostile = "</script><script>alert(1)</script><!--<script>";
  const auto page = page_of(R"({"schema":1,"kind":"radius-load","target":")" + hostile + "\"}",
                            hostile + "/* script */");
  ASSERT_TRUE(page) << page.error();
  const auto plain = page_of(R"({"schema":1,"kind":"radius-load"})");
  EXPECT_EQ(count(*page, "<script"), count(*plain, "<script"));
  EXPECT_EQ(count(*page, "</script"), count(*plain, "</script"));
  EXPECT_EQ(data_of(*page).find('<'), std::string_view::npos);

  simdjson::dom::parser parser;
  const simdjson::padded_string data(data_of(*page));
  const simdjson::dom::element read = parser.parse(data);
  EXPECT_EQ(std::string_view(read["results"].at(0)["result"]["target"]), hostile);
  EXPECT_EQ(std::string_view(read["results"].at(0)["name"]), hostile + "/* script */");
}

TEST(ReportPage, TellsWhatIsNoResult) {
  const auto error_of = [](std::string json) {
    const auto page = page_of(std::move(json));
    return page ? "none" : page.error();
  };
  EXPECT_THAT(error_of(""), StartsWith("run.json: not JSON"));
  EXPECT_THAT(error_of("{\"schema\":1"), StartsWith("run.json: not JSON"));
  EXPECT_THAT(error_of("[1,2]"), HasSubstr("not a result of sallyport-lab bench"));
  EXPECT_THAT(error_of("{\"rate\":1}"), HasSubstr("not a result of sallyport-lab bench"));
  EXPECT_THAT(error_of(R"({"schema":2,"kind":"radius-load"})"), HasSubstr("schema 2"));
  EXPECT_THAT(error_of(R"({"schema":1,"kind":"tea"})"), HasSubstr("known are comparison"));
}

}  // namespace
}  // namespace sallyport::lab
