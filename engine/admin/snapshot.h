#pragma once
// What the admin pages show, gathered at one moment. The pages are pure functions of it.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/admin/process_stats.h"
#include "engine/http/gate/status.h"
#include "engine/http/metrics.h"
#include "engine/http/upstream_board.h"
#include "engine/radius/coa/coa_metrics.h"
#include "engine/radius/downstream_board.h"
#include "engine/radius/metrics.h"
#include "engine/radius/spool/spool_metrics.h"
#include "verify/metrics.h"
#include "verify/pool.h"
#include "verify/store/store.h"

namespace sallyport::admin {

/// Does not change while the daemon runs.
struct Identity {
  std::string version;
  std::vector<std::string> listening;  ///< "192.0.2.1:1812"
  std::string downstream;  ///< "radius.example.com:1812", as configured, or "3 servers in 2 pools"
  std::uint64_t started_unix_ms = 0;
};

struct LogStats {
  std::uint64_t lost_lines = 0;
  std::uint64_t audit_written = 0;
  std::uint64_t audit_lost = 0;
};

struct Snapshot {
  const Identity& identity;
  std::span<const radius_door::RadiusMetrics* const> shards;
  const radius_door::SpoolMetrics* spool = nullptr;  ///< null: accounting is not spooled
  const radius_door::CoaMetrics* coa = nullptr;      ///< null: no dynamic authorization
  std::span<const verify::VerifyMetrics* const> verify_threads;
  std::vector<radius_door::DownstreamState> downstreams = {};
  std::span<const http_door::HttpMetrics* const> http_shards = {};  ///< none: no HTTP door
  std::uint64_t http_grants = 0;                                    ///< open
  std::vector<http_door::UpstreamState> http_upstreams = {};
  std::optional<http_door::GateStatus> gate = {};         ///< none: there is no gate
  std::optional<verify::StoreHealth> store = {};          ///< none: there is no store
  std::optional<http_door::MessageStatus> messages = {};  ///< none: no channel to users
  verify::Health health;
  LogStats log;
  ProcessStats process;
  std::uint64_t now_unix_ms = 0;
};

}  // namespace sallyport::admin
