#pragma once
// A snapshot to render: two shards and one verify thread with counters that a test sets.

#include "engine/admin/snapshot.h"

namespace sallyport::admin {

struct Sample {
  Identity identity{.version = "1.2.3",
                    .listening = {"127.0.0.1:1812", "[::1]:1812"},
                    .downstream = "radius.example.com:1812",
                    .started_unix_ms = 1'000'000};
  radius_door::RadiusMetrics shard_metrics[2];
  verify::VerifyMetrics verify_metrics;
  const radius_door::SpoolMetrics* spool = nullptr;
  http_door::HttpMetrics http_metrics[2];
  std::vector<const radius_door::RadiusMetrics*> shards{&shard_metrics[0], &shard_metrics[1]};
  std::vector<const verify::VerifyMetrics*> verify_threads{&verify_metrics};
  std::vector<const http_door::HttpMetrics*> http_shards{&http_metrics[0], &http_metrics[1]};
  verify::Health health{.state = verify::HealthState::ok,
                        .text = "v2 API answered",
                        .checked_unix_ms = 1'060'000,
                        .next_check_ms = 10'000};
  LogStats log;
  ProcessStats process;
  std::vector<http_door::UpstreamState> upstreams;
  std::optional<http_door::GateStatus> gate;
  std::optional<verify::StoreHealth> store;
  std::optional<http_door::MessageStatus> messages;
  std::vector<radius_door::DownstreamState> downstreams;

  [[nodiscard]] Snapshot snapshot() const {
    return {.identity = identity,
            .shards = shards,
            .spool = spool,
            .verify_threads = verify_threads,
            .downstreams = downstreams,
            .http_shards = http_shards,
            .http_grants = 7,
            .http_upstreams = upstreams,
            .gate = gate,
            .store = store,
            .messages = messages,
            .health = health,
            .log = log,
            .process = process,
            .now_unix_ms = 1'065'000};
  }
};

}  // namespace sallyport::admin
