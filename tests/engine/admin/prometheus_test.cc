#include "engine/admin/prometheus.h"

#include <charconv>
#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/engine/admin/sample.h"

namespace sallyport::admin {
namespace {

using verify::Counter;
using verify::Histogram;

struct Parsed {
  std::string name;
  std::string labels;  ///< with braces, or empty
  double value = 0;
};

struct Family {
  std::string type;
  int helps = 0;
  int types = 0;
  std::vector<Parsed> samples;
};

/// Which family a sample belongs to: a histogram's samples have suffixes.
std::string family_of(const std::string& sample, const std::map<std::string, Family>& families) {
  for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
    if (!sample.ends_with(suffix)) continue;
    const std::string base = sample.substr(0, sample.size() - suffix.size());
    if (const auto it = families.find(base); it != families.end() && it->second.type == "histogram")
      return base;
  }
  return sample;
}

/// Reads the format as strictly as its description: every line is HELP, TYPE or a sample of the
/// family announced last.
std::map<std::string, Family> parse(const std::string& text) {
  static const std::regex kHelp(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (?:[^\\]|\\\\|\\n)*)");
  static const std::regex kType(R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram))");
  static const std::string kLabel = R"([a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\\\|\\"|\\n)*")";
  static const std::regex kSample("([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{" + kLabel + "(?:," + kLabel +
                                  R"()*\})? (\S+))");
  std::map<std::string, Family> families;
  std::string current;
  EXPECT_TRUE(text.ends_with('\n'));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, kHelp)) {
      current = match[1];
      ++families[current].helps;
    } else if (std::regex_match(line, match, kType)) {
      EXPECT_EQ(match[1], current) << "TYPE follows its HELP";
      EXPECT_TRUE(families[current].samples.empty());
      families[current].type = match[2];
      ++families[current].types;
    } else if (std::regex_match(line, match, kSample)) {
      EXPECT_EQ(family_of(match[1], families), current) << line;
      families[current].samples.push_back({match[1], match[2], std::stod(match[3])});
    } else {
      ADD_FAILURE() << "not of the format: " << line;
    }
  }
  return families;
}

/// The struct as the plain row of counters that it is: no member can hide from the test.
template <typename Metrics>
std::span<Counter> counters_of(Metrics& metrics) {
  static_assert(sizeof(Metrics) % sizeof(Counter) == 0);
  return {reinterpret_cast<Counter*>(&metrics), sizeof(Metrics) / sizeof(Counter)};
}

bool in_histogram(const Counter& counter, std::initializer_list<const Histogram*> histograms) {
  for (const Histogram* histogram : histograms) {
    const auto* begin = reinterpret_cast<const Counter*>(histogram);
    if (&counter >= begin && &counter < begin + sizeof(Histogram) / sizeof(Counter)) return true;
  }
  return false;
}

/// What the log is told is no metric.
bool in_refusals(const Counter& counter, const radius_door::RefusalNotes& refusals) {
  const auto* begin = reinterpret_cast<const Counter*>(&refusals);
  return &counter >= begin && &counter < begin + sizeof(refusals) / sizeof(Counter);
}

TEST(Prometheus, EveryFamilyIsAnnouncedOnceAndNamedByTheRules) {
  const Sample sample;
  const auto families = parse(prometheus_text(sample.snapshot()));
  EXPECT_GT(families.size(), 50u);
  for (const auto& [name, family] : families) {
    SCOPED_TRACE(name);
    EXPECT_EQ(family.helps, 1);
    EXPECT_EQ(family.types, 1);
    EXPECT_FALSE(family.samples.empty());
    EXPECT_TRUE(name.starts_with("sallyport_") || name.starts_with("process_"));
    EXPECT_EQ(name.ends_with("_total"), family.type == "counter");
    EXPECT_TRUE(family.type != "histogram" || name.ends_with("_seconds"));
    std::set<std::string> seen;
    for (const Parsed& parsed : family.samples)
      EXPECT_TRUE(seen.insert(parsed.name + parsed.labels).second) << "twice: " << parsed.labels;
  }
}

TEST(Prometheus, EveryCounterOfTheDoorsAndOfVerifyIsShown) {
  Sample sample;
  std::set<std::uint64_t> expected;
  std::uint64_t next = 7'000'000'000;
  auto& radius = sample.shard_metrics[0];
  for (Counter& counter : counters_of(radius)) {
    if (in_histogram(counter, {&radius.downstream_latency, &radius.verdict_latency,
                               &radius.total_latency}) ||
        in_refusals(counter, radius.refusals))
      continue;
    counter.set(++next);
    expected.insert(next);
  }
  auto& verify = sample.verify_metrics;
  for (Counter& counter : counters_of(verify)) {
    if (in_histogram(counter, {&verify.api_latency, &verify.verdict_latency})) continue;
    counter.set(++next);
    expected.insert(next);
  }
  for (const auto& [name, family] : parse(prometheus_text(sample.snapshot())))
    for (const Parsed& parsed : family.samples)
      expected.erase(static_cast<std::uint64_t>(parsed.value));
  EXPECT_TRUE(expected.empty()) << expected.size() << " counters are not shown";
}

TEST(Prometheus, ShardsAreSummedOrLabelled) {
  Sample sample;
  for (std::uint64_t i = 0; i < 2; ++i) {
    sample.shard_metrics[i].requests.set(100 + i);
    sample.shard_metrics[i].loops.set(5 + i);
    sample.shard_metrics[i].drops[static_cast<std::size_t>(radius_door::Drop::loop)].set(3);
    sample.shard_metrics[i].malformed_from_client[0].set(4);
  }
  const std::string text = prometheus_text(sample.snapshot());
  for (const char* line :
       {"\nsallyport_radius_requests_total 201\n",
        "\nsallyport_radius_loops_total{shard=\"0\"} 5\n",
        "\nsallyport_radius_loops_total{shard=\"1\"} 6\n",
        "\nsallyport_radius_drops_total{reason=\"loop\"} 6\n",
        "\nsallyport_radius_malformed_total{from=\"client\",reason=\"too_short\"} 8\n",
        "\nsallyport_build_info{version=\"1.2.3\"} 1\n", "\nsallyport_health{state=\"ok\"} 1\n",
        "\nsallyport_health{state=\"cannot_connect\"} 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
}

TEST(Prometheus, HistogramsAreCumulativeAndEndWithInfinity) {
  Sample sample;
  const std::uint64_t times_ns[] = {1, 1000, 1025, 5'000'000, 999'000'000'000};
  for (auto& shard : sample.shard_metrics)
    for (const std::uint64_t ns : times_ns) shard.total_latency.record(ns);
  const auto families = parse(prometheus_text(sample.snapshot()));
  for (const auto& [name, family] : families) {
    if (family.type != "histogram") continue;
    SCOPED_TRACE(name);
    double before_bound = 0;
    double before = 0;
    double infinite = -1;
    double count = -2;
    for (const Parsed& parsed : family.samples) {
      if (parsed.name == name + "_count") count = parsed.value;
      if (parsed.name != name + "_bucket") continue;
      ASSERT_TRUE(parsed.labels.starts_with("{le=\""));
      const double bound = std::stod(parsed.labels.substr(5));
      EXPECT_GT(bound, before_bound);
      EXPECT_GE(parsed.value, before);
      before_bound = bound;
      before = parsed.value;
      if (std::isinf(bound)) infinite = parsed.value;
    }
    EXPECT_EQ(infinite, count);
  }
  const auto& total = families.at("sallyport_radius_total_seconds").samples;
  EXPECT_EQ(total[0].value, 4) << "1 ns and 1000 ns, in two shards";
  EXPECT_EQ(total[1].value, 6);
  EXPECT_EQ(total.back().value, 10);
}

TEST(Prometheus, EscapesLabelsAndHelp) {
  PrometheusText text;
  text.family("x_total", "counter", "back\\slash\nline \"quoted\"");
  text.sample("x_total", {{"a", "q\"b\\n\nz"}}, std::uint64_t{1});
  text.sample("x_total", {{"a", "1"}, {"b", "2"}}, 0.5);
  EXPECT_EQ(text.take(),
            "# HELP x_total back\\\\slash\\nline \"quoted\"\n"
            "# TYPE x_total counter\n"
            "x_total{a=\"q\\\"b\\\\n\\nz\"} 1\n"
            "x_total{a=\"1\",b=\"2\"} 0.5\n");
}

TEST(ProcessStats, AreThoseOfThisProcess) {
  const ProcessStats stats = read_process_stats();
  EXPECT_GT(stats.resident_octets, 1u << 20);
  EXPECT_GE(stats.virtual_octets, stats.resident_octets);
  EXPECT_GE(stats.open_fds, 3u);
  EXPECT_GE(stats.max_fds, stats.open_fds);
  EXPECT_GE(stats.threads, 1u);
  EXPECT_GT(stats.start_time_unix_s, 1e9);
}

}  // namespace
}  // namespace sallyport::admin
