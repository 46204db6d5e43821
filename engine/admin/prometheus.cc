#include "engine/admin/prometheus.h"

#include <array>
#include <iterator>
#include <numeric>

#include "engine/admin/metric_table.h"

namespace sallyport::admin {
namespace {

using verify::Counter;
using verify::Histogram;

/// HELP escapes backslash and newline, a label value also the quote.
void append_escaped(fmt::memory_buffer& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\' || (quotes && c == '"')) out.push_back('\\');
    if (c == '\n') out.push_back('\\');
    out.push_back(c == '\n' ? 'n' : c);
  }
}

std::string_view type_name(Kind kind) noexcept {
  switch (kind) {
    case Kind::counter: return "counter";
    case Kind::gauge: return "gauge";
  }
  return "gauge";
}

/// Sum over all shards or threads of what `pick` finds in each.
template <typename Metrics, typename Pick>
std::uint64_t sum(std::span<const Metrics* const> all, Pick pick) {
  return std::transform_reduce(all.begin(), all.end(), std::uint64_t{0}, std::plus<>(),
                               [&](const Metrics* metrics) { return pick(*metrics).value(); });
}

template <typename Metrics, std::size_t N>
void write_scalars(PrometheusText& text, std::span<const Metrics* const> all,
                   const std::array<Scalar<Metrics>, N>& table) {
  for (const auto& scalar : table) {
    text.family(scalar.name, type_name(scalar.kind), scalar.help);
    if (!scalar.by_shard) {
      text.sample(scalar.name, {},
                  sum(all, [&](const Metrics& m) -> const Counter& { return m.*scalar.member; }));
      continue;
    }
    for (std::size_t shard = 0; shard < all.size(); ++shard)
      text.sample(scalar.name, {{"shard", std::to_string(shard)}},
                  (all[shard]->*scalar.member).value());
  }
}

template <typename Metrics, std::size_t N>
void write_distributions(PrometheusText& text, std::span<const Metrics* const> all,
                         const std::array<Distribution<Metrics>, N>& table) {
  for (const auto& distribution : table) {
    text.family(distribution.name, "histogram", distribution.help);
    const std::string bucket_name = fmt::format("{}_bucket", distribution.name);
    std::uint64_t cumulative = 0;
    std::uint64_t sum_ns = 0;
    for (const Metrics* metrics : all) sum_ns += (metrics->*distribution.member).sum_ns();
    for (unsigned bucket = 0; bucket < Histogram::kBuckets; ++bucket) {
      for (const Metrics* metrics : all)
        cumulative += (metrics->*distribution.member).count(bucket);
      // The last bucket takes all that is longer: its bound is infinite.
      const bool last = bucket + 1 == Histogram::kBuckets;
      const double bound_s = static_cast<double>(Histogram::bound_ns(bucket)) / 1e9;
      text.sample(bucket_name, {{"le", last ? "+Inf" : fmt::format("{}", bound_s)}}, cumulative);
    }
    text.sample(fmt::format("{}_sum", distribution.name), {}, static_cast<double>(sum_ns) / 1e9);
    text.sample(fmt::format("{}_count", distribution.name), {}, cumulative);
  }
}

void write_radius_labelled(PrometheusText& text,
                           std::span<const radius_door::RadiusMetrics* const> shards) {
  using Metrics = radius_door::RadiusMetrics;
  constexpr std::string_view kDropped = "sallyport_radius_drops_total";
  text.family(kDropped, "counter", "Datagrams not carried on, by reason.");
  for (std::size_t i = 0; i < radius_door::kDrops; ++i)
    text.sample(kDropped, {{"reason", to_text(static_cast<radius_door::Drop>(i))}},
                sum(shards, [&](const Metrics& m) -> const Counter& { return m.drops[i]; }));

  constexpr std::string_view kMalformed = "sallyport_radius_malformed_total";
  text.family(kMalformed, "counter", "Datagrams that are not RADIUS, by sender and reason.");
  for (std::size_t i = 0; i < radius::kMalformedReasons; ++i) {
    const char* const reason = to_text(static_cast<radius::Malformed>(i));
    text.sample(kMalformed, {{"from", "client"}, {"reason", reason}},
                sum(shards, [&](const Metrics& m) -> const Counter& {
                  return m.malformed_from_client[i];
                }));
    text.sample(kMalformed, {{"from", "downstream"}, {"reason", reason}},
                sum(shards, [&](const Metrics& m) -> const Counter& {
                  return m.malformed_from_downstream[i];
                }));
  }

  constexpr std::string_view kAnswers = "sallyport_radius_answers_total";
  text.family(kAnswers, "counter", "Distinct answers sent to clients, by kind.");
  for (const AnswerCode& answer : kRadiusAnswers)
    text.sample(kAnswers, {{"answer", answer.label}},
                sum(shards, [&](const Metrics& m) -> const Counter& { return m.*answer.member; }));
}

void write_http(PrometheusText& text, const Snapshot& snapshot) {
  using Metrics = http_door::HttpMetrics;
  if (snapshot.http_shards.empty()) return;
  constexpr std::string_view kAnswers = "sallyport_http_answers_total";
  text.family(kAnswers, "counter",
              "Answers to visitors by the class of their status; none: cut off.");
  constexpr std::string_view kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  static_assert(std::size(kClasses) == http_door::kAnswerClasses);
  for (std::size_t i = 0; i < http_door::kAnswerClasses; ++i) {
    text.sample(kAnswers, {{"status", kClasses[i]}},
                sum(snapshot.http_shards,
                    [&](const Metrics& m) -> const Counter& { return m.answers[i]; }));
  }
  constexpr std::string_view kAdmissions = "sallyport_http_admissions_total";
  text.family(kAdmissions, "counter",
              "Requests that came to a route, by whether they were let in.");
  for (std::size_t i = 0; i < http_door::kVerdicts; ++i) {
    text.sample(kAdmissions, {{"admission", to_text(static_cast<http_door::Verdict>(i))}},
                sum(snapshot.http_shards,
                    [&](const Metrics& m) -> const Counter& { return m.admissions[i]; }));
  }
  write_scalars(text, snapshot.http_shards, kHttpScalars);
  text.family("sallyport_http_grants", "gauge", "Grants that are open.");
  text.sample("sallyport_http_grants", {}, snapshot.http_grants);
}

template <typename Metrics>
void write_verdicts(PrometheusText& text, std::span<const Metrics* const> all,
                    std::string_view name, std::string_view help) {
  text.family(name, "counter", help);
  for (std::size_t i = 0; i < verify::kVerdicts; ++i)
    text.sample(name, {{"verdict", to_text(static_cast<verify::Verdict>(i))}},
                sum(all, [&](const Metrics& m) -> const Counter& { return m.verdicts[i]; }));
}

void write_health(PrometheusText& text, const verify::Health& health) {
  constexpr std::string_view kHealth = "sallyport_health";
  text.family(kHealth, "gauge",
              "1 for the state that the Notakey API is in, 0 for the others; ok where no door asks "
              "it.");
  using verify::HealthState;
  for (const HealthState state :
       {HealthState::ok, HealthState::not_running, HealthState::cannot_connect,
        HealthState::call_timed_out, HealthState::other_error})
    text.sample(kHealth, {{"state", to_text(state)}},
                std::uint64_t{health.state == state ? 1u : 0u});
  constexpr std::string_view kChecked = "sallyport_health_checked_timestamp_seconds";
  text.family(kChecked, "gauge", "When the Notakey API was last checked; 0: not yet.");
  text.sample(kChecked, {}, static_cast<double>(health.checked_unix_ms) / 1e3);
}

void write_one(PrometheusText& text, std::string_view name, std::string_view type,
               std::string_view help, auto value) {
  text.family(name, type, help);
  text.sample(name, {}, value);
}

void write_program(PrometheusText& text, const Snapshot& snapshot) {
  constexpr std::string_view kBuild = "sallyport_build_info";
  text.family(kBuild, "gauge", "Always 1; the version is a label.");
  text.sample(kBuild, {{"version", snapshot.identity.version}}, std::uint64_t{1});
  write_one(text, "sallyport_shards", "gauge", "Shards: cores that carry the doors.",
            std::uint64_t{std::max(snapshot.shards.size(), snapshot.http_shards.size())});
  write_one(text, "sallyport_log_lost_lines_total", "counter",
            "Log lines lost: queue overrun, or the disk or terminal took none.",
            snapshot.log.lost_lines);
  write_one(text, "sallyport_audit_records_total", "counter",
            "Lines of the audit log and the access log written.", snapshot.log.audit_written);
  write_one(text, "sallyport_audit_unwritten_total", "counter",
            "Audit records that a full disk refused to the very end.", snapshot.log.audit_lost);

  const ProcessStats& process = snapshot.process;
  write_one(text, "process_cpu_seconds_total", "counter", "User and system CPU time.",
            process.cpu_seconds);
  write_one(text, "process_resident_memory_bytes", "gauge", "Resident memory.",
            process.resident_octets);
  write_one(text, "process_virtual_memory_bytes", "gauge", "Virtual memory.",
            process.virtual_octets);
  write_one(text, "process_open_fds", "gauge", "Open file descriptors.", process.open_fds);
  write_one(text, "process_max_fds", "gauge", "Limit of open file descriptors.", process.max_fds);
  write_one(text, "process_threads", "gauge", "Threads.", process.threads);
  write_one(text, "process_start_time_seconds", "gauge", "When the process started, Unix time.",
            process.start_time_unix_s);
}

}  // namespace

void PrometheusText::family(std::string_view name, std::string_view type, std::string_view help) {
  fmt::format_to(std::back_inserter(out_), "# HELP {} ", name);
  append_escaped(out_, help, false);
  fmt::format_to(std::back_inserter(out_), "\n# TYPE {} {}\n", name, type);
}

void PrometheusText::sample(std::string_view name, Labels labels, double value) {
  name_and_labels(name, labels);
  fmt::format_to(std::back_inserter(out_), " {}\n", value);
}

void PrometheusText::sample(std::string_view name, Labels labels, std::uint64_t value) {
  name_and_labels(name, labels);
  fmt::format_to(std::back_inserter(out_), " {}\n", value);
}

void PrometheusText::name_and_labels(std::string_view name, Labels labels) {
  out_.append(name.data(), name.data() + name.size());
  char separator = '{';
  for (const auto& [label, value] : labels) {
    fmt::format_to(std::back_inserter(out_), "{}{}=\"", separator, label);
    append_escaped(out_, value, true);
    out_.push_back('"');
    separator = ',';
  }
  if (labels.size() > 0) out_.push_back('}');
}

std::string prometheus_text(const Snapshot& snapshot) {
  PrometheusText text;
  write_program(text, snapshot);
  write_health(text, snapshot.health);
  write_radius_labelled(text, snapshot.shards);
  write_verdicts(text, snapshot.shards, "sallyport_radius_verdicts_total",
                 "Verdicts as they reached the RADIUS door.");
  write_scalars(text, snapshot.shards, kRadiusScalars);
  write_distributions(text, snapshot.shards, kRadiusDistributions);
  write_verdicts(text, snapshot.verify_threads, "sallyport_verify_verdicts_total",
                 "Verdicts that verify reached.");
  write_scalars(text, snapshot.verify_threads, kVerifyScalars);
  write_distributions(text, snapshot.verify_threads, kVerifyDistributions);
  write_http(text, snapshot);
  return text.take();
}

}  // namespace sallyport::admin
