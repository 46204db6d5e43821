#include "verify/pool.h"

#include <utility>

#include <curl/curl.h>

#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/health_check.h"
#include "verify/pool_tuning.h"
#include "verify/worker.h"

namespace sallyport::verify {
namespace {

/// libcurl's process-wide state: made before the first thread, never taken down.
void init_libcurl() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_ALL);
  CHECK(done == CURLE_OK);
}

}  // namespace

struct Pool::Impl {
  Impl(PoolSettings given, VerdictSink& sink, const PoolTuning& given_tuning)
      : settings(std::move(given)),
        tuning(given_tuning),
        bound(settings.max_pending),
        context{.notakey = settings.notakey,
                .limits = settings.limits,
                .tuning = tuning,
                .sink = sink,
                .bound = bound,
                .board = board} {
    CHECK(settings.threads > 0);
    for (std::uint32_t i = 0; i < settings.threads; ++i)
      workers.push_back(std::make_unique<Worker>(context, i == 0));
  }

  /// Equal users meet on one worker. The upper half of a product mixes better than a remainder.
  [[nodiscard]] Worker& worker_of(std::uint64_t user_hash) const noexcept {
    const std::uint64_t mixed = (user_hash * 0x9e37'79b9'7f4a'7c15) >> 32;
    return *workers[(mixed * workers.size()) >> 32];
  }

  const PoolSettings settings;
  const PoolTuning tuning;
  PendingBound bound;
  HealthBoard board;
  const WorkerContext context;
  std::vector<std::unique_ptr<Worker>> workers;
};

Pool::Pool(PoolSettings settings, VerdictSink& sink)
    : Pool(std::move(settings), sink, PoolTuning{}) {}

Pool::Pool(PoolSettings settings, VerdictSink& sink, const PoolTuning& tuning) {
  init_libcurl();
  impl_ = std::make_unique<Impl>(std::move(settings), sink, tuning);
}

Pool::~Pool() { stop(); }

void Pool::start() {
  for (const auto& worker : impl_->workers) worker->start();
}

void Pool::stop() {
  for (const auto& worker : impl_->workers) worker->stop();
}

bool Pool::ask(const Question& question) noexcept {
  return impl_->worker_of(question.user_hash).ask(question);
}

void Pool::release(Ticket ticket, const JoinKey& key, std::uint64_t user_hash) noexcept {
  impl_->worker_of(user_hash).release(ticket, key);
}

std::vector<const VerifyMetrics*> Pool::metrics() const {
  std::vector<const VerifyMetrics*> all;
  for (const auto& worker : impl_->workers) all.push_back(&worker->metrics());
  return all;
}

Health Pool::health() const { return impl_->board.read(monotonic_ms()); }

}  // namespace sallyport::verify
