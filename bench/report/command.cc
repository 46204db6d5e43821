#include "bench/report/command.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "bench/report/report_page.h"
#include "bench/simulators/clock.h"
#include "bench/simulators/simulate.h"
#include "bench/simulators/text.h"

namespace sallyport::lab {
namespace {

struct ReportOptions {
  std::vector<std::string> results;
  std::string output = "report.html";
};

std::expected<void, std::string> write_report(const ReportOptions& options) {
  std::vector<ResultText> results;
  for (const std::string& path : options.results) {
    if (!is_utf8(path)) return std::unexpected("the name of a result is not UTF-8");
    auto json = read_file(path);
    if (!json) return std::unexpected(json.error());
    results.push_back({std::filesystem::path(path).filename().string(), std::move(*json)});
  }
  const auto page = report_page(results, iso8601(unix_ms()));
  if (!page) return std::unexpected(page.error());
  std::ofstream file(options.output, std::ios::binary);
  file << *page;
  file.close();
  if (!file)
    return std::unexpected(
        fmt::format("{}: {}", options.output, std::generic_category().message(errno)));
  fmt::print("{}\n", options.output);
  return {};
}

}  // namespace

void add_bench_report(CLI::App& bench, Chosen& chosen) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* app = bench.add_subcommand("report", "One HTML page with charts out of results");
  app->add_option("result", options->results,
                  "JSON of bench radius, bench verify or scripts/bench; several are compared")
      ->required();
  app->add_option("--output", options->output, "Where the page is written")->capture_default_str();
  app->callback([options, &chosen] { chosen = [options] { return write_report(*options); }; });
}

}  // namespace sallyport::lab
