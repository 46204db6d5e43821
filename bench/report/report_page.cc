#include "bench/report/report_page.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/report/page_files.h"
#include "bench/simulators/text.h"
#include "simdjson.h"

namespace sallyport::lab {
namespace {

constexpr std::int64_t kSchema = 1;
constexpr std::array<std::string_view, 4> kKinds = {"comparison", "radius-load", "verify-transfers",
                                                    "verify-pending"};

/// No tag, comment or end of script can begin in it. In JSON a '<' stands only inside of strings.
std::string for_script_element(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

std::expected<std::string, std::string> checked(const ResultText& result) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  const simdjson::padded_string padded(result.json);
  if (const auto error = parser.parse(padded).get(document); error != simdjson::SUCCESS)
    return std::unexpected(
        fmt::format("{}: not JSON: {}", result.name, simdjson::error_message(error)));
  std::int64_t schema = 0;
  std::string_view kind;
  if (document["schema"].get(schema) != simdjson::SUCCESS ||
      document["kind"].get(kind) != simdjson::SUCCESS)
    return std::unexpected(fmt::format(
        "{}: not a result of sallyport-lab bench: it has no \"schema\" and \"kind\"", result.name));
  if (schema != kSchema)
    return std::unexpected(fmt::format("{}: a result of schema {}; this version reads schema {}",
                                       result.name, schema, kSchema));
  if (std::ranges::find(kKinds, kind) == kKinds.end())
    return std::unexpected(fmt::format("{}: results of kind {} are not known; known are {}",
                                       result.name, json_quote(kind), fmt::join(kKinds, ", ")));
  return simdjson::minify(document);
}

/// Puts `text` where the page names `place`; the page is ours, so it is there.
void fill(std::string& page, std::string_view place, std::string_view text) {
  page.replace(page.find(place), place.size(), text);
}

}  // namespace

std::expected<std::string, std::string> report_page(std::span<const ResultText> results,
                                                    std::string_view generated) {
  std::string data = fmt::format(R"({{"generated":{},"version":{},"results":[)",
                                 json_quote(generated), json_quote(SALLYPORT_VERSION));
  for (const ResultText& result : results) {
    const auto json = checked(result);
    if (!json) return std::unexpected(json.error());
    if (data.back() != '[') data += ',';
    data += fmt::format(R"({{"name":{},"result":{}}})", json_quote(result.name), *json);
  }
  data += "]}";

  std::string page(kReportHtml);
  fill(page, "/* style */", kReportCss);
  std::string script;
  for (const std::string_view part : {kFormatJs, kChartsJs, kSectionsJs, kReportJs}) script += part;
  fill(page, "/* script */", script);
  // Last: nothing is searched for in what came from outside.
  fill(page, "/* results */", for_script_element(data));
  return page;
}

}  // namespace sallyport::lab
