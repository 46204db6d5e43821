#include "engine/radius/name_watcher.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include <arpa/nameser.h>
#include <resolv.h>
#include <spdlog/spdlog.h>

#include "engine/radius/name_schedule.h"
#include "verify/clock.h"
#include "verify/thread.h"

namespace sallyport::radius_door {
namespace {

/// The shortest time to live in a name server's answer, aliases (CNAME) included.
std::optional<std::uint32_t> shortest_ttl(const std::uint8_t* answer, int octets) {
  ns_msg message;
  if (::ns_initparse(answer, octets, &message) != 0) return std::nullopt;
  std::optional<std::uint32_t> shortest;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record;
    if (::ns_parserr(&message, ns_s_an, i, &record) != 0) return std::nullopt;
    const std::uint32_t ttl_s = ns_rr_ttl(record);
    if (!shortest || ttl_s < *shortest) shortest = ttl_s;
  }
  return shortest;
}

/// getaddrinfo() keeps times to live to itself, so the name servers are asked for them. Blocking.
std::optional<std::uint32_t> ttl_of(const HostName& name) {
  struct __res_state state{};
  if (::res_ninit(&state) != 0) return std::nullopt;
  std::optional<std::uint32_t> shortest;
  for (const auto type : {ns_t_a, ns_t_aaaa}) {
    if (name.family == HostName::Family::v6 && type == ns_t_a) continue;
    if (name.family == HostName::Family::v4 && type == ns_t_aaaa) continue;
    std::uint8_t answer[4'096];
    const int octets =
        ::res_nsearch(&state, name.host.c_str(), ns_c_in, type, answer, sizeof answer);
    if (octets <= 0 || octets > static_cast<int>(sizeof answer)) continue;
    const auto ttl_s = shortest_ttl(answer, octets);
    if (ttl_s && (!shortest || *ttl_s < *shortest)) shortest = ttl_s;
  }
  ::res_nclose(&state);
  return shortest;
}

}  // namespace

struct NameWatcher::Shared {
  std::mutex mutex;  ///< not held while the resolver is asked
  std::condition_variable changed;
  bool stopping = false;
  std::shared_ptr<const WatchedNames> names;
  NameSchedule schedule;
  /// Held while `moved` runs; taken before `mutex`.
  std::mutex moving;
  std::function<void(const HostAddresses& now)> moved;

  /// Waits until names are due; null: it is over.
  std::shared_ptr<const WatchedNames> wait_due(std::vector<HostName>& due) {
    std::unique_lock lock(mutex);
    for (;;) {
      if (stopping) return nullptr;
      const std::uint64_t now_ms = verify::monotonic_ms();
      due = schedule.due(now_ms);
      if (!due.empty()) return names;
      const auto next_ms = schedule.next_ms();
      if (next_ms) changed.wait_for(lock, std::chrono::milliseconds(*next_ms - now_ms));
      if (!next_ms) changed.wait(lock);
    }
  }

  void run() {
    verify::begin_thread("sally-names");
    std::string told;  // the trouble that the log knows already
    std::vector<HostName> due;
    while (const auto watched = wait_due(due)) {
      std::vector<std::optional<std::uint32_t>> ttls;
      for (const HostName& name : due) ttls.push_back(ttl_of(name));
      const auto now = HostAddresses::resolve(watched->config, watched->addresses);
      const std::scoped_lock moving_lock(moving);
      {
        const std::scoped_lock lock(mutex);
        if (stopping) return;
        for (std::size_t i = 0; i < due.size(); ++i)
          schedule.asked(due[i], now ? ttls[i] : NameSchedule::kRetryS, verify::monotonic_ms());
        if (names != watched) continue;
      }
      const std::string trouble = now ? "" : now.error();
      if (trouble != told && !now)
        spdlog::warn("downstream: {}; the addresses known stay in use", trouble);
      told = trouble;
      if (now && *now != watched->addresses) moved(*now);
    }
  }
};

NameWatcher::NameWatcher(std::function<void(const HostAddresses& now)> moved)
    : shared_(std::make_shared<Shared>()) {
  shared_->moved = std::move(moved);
}

NameWatcher::~NameWatcher() { stop(); }

void NameWatcher::watch(WatchedNames names) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->schedule.watch(names.addresses.names(), verify::monotonic_ms());
  shared_->names = std::make_shared<const WatchedNames>(std::move(names));
  shared_->changed.notify_all();
}

void NameWatcher::start() {
  std::thread([shared = shared_] { shared->run(); }).detach();
}

void NameWatcher::stop() {
  const std::scoped_lock moving(shared_->moving);
  const std::scoped_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->changed.notify_all();
}

}  // namespace sallyport::radius_door
