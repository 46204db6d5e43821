#include "engine/http/probes.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include "engine/http/door.h"

namespace sallyport::http_door {

/// The request to one server, again and again.
class Probes::Probe final : public ExchangeEvents {
 public:
  Probe(Probes& owner, Pool& pool, std::uint32_t server)
      : owner_(owner), pool_(pool), server_(server) {}

  /// False: there was no stream for it.
  [[nodiscard]] bool begin();
  void expire(std::uint64_t now_ms);
  void give_up();
  [[nodiscard]] std::optional<std::uint64_t> deadline_ms() const noexcept {
    return side_ == nullptr ? std::nullopt : std::optional(deadline_ms_);
  }

  // ExchangeEvents.
  void request_body(ring::Slice slice) override { owner_.door_.buffers().release(slice); }
  void request_end(const http::Fields*) override {}
  void client_writable() override {}
  void client_broken(Broken) override {}
  void response_head(http::ResponseHead& head) override;
  void response_body(ring::Slice slice) override;
  void response_end(const http::Fields*) override { end(Broken::none); }
  void upstream_writable() override {}
  void upstream_broken(Broken why) override;

 private:
  void end(Broken broken);

  Probes& owner_;
  Pool& pool_;
  const std::uint32_t server_;
  UpstreamSide* side_ = nullptr;  ///< null: it is not being asked
  http::RequestHead head_;
  std::uint64_t deadline_ms_ = 0;
  std::uint16_t status_ = 0;
  std::string body_;
};

/// A pool with a health_path.
struct Probes::Pool {
  Pool(std::uint32_t in_settings, std::shared_ptr<UpstreamPool> pool, ActiveHealth health)
      : index(in_settings), upstream(std::move(pool)), active(std::move(health)) {}
  std::uint32_t index;  ///< in the current settings
  std::shared_ptr<UpstreamPool> upstream;
  ActiveHealth active;
  std::vector<std::unique_ptr<Probe>> probes;  ///< by server
};

bool Probes::Probe::begin() {
  const config::HttpPool& config = pool_.upstream->settings().config;
  const config::HttpServer& server = config.servers[server_];
  side_ = pool_.upstream->open(server_, *this, true);
  if (side_ == nullptr) return false;
  status_ = 0;
  body_.clear();
  deadline_ms_ = owner_.door_.now_ms() + config.health_timeout_ms;
  head_.reset();
  head_.method = http::Method::get;
  head_.method_text = "GET";
  head_.target = config.health_path;
  head_.authority =
      server.unix_path.empty() ? pool_.upstream->servers().label(server_) : "localhost";
  head_.keep_alive = false;
  head_.fields.add("User-Agent", "sallyport");
  side_->request(head_, false);
  return true;
}

void Probes::Probe::response_head(http::ResponseHead& head) {
  if (head.interim()) return;
  status_ = head.status;
  if (head.framing == http::Framing::tunnel) end(Broken::none);  // nobody has asked for that
}

void Probes::Probe::response_body(ring::Slice slice) {
  ring::BufferPool& buffers = owner_.door_.buffers();
  const std::string_view text = as_text(buffers.octets(slice));
  body_.append(text.substr(0, kMaxProbeBody - body_.size()));
  buffers.release(slice);
  if (body_.size() == kMaxProbeBody) end(Broken::none);
}

void Probes::Probe::upstream_broken(Broken why) {
  side_ = nullptr;
  end(why);
}

void Probes::Probe::expire(std::uint64_t now_ms) {
  if (side_ != nullptr && now_ms >= deadline_ms_) end(Broken::timed_out);
}

void Probes::Probe::give_up() {
  if (UpstreamSide* const side = std::exchange(side_, nullptr)) side->release();
}

void Probes::Probe::end(Broken broken) {
  give_up();
  owner_.ended(pool_, server_, {.broken = broken, .status = status_, .body = body_});
}

Probes::Probes(Door& door) : door_(door) {}

Probes::~Probes() = default;

void Probes::take_over(const std::vector<std::shared_ptr<UpstreamPool>>& pools) {
  stop();
  const std::vector<std::unique_ptr<Pool>> before = std::exchange(pools_, {});
  for (std::uint32_t index = 0; index < pools.size(); ++index) {
    const config::HttpPool& config = pools[index]->settings().config;
    if (config.health_path.empty()) continue;
    Pool& pool = *pools_.emplace_back(
        std::make_unique<Pool>(index, pools[index], ActiveHealth(config, door_.now_ms(), draw())));
    const auto same = std::ranges::find_if(before, [&](const auto& old) {
      return old->upstream->settings().config.name == config.name;
    });
    for (std::uint32_t server = 0; server < config.servers.size(); ++server) {
      pool.probes.push_back(std::make_unique<Probe>(*this, pool, server));
      if (same == before.end()) continue;
      UpstreamSet& known = (*same)->upstream->servers();
      for (std::uint32_t old = 0; old < known.size(); ++old) {
        if (known.label(old) == pool.upstream->servers().label(server)) {
          pool.active.adopt(server, (*same)->active, old);
        }
      }
    }
  }
  schedule();
}

void Probes::stop() {
  for (const auto& pool : pools_) {
    for (const auto& probe : pool->probes) probe->give_up();
  }
  door_.cancel_probe_timer();
}

void Probes::timer() {
  for (const auto& pool : pools_) {
    for (const auto& probe : pool->probes) probe->expire(door_.now_ms());
    for (ServerMask due = pool->active.take_due(door_.now_ms()); due != 0; due &= due - 1) {
      const auto server = static_cast<std::uint32_t>(std::countr_zero(due));
      // Without a stream of ours nothing is learnt of the server.
      if (!pool->probes[server]->begin()) pool->active.skip(server, door_.now_ms());
    }
  }
  schedule();
}

void Probes::ended(Pool& pool, std::uint32_t server, const ProbeResult& result) {
  const config::HttpPool& config = pool.upstream->settings().config;
  const HealthReason reason = judge(config, result);
  const Health before = pool.active.health(server);
  static_cast<void>(pool.active.result(server, reason, door_.now_ms(), draw()));
  const Health now = pool.active.health(server);
  // Told each time, not only when it has changed: a shard whose mailbox was full, or which had not
  // taken the pool over yet, hears it with the next one.
  door_.tell_health(pool.index, {.server = server, .health = now, .reason = reason});
  if (now != before) {
    // Rare, and the log takes it without waiting.
    const std::string& label = pool.upstream->servers().label(server);
    const auto level = now == Health::up ? spdlog::level::info : spdlog::level::warn;
    spdlog::log(level, "http: {} of the pool {} is {}: {}", label, config.name, to_text(now),
                reason.text());
  }
  schedule();
}

void Probes::schedule() {
  std::optional<std::uint64_t> next;
  const auto consider = [&next](const std::optional<std::uint64_t>& at_ms) {
    if (at_ms && (!next || *at_ms < *next)) next = at_ms;
  };
  for (const auto& pool : pools_) {
    consider(pool->active.next_due_ms());
    for (const auto& probe : pool->probes) consider(probe->deadline_ms());
  }
  if (next) door_.set_probe_timer(*next);
}

std::uint64_t Probes::draw() {
  std::uint64_t random = 0;
  door_.random().fill({reinterpret_cast<std::uint8_t*>(&random), sizeof(random)});
  return random;
}

}  // namespace sallyport::http_door
