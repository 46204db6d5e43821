#include "bench/load/load_report.h"

#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/load/progress.h"
#include "bench/simulators/clock.h"
#include "bench/simulators/text.h"

namespace sallyport::lab {
namespace {

double us(std::uint64_t ns) { return static_cast<double>(ns) / 1e3; }

const char* mode_of(const LoadSettings& settings) {
  if (!settings.ramp.empty()) return "ramp";
  if (settings.search) return "search";
  return settings.stage.pace == Pace::window ? "closed" : "open";
}

double cpu_us_per_request(const StageResult& result) {
  if (result.tally.requests == 0) return 0;
  return us(result.cpu_ns) / static_cast<double>(result.tally.requests);
}

std::string counts_json(const Tally& tally) {
  return fmt::format(
      R"("requests":{},"answers":{},"accepts":{},"rejects":{},"lost":{},"late":{},"wrong":{},)"
      R"("duplicates_sent":{},"duplicate_answers":{},"differing_answers":{},)"
      R"("retransmissions":{},"refused":{},"unanswered":{})",
      tally.requests, tally.answers, tally.accepts, tally.rejects, tally.lost, tally.late_answers,
      tally.wrong_answers, tally.duplicates_sent, tally.duplicate_answers, tally.differing_answers,
      tally.retransmissions, tally.refused, tally.unanswered);
}

std::string latency_json(const Histogram& latency) {
  std::string json = fmt::format(
      R"("latency_us":{{"min":{:.1f},"mean":{:.1f},"p50":{:.1f},"p90":{:.1f},"p99":{:.1f},)"
      R"("p999":{:.1f},"max":{:.1f}}},"histogram":[)",
      us(latency.min()), latency.mean() / 1e3, us(latency.quantile(0.5)), us(latency.quantile(0.9)),
      us(latency.quantile(0.99)), us(latency.quantile(0.999)), us(latency.max()));
  const char* comma = "";
  for (const Histogram::Bucket& bucket : latency.buckets()) {
    fmt::format_to(std::back_inserter(json), "{}[{:.3f},{}]", comma, us(bucket.upper_ns),
                   bucket.count);
    comma = ",";
  }
  return json + "]";
}

std::string generator_json(const LoadSettings& settings, const LoadResult& result) {
  const Tally& tally = result.stage.tally;
  return fmt::format(
      R"("generator":{{"cpu_us_per_request":{:.3f},"busy":{:.3f},"was_limit":{},"limit":"{}",)"
      R"("sent_late":{},"unsent":{},"threads":{}}})",
      cpu_us_per_request(result.stage), result.stage.busy, result.limit != Limit::none,
      to_text(result.limit), tally.sent_late, tally.unsent, settings.threads);
}

std::string step_json(const Step& step) {
  const Histogram& latency = step.result.tally.latency;
  return fmt::format(
      R"({{"offered":{:.1f},"rate":{:.1f},"loss":{:.6f},"p50_us":{:.1f},"p99_us":{:.1f},)"
      R"("p999_us":{:.1f},"held":{},"limit":"{}"}})",
      step.offered, step.result.rate(), step.result.loss(), us(latency.quantile(0.5)),
      us(latency.quantile(0.99)), us(latency.quantile(0.999)), step.held,
      to_text(limit_of(step.result)));
}

std::string second_json(const SecondOfAll& second) {
  return fmt::format(R"({{"t_s":{},"rate":{:.1f},"p50_us":{:.1f},"p99_us":{:.1f}}})", second.number,
                     second.rate, us(second.p50_ns), us(second.p99_ns));
}

template <typename Items, typename ToJson>
std::string array_json(const Items& items, ToJson to_json) {
  std::vector<std::string> parts;
  parts.reserve(items.size());
  for (const auto& item : items) parts.push_back(to_json(item));
  return fmt::format("[{}]", fmt::join(parts, ","));
}

}  // namespace

std::string load_report_json(const LoadSettings& settings, const LoadResult& result,
                             const std::vector<std::string>& command) {
  const StageResult& stage = result.stage;
  const std::vector<std::string> parts = {
      fmt::format(R"("schema":1,"kind":"radius-load","version":"{}","started":"{}")",
                  SALLYPORT_VERSION, iso8601(result.started_unix_ms)),
      R"("command":)" + array_json(command,
                                   [](const std::string& word) {
                                     return json_quote(is_utf8(word) ? word : "?");
                                   }),
      fmt::format(R"("target":{},"method":"{}","mode":"{}")", json_quote(settings.target.text()),
                  to_text(settings.workload.method), mode_of(settings)),
      result.offered > 0 ? fmt::format(R"("offered_rate":{:.1f})", result.offered)
                         : std::string(R"("offered_rate":null)"),
      fmt::format(R"("rate":{:.1f},"duration_s":{:.3f},"loss":{:.6f})", stage.rate(),
                  static_cast<double>(stage.elapsed_ns) / 1e9, stage.loss()),
      counts_json(stage.tally),
      latency_json(stage.tally.latency),
      generator_json(settings, result),
      R"("series":)" + array_json(result.series, second_json),
      R"("steps":)" + array_json(result.steps, step_json),
      fmt::format(R"("interrupted":{},"failure":{})", result.interrupted,
                  result.failure ? json_quote(*result.failure) : "null")};
  return fmt::format("{{{}}}\n", fmt::join(parts, ","));
}

std::string load_report_text(const LoadSettings& settings, const LoadResult& result) {
  const StageResult& stage = result.stage;
  const Tally& tally = stage.tally;
  const Histogram& latency = tally.latency;
  std::string text;
  const auto out = std::back_inserter(text);
  if (!result.steps.empty() && !is_held(stage, settings.bounds)) {
    fmt::format_to(out, "no rate was held: the last one tried was\n");
  } else if (!result.steps.empty()) {
    fmt::format_to(out, "highest rate held: {:.0f}/s\n", result.offered);
  }
  fmt::format_to(out, "{}: {} requests, {:.0f} answers/s over {:.1f} s",
                 to_text(settings.workload.method), tally.requests, stage.rate(),
                 static_cast<double>(stage.elapsed_ns) / 1e9);
  if (result.offered > 0) fmt::format_to(out, ", {:.0f}/s offered", result.offered);
  fmt::format_to(out, "\n  accepts {}  rejects {}  lost {} ({:.4f} %)  late {}  wrong {}\n",
                 tally.accepts, tally.rejects, tally.lost, stage.loss() * 100, tally.late_answers,
                 tally.wrong_answers);
  if (tally.duplicates_sent + tally.retransmissions + tally.duplicate_answers > 0) {
    fmt::format_to(out, "  duplicates {}, answered {}, differing {}  retransmissions {}\n",
                   tally.duplicates_sent, tally.duplicate_answers, tally.differing_answers,
                   tally.retransmissions);
  }
  fmt::format_to(out, "  latency p50 {}  p90 {}  p99 {}  p99.9 {}  max {}\n",
                 readable_time(latency.quantile(0.5)), readable_time(latency.quantile(0.9)),
                 readable_time(latency.quantile(0.99)), readable_time(latency.quantile(0.999)),
                 readable_time(latency.max()));
  fmt::format_to(out, "  generator {:.2f} us CPU a request, {:.0f} % busy, {} late, {} unsent\n",
                 cpu_us_per_request(stage), stage.busy * 100, tally.sent_late, tally.unsent);
  if (result.limit != Limit::none) {
    fmt::format_to(out, "  the generator was the limit ({}), not the server\n",
                   to_text(result.limit));
  }
  if (result.interrupted) fmt::format_to(out, "  ended early, {} unanswered\n", tally.unanswered);
  return text;
}

}  // namespace sallyport::lab
