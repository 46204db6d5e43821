#include "engine/http/gate/desk.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/thread.h"

namespace sallyport::http_door {
namespace {

/// Changes of visits that are remembered: as many as may come while one question is answered.
constexpr std::size_t kNotices = 4'096;
/// Nothing is missed without it; a thread that finds its wake-up gone asks the kernel no more than
/// this often.
constexpr std::uint64_t kLongestSleepMs = 1'000;

GateOutcome outcome_of(const verify::GateReply& reply) noexcept {
  using Kind = verify::GateReply::Kind;
  switch (reply.kind) {
    case Kind::page:
      return reply.view.error == verify::GateError::none ? GateOutcome::page : GateOutcome::error;
    case Kind::redirect: return GateOutcome::redirect;
    case Kind::octets: return GateOutcome::octets;
    case Kind::hold: return GateOutcome::held;
  }
  return GateOutcome::error;
}

}  // namespace

const char* to_text(GateOutcome outcome) noexcept {
  switch (outcome) {
    case GateOutcome::page: return "page";
    case GateOutcome::error: return "error";
    case GateOutcome::redirect: return "redirect";
    case GateOutcome::octets: return "octets";
    case GateOutcome::held: return "held";
  }
  return "";
}

Desk::Desk(const DeskPlan& plan)
    : plan_(plan), inbox_(plan.questions), held_(plan.held, plan.held_of_visit) {
  CHECK(plan.threads > 0);
  CHECK(::sem_init(&wake_, 0, 0) == 0);
}

Desk::~Desk() {
  stop();
  Message message{};
  while (inbox_.try_pop(message)) delete message.errand;
  ::sem_destroy(&wake_);
}

void Desk::start(Work work) {
  work_ = std::move(work);
  for (std::uint32_t i = 0; i < plan_.threads; ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

void Desk::stop() {
  stopping_.store(true);
  for (std::size_t i = 0; i < threads_.size(); ++i) ::sem_post(&wake_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

// --- Shards ----------------------------------------------------------------------------------

bool Desk::ask(std::unique_ptr<GateErrand>& errand) noexcept {
  questions_.fetch_add(1, std::memory_order_relaxed);
  if (!inbox_.try_push({.errand = errand.get(), .gone = {}})) {
    questions_.fetch_sub(1, std::memory_order_relaxed);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  static_cast<void>(errand.release());
  ::sem_post(&wake_);
  return true;
}

void Desk::release(const GateTicket& ticket) noexcept {
  // Without room it is held until its time is over, and its answer finds nobody.
  if (inbox_.try_push({.errand = nullptr, .gone = ticket})) ::sem_post(&wake_);
}

// --- Any thread ------------------------------------------------------------------------------

bool Desk::later(std::function<void()> job) {
  {
    const std::scoped_lock lock(mutex_);
    if (jobs_.size() >= plan_.jobs) {
      jobs_refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    jobs_.push_back(std::move(job));
  }
  ::sem_post(&wake_);
  return true;
}

void Desk::notify(std::string_view visit) {
  std::size_t woken = 0;
  {
    const std::scoped_lock lock(mutex_);
    notices_.push_back({.number = next_notice_++, .visit = std::string(visit)});
    if (notices_.size() > kNotices) notices_.pop_front();
    for (Errand& errand : held_.take(visit)) {
      again_.push_back(std::move(errand));
      ++woken;
    }
  }
  for (; woken > 0; --woken) ::sem_post(&wake_);
}

void Desk::let_go() {
  std::vector<Errand> held;
  {
    const std::scoped_lock lock(mutex_);
    holding_ = false;
    held = held_.take_all();
  }
  for (Errand& errand : held) deliver(std::move(errand));
}

DeskCounts Desk::counts() const {
  DeskCounts counts;
  for (std::size_t path = 0; path < answers_.size(); ++path) {
    for (std::size_t outcome = 0; outcome < kGateOutcomes; ++outcome) {
      counts.answers[path][outcome] = answers_[path][outcome].load(std::memory_order_relaxed);
    }
  }
  counts.refused = refused_.load(std::memory_order_relaxed);
  counts.jobs_refused = jobs_refused_.load(std::memory_order_relaxed);
  const std::scoped_lock lock(mutex_);
  counts.waiting = questions_.load(std::memory_order_relaxed) + again_.size() + jobs_.size();
  counts.held = held_.size();
  return counts;
}

// --- The desk's threads ----------------------------------------------------------------------

void Desk::run() {
  verify::begin_thread("gate");
  while (!stopping_.load()) {
    std::optional<Task> task = take();
    if (!task) {
      wait();
    } else if (task->errand != nullptr) {
      serve(std::move(task->errand));
    } else {
      task->job();
      task.reset();  // what it holds may be needed by the next
      const std::scoped_lock lock(mutex_);
      --jobs_running_;
    }
  }
}

bool Desk::pop(Message& message) {
  const std::scoped_lock lock(inbox_reader_);
  return inbox_.try_pop(message);
}

std::optional<Desk::Task> Desk::take() {
  Message message{};
  while (pop(message)) {
    if (message.errand != nullptr) {
      questions_.fetch_sub(1, std::memory_order_relaxed);
      return Task{.errand = Errand(message.errand), .job = {}};
    }
    const std::scoped_lock lock(mutex_);
    static_cast<void>(held_.take(message.gone));
  }
  const std::scoped_lock lock(mutex_);
  for (Errand& errand : held_.take_due(verify::monotonic_ms())) again_.push_back(std::move(errand));
  if (!again_.empty()) {
    Task task{.errand = std::move(again_.front()), .job = {}};
    again_.pop_front();
    return task;
  }
  // A directory that answers slowly takes half of the threads, and visitors go on with the others.
  if (jobs_.empty() || jobs_running_ >= std::max(plan_.threads / 2, 1u)) return std::nullopt;
  ++jobs_running_;
  Task task{.errand = nullptr, .job = std::move(jobs_.front())};
  jobs_.pop_front();
  return task;
}

void Desk::wait() {
  std::uint64_t sleep_ms = kLongestSleepMs;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto due = held_.next_due_ms()) {
      const std::uint64_t now = verify::monotonic_ms();
      sleep_ms = *due > now ? std::min(*due - now, sleep_ms) : 0;
    }
  }
  timespec until{};
  ::clock_gettime(CLOCK_MONOTONIC, &until);
  const auto at_ns = static_cast<std::uint64_t>(until.tv_nsec) + sleep_ms * 1'000'000;
  until.tv_sec += static_cast<time_t>(at_ns / 1'000'000'000);
  until.tv_nsec = static_cast<long>(at_ns % 1'000'000'000);
  static_cast<void>(::sem_clockwait(&wake_, CLOCK_MONOTONIC, &until));
}

void Desk::serve(Errand errand) {
  for (;;) {
    std::uint64_t seen = 0;
    {
      const std::scoped_lock lock(mutex_);
      seen = next_notice_;
    }
    errand->request.now_ms = verify::unix_ms();
    errand->reply = {};
    work_.answer(*errand);
    if (errand->reply.kind != verify::GateReply::Kind::hold) break;
    const std::uint64_t now = verify::monotonic_ms();
    if (errand->patience_until_ms == 0) errand->patience_until_ms = now + plan_.patience_ms;
    if (now >= errand->patience_until_ms || stopping_.load()) break;
    if (keep(errand, seen)) return;
  }
  deliver(std::move(errand));
}

/// True: it is held, or another in its stead was answered. False with an errand: it asks again.
bool Desk::keep(Errand& errand, std::uint64_t seen) {
  HeldErrands::Put put;
  {
    const std::scoped_lock lock(mutex_);
    const std::string visit = errand->reply.held_visit;
    // What changed while the gate looked may be what it waits for.
    if (noticed_since(seen, visit)) return false;
    if (!holding_) {
      put.refused = std::move(errand);
    } else {
      const std::uint64_t until_ms = std::min(
          errand->patience_until_ms, verify::monotonic_ms() + std::max(errand->reply.hold_ms, 1u));
      put = held_.put(std::move(errand), visit, until_ms);
    }
  }
  if (put.oldest != nullptr) deliver(std::move(put.oldest));
  if (put.refused != nullptr) deliver(std::move(put.refused));
  return true;
}

bool Desk::noticed_since(std::uint64_t seen, std::string_view visit) const {
  if (!notices_.empty() && notices_.front().number > seen) return true;  // not known any more
  return std::ranges::any_of(notices_, [&](const Notice& notice) {
    return notice.number >= seen && notice.visit == visit;
  });
}

void Desk::count(const GateErrand& errand) noexcept {
  const auto path = find_gate_path(errand.request.path);
  if (!path) return;
  const auto outcome = static_cast<std::size_t>(outcome_of(errand.reply));
  answers_[*path][outcome].fetch_add(1, std::memory_order_relaxed);
}

void Desk::deliver(Errand errand) {
  count(*errand);
  work_.finish(*errand);
  GateErrand* const given = errand.release();
  while (!work_.deliver(given)) {
    if (stopping_.load()) {
      delete given;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace sallyport::http_door
