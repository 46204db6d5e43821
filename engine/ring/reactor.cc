#include "engine/ring/reactor.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/thread.h"

namespace sallyport::ring {
namespace {

/// Completions that a busy shard waits for, at the most: more would not make a turn much cheaper.
constexpr std::uint32_t kMostCompany = 32;

/// A turn takes microseconds, but verify's threads may share the core and compute for milliseconds.
/// A thread that asks for a short time slice preempts one with a longer one (since Linux 6.12; an
/// older kernel ignores it). Refused by a sandbox: slower, not wrong.
void ask_for_short_slices() noexcept {
  if (::sched_getscheduler(0) != SCHED_OTHER) return;  // somebody has chosen better for us
  struct {
    std::uint32_t size;
    std::uint32_t policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime_ns;
    std::uint64_t deadline_ns;
    std::uint64_t period_ns;
  } attributes{};  // sched_attr, which glibc 2.36 does not declare
  attributes.size = sizeof(attributes);
  attributes.policy = SCHED_OTHER;
  attributes.nice = ::getpriority(PRIO_PROCESS, 0);
  attributes.runtime_ns = 100'000;  // the least that the kernel takes
  static_cast<void>(::syscall(SYS_sched_setattr, 0, &attributes, 0));
}

}  // namespace

std::expected<std::unique_ptr<Reactor>, std::string> Reactor::open(ReactorPlan plan) {
  std::unique_ptr<Reactor> reactor(new Reactor(std::move(plan)));
  auto ring = Ring::open(reactor->plan_.ring);
  if (!ring) return std::unexpected(ring.error());
  reactor->ring_ = std::move(*ring);
  reactor->wake_event_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!reactor->wake_event_.valid()) {
    return std::unexpected("cannot create an eventfd: " + std::generic_category().message(errno));
  }
  reactor->completions_.resize(reactor->plan_.ring.completion_entries);
  return reactor;
}

Reactor::~Reactor() { CHECK(!thread_.joinable()); }

void Reactor::add(Tenant& tenant, Operation first, Operation last) {
  tenants_.push_back(&tenant);
  for (auto operation = static_cast<std::size_t>(first);
       operation <= static_cast<std::size_t>(last); ++operation) {
    CHECK(owner_[operation] == nullptr);
    owner_[operation] = &tenant;
  }
}

void Reactor::start() {
  thread_ = std::thread([this] { run(); });
}

void Reactor::stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  waker().wake();
}

void Reactor::join() {
  if (thread_.joinable()) thread_.join();
}

void Reactor::run() {
  // A turn, and why in this order:
  // 1. One system call: the wait submits what the turn before has queued.
  // 2. Completions are all copied out before one is acted upon. Nothing is called back.
  // 3. Tenants act one after the other, in the order in which they were added. Each takes what ends
  //    something before what begins something, and timers last: what is here beats the time-out it
  //    was near.
  // 4. At the end nothing of ours is left in the kernel; come_home sees to it.
  enter_thread();
  while (!stopping_.load(std::memory_order_acquire)) {
    wait();
    collect();
    const std::uint64_t now_ns = verify::monotonic_ns();
    for (Tenant* tenant : tenants_) tenant->turn(now_ns);
  }
  come_home();
}

void Reactor::enter_thread() {
  verify::begin_thread(plan_.name.c_str());
  if (plan_.core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(*plan_.core, &cores);
    // Refused when a cpuset has shrunk since start: slower, not wrong.
    static_cast<void>(::pthread_setaffinity_np(::pthread_self(), sizeof(cores), &cores));
  }
  ask_for_short_slices();
  ring_->enable();
  poll_wake_event();
  if (!tenants_.empty()) {
    patience_us_ = std::ranges::min(tenants_, {}, &Tenant::patience_us)->patience_us();
  }
  for (Tenant* tenant : tenants_) tenant->enter();
}

void Reactor::wait() noexcept {
  bool may_wait = !stopping_.load(std::memory_order_acquire);
  for (Tenant* tenant : tenants_) may_wait &= tenant->park();
  for (Tenant* tenant : tenants_) tenant->flush();
  std::optional<std::uint64_t> timeout_ns;
  if (may_wait) {
    std::optional<std::uint64_t> deadline_ms;
    for (const Tenant* tenant : tenants_) {
      const auto own = tenant->next_deadline_ms();
      if (own && (!deadline_ms || *own < *deadline_ms)) deadline_ms = own;
    }
    if (deadline_ms) {
      const std::uint64_t deadline_ns = *deadline_ms * 1'000'000;
      const std::uint64_t now_ns = verify::monotonic_ns();
      timeout_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    }
  } else {
    timeout_ns = 0;
  }
  // As many as the last turn had are likely to come again, if so many were asked for, and together
  // they cost less: a core that wakes for each answer spends half of its time on waking. Where half
  // of them are there it is awake, and the rest comes meanwhile.
  std::uint32_t expected = 0;
  for (const Tenant* tenant : tenants_) expected += tenant->expected();
  const std::uint32_t wanted = std::min({harvested_, expected, kMostCompany});
  const Company company{
      .completions = wanted, .wait_us = patience_us_, .enough = std::max(wanted / 2, 2U)};
  ring_->submit_and_wait(timeout_ns, timeout_ns == 0 ? Company{} : company);
  for (Tenant* tenant : tenants_) tenant->unpark();
}

void Reactor::collect() noexcept {
  const std::size_t count = ring_->harvest(completions_);
  harvested_ = static_cast<std::uint32_t>(count);
  for (const Completion& completion : std::span(completions_).first(count)) {
    Tenant* const owner = owner_[static_cast<std::size_t>(completion.tag.operation)];
    if (owner != nullptr) {
      owner->completed(completion);
    } else if (completion.tag.operation == Operation::wake_event && !completion.more()) {
      --polls_;
      if (!stopping_.load(std::memory_order_acquire)) poll_wake_event();
    }
    // A wake_message has done its work: mailboxes are read in every turn.
  }
}

void Reactor::poll_wake_event() noexcept {
  ring_->poll_readable(wake_event_.get(), {.operation = Operation::wake_event});
  ++polls_;
}

void Reactor::come_home() noexcept {
  // A cancel can miss a request that is just being run again, so it is repeated until all have
  // ended. What was queued in the last turn is submitted ahead of it.
  const auto all_home = [this] {
    return polls_ == 0 && std::ranges::all_of(tenants_, [](const Tenant* tenant) {
             return tenant->in_flight() == 0;
           });
  };
  for (Tenant* tenant : tenants_) tenant->flush();
  while (!all_home()) {
    for (Tenant* tenant : tenants_) tenant->leave();
    ring_->cancel_all({.operation = Operation::cancel_all});
    ring_->submit_and_wait(std::nullopt);
    collect();
  }
  for (Tenant* tenant : tenants_) tenant->left();
  CHECK(ring_->unsubmitted() == 0);
  ring_->retire();
}

}  // namespace sallyport::ring
