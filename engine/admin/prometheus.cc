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

  constexpr std::string_view kEnded = "sallyport_radsec_ended_total";
  text.family(kEnded, "counter", "TLS connections of clients that have ended, by reason.");
  for (std::size_t i = 0; i < radius_door::kRadsecEnds; ++i)
    text.sample(kEnded, {{"reason", to_text(static_cast<radius_door::RadsecEnd>(i))}},
                sum(shards, [&](const Metrics& m) -> const Counter& { return m.radsec_ended[i]; }));

  constexpr std::string_view kAnswers = "sallyport_radius_answers_total";
  text.family(kAnswers, "counter", "Distinct answers sent to clients, by kind.");
  for (const AnswerCode& answer : kRadiusAnswers)
    text.sample(kAnswers, {{"answer", answer.label}},
                sum(shards, [&](const Metrics& m) -> const Counter& { return m.*answer.member; }));
}

/// Text and counter of LinkMetrics, summed over the shards.
struct DownstreamCount {
  std::uint64_t radius_door::DownstreamState::* member;
  std::string_view type;
  std::string_view name;
  std::string_view help;
};
constexpr std::array kDownstreamCounts = std::to_array<DownstreamCount>({
    {&radius_door::DownstreamState::outstanding, "gauge", "sallyport_downstream_outstanding",
     "Requests that a server has not answered yet."},
    {&radius_door::DownstreamState::forwarded, "counter", "sallyport_downstream_requests_total",
     "Requests sent to a server, retransmissions left aside."},
    {&radius_door::DownstreamState::replies, "counter", "sallyport_downstream_replies_total",
     "Authentic replies of a server."},
    {&radius_door::DownstreamState::timeouts, "counter",
     "sallyport_downstream_server_timeouts_total",
     "Requests that a server left without a reply to the end."},
    {&radius_door::DownstreamState::failed_over, "counter", "sallyport_downstream_failovers_total",
     "Requests that went from a server that did not answer to another."},
    {&radius_door::DownstreamState::probes, "counter", "sallyport_downstream_probes_total",
     "Status-Server sent to a server."},
    {&radius_door::DownstreamState::probe_answers, "counter",
     "sallyport_downstream_probe_answers_total", "Status-Server that a server answered."},
    {&radius_door::DownstreamState::unreachable, "counter",
     "sallyport_downstream_unreachable_total", "ICMP errors about a server."},
    {&radius_door::DownstreamState::connections, "gauge", "sallyport_downstream_connections",
     "Open connections to a server that is reached over TLS."},
    {&radius_door::DownstreamState::connected, "counter", "sallyport_downstream_connected_total",
     "TLS handshakes with a server that succeeded."},
    {&radius_door::DownstreamState::lost, "counter", "sallyport_downstream_connections_lost_total",
     "Connections to a server that could not be had, or have ended."},
});

/// How the shards see servers of pools, of either door. `reason_of`: its text.
struct StateFamilies {
  std::string_view shards;
  std::string_view shards_help;
  std::string_view problem;
  std::string_view problem_help;
};
template <typename Health, typename States, typename ReasonOf>
void write_states(PrometheusText& text, const StateFamilies& families, const States& servers,
                  ReasonOf&& reason_of) {
  text.family(families.shards, "gauge", families.shards_help);
  for (const auto& each : servers) {
    for (const Health health : {Health::up, Health::suspect, Health::down}) {
      text.sample(families.shards,
                  {{"pool", each.pool}, {"server", each.server}, {"state", to_text(health)}},
                  std::uint64_t{each.shards[static_cast<std::size_t>(health)]});
    }
  }
  text.family(families.problem, "gauge", families.problem_help);
  for (const auto& each : servers) {
    if (each.worst() == Health::up) continue;
    text.sample(families.problem,
                {{"pool", each.pool}, {"server", each.server}, {"reason", reason_of(each)}},
                std::uint64_t{1});
  }
}

void write_downstreams(PrometheusText& text,
                       std::span<const radius_door::DownstreamState> servers) {
  if (servers.empty()) return;
  write_states<radius_door::ServerState>(
      text,
      {.shards = "sallyport_downstream_shards",
       .shards_help =
           "Shards by how they see a downstream server; suspect: it left something unanswered.",
       .problem = "sallyport_downstream_problem",
       .problem_help = "1: why a downstream server is not up in some shard's eyes."},
      servers, [](const radius_door::DownstreamState& each) { return to_text(each.reason); });
  for (const DownstreamCount& count : kDownstreamCounts) {
    text.family(count.name, count.type, count.help);
    for (const radius_door::DownstreamState& each : servers)
      text.sample(count.name, {{"pool", each.pool}, {"server", each.server}}, each.*count.member);
  }
}

void write_upstreams(PrometheusText& text, std::span<const http_door::UpstreamState> upstreams) {
  if (upstreams.empty()) return;
  write_states<http_door::Health>(
      text,
      {.shards = "sallyport_http_upstream_shards",
       .shards_help =
           "Shards by how they see a server of a pool; suspect: the last word on it was bad.",
       .problem = "sallyport_http_upstream_problem",
       .problem_help = "1: what is wrong with a server that some shard does not see up."},
      upstreams, [](const http_door::UpstreamState& each) { return each.reason.text(); });
  constexpr std::string_view kDraining = "sallyport_http_upstream_draining";
  text.family(kDraining, "gauge", "1: a server of a pool gets no new visitors, as configured.");
  for (const http_door::UpstreamState& each : upstreams) {
    text.sample(kDraining, {{"pool", each.pool}, {"server", each.server}},
                std::uint64_t{each.drains});
  }
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
  write_upstreams(text, snapshot.http_upstreams);
  text.family("sallyport_http_grants", "gauge", "Grants that are open.");
  text.sample("sallyport_http_grants", {}, snapshot.http_grants);
}

void write_desk(PrometheusText& text, const http_door::DeskCounts& desk) {
  constexpr std::string_view kAnswers = "sallyport_gate_answers_total";
  text.family(kAnswers, "counter", "Answers of the gate by page and what they were.");
  for (std::size_t path = 0; path < http_door::kGatePaths.size(); ++path) {
    for (std::size_t outcome = 0; outcome < http_door::kGateOutcomes; ++outcome) {
      if (desk.answers[path][outcome] == 0) continue;  // most pages give one kind
      text.sample(kAnswers,
                  {{"path", http_door::kGatePaths[path].path},
                   {"outcome", to_text(static_cast<http_door::GateOutcome>(outcome))}},
                  desk.answers[path][outcome]);
    }
  }
  const auto one = [&](std::string_view name, std::string_view type, std::string_view help,
                       std::uint64_t value) {
    text.family(name, type, help);
    text.sample(name, {}, value);
  };
  one("sallyport_gate_refused_total", "counter",
      "Questions answered with 503 because too many waited for the gate.", desk.refused);
  one("sallyport_gate_jobs_refused_total", "counter",
      "Look-ups and messages that were not begun because too many waited.", desk.jobs_refused);
  one("sallyport_gate_waiting", "gauge", "Questions and jobs that wait for a thread of the gate.",
      desk.waiting);
  one("sallyport_gate_held", "gauge", "Waiting pages that are held until their visit moves on.",
      desk.held);
}

void write_gate(PrometheusText& text, const http_door::GateStatus& gate) {
  write_desk(text, gate.desk);
  constexpr std::string_view kEvents = "sallyport_gate_events_total";
  text.family(kEvents, "counter", "What visitors of the gate did, as the audit log names it.");
  for (const auto& [event, count] : gate.events) text.sample(kEvents, {{"event", event}}, count);
}

void write_messages(PrometheusText& text, const http_door::MessageStatus& messages) {
  constexpr std::string_view kMessages = "sallyport_messages_total";
  text.family(kMessages, "counter",
              "Messages by channel: sent, failed attempts, given up by the last channel.");
  for (const verify::ChannelCounts& channel : messages.channels) {
    text.sample(kMessages, {{"channel", channel.name}, {"result", "sent"}}, channel.sent);
    text.sample(kMessages, {{"channel", channel.name}, {"result", "failed"}}, channel.failed);
    text.sample(kMessages, {{"channel", channel.name}, {"result", "dropped"}}, channel.dropped);
  }
  text.family("sallyport_messages_queued", "gauge", "Messages that wait to be sent.");
  text.sample("sallyport_messages_queued", {}, messages.queued);
}

void write_store(PrometheusText& text, const verify::StoreHealth& store) {
  text.family("sallyport_store_up", "gauge", "1 while the store answers.");
  text.sample("sallyport_store_up", {}, std::uint64_t{store.ok ? 1u : 0u});
}

template <typename Metrics>
void write_verdicts(PrometheusText& text, std::span<const Metrics* const> all,
                    std::string_view name, std::string_view help) {
  text.family(name, "counter", help);
  for (std::size_t i = 0; i < verify::kVerdicts; ++i)
    text.sample(name, {{"verdict", to_text(static_cast<verify::Verdict>(i))}},
                sum(all, [&](const Metrics& m) -> const Counter& { return m.verdicts[i]; }));
}

void write_code_verdicts(PrometheusText& text, std::span<const RadiusMetrics* const> shards) {
  constexpr std::string_view kName = "sallyport_radius_code_verdicts_total";
  text.family(kName, "counter", "What came of codes that users typed, as it reached the door.");
  for (std::size_t i = 0; i < verify::kCodeVerdicts; ++i)
    text.sample(
        kName, {{"verdict", to_text(static_cast<verify::CodeVerdict>(i))}},
        sum(shards, [&](const RadiusMetrics& m) -> const Counter& { return m.code_verdicts[i]; }));
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

void write_coa(PrometheusText& text, const CoaMetrics& coa) {
  constexpr std::string_view kDropped = "sallyport_coa_drops_total";
  text.family(kDropped, "counter", "Datagrams of dynamic authorization dropped, by reason.");
  for (std::size_t i = 0; i < radius_door::kCoaDrops; ++i)
    text.sample(kDropped, {{"reason", to_text(static_cast<radius_door::CoaDrop>(i))}},
                coa.drops[i].value());
  constexpr std::string_view kMalformed = "sallyport_coa_malformed_total";
  text.family(kMalformed, "counter",
              "Datagrams of dynamic authorization that are not RADIUS, by sender and reason.");
  for (std::size_t i = 0; i < radius::kMalformedReasons; ++i) {
    const char* const reason = to_text(static_cast<radius::Malformed>(i));
    text.sample(kMalformed, {{"from", "asker"}, {"reason", reason}},
                coa.malformed_from_asker[i].value());
    text.sample(kMalformed, {{"from", "nas"}, {"reason", reason}},
                coa.malformed_from_nas[i].value());
  }
  const std::array<const CoaMetrics*, 1> one{&coa};
  write_scalars(text, std::span<const CoaMetrics* const>(one), kCoaScalars);
  write_distributions(text, std::span<const CoaMetrics* const>(one), kCoaDistributions);
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
  write_code_verdicts(text, snapshot.shards);
  write_scalars(text, snapshot.shards, kRadiusScalars);
  write_downstreams(text, snapshot.downstreams);
  write_distributions(text, snapshot.shards, kRadiusDistributions);
  if (snapshot.spool != nullptr) write_scalars(text, std::span(&snapshot.spool, 1), kSpoolScalars);
  if (snapshot.coa != nullptr) write_coa(text, *snapshot.coa);
  write_verdicts(text, snapshot.verify_threads, "sallyport_verify_verdicts_total",
                 "Verdicts that verify reached.");
  write_scalars(text, snapshot.verify_threads, kVerifyScalars);
  write_distributions(text, snapshot.verify_threads, kVerifyDistributions);
  write_http(text, snapshot);
  if (snapshot.gate) write_gate(text, *snapshot.gate);
  if (snapshot.messages) write_messages(text, *snapshot.messages);
  if (snapshot.store) write_store(text, *snapshot.store);
  return text.take();
}

}  // namespace sallyport::admin
