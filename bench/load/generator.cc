#include "bench/load/generator.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "protocol/check.h"
#include "verify/clock.h"

namespace sallyport::lab {
namespace {

constexpr std::uint16_t kBufferGroup = 0;
constexpr std::uint32_t kReceiveBuffers = 1024;
constexpr std::uint32_t kReceiveBufferOctets = radius::kMaxPacketOctets;
constexpr std::uint32_t kSubmissionEntries = 1024;
constexpr std::uint32_t kCompletionEntries = 8192;
/// Then answers are looked at: they must not wait for a long burst.
constexpr std::uint32_t kSendsPerTurn = 512;

constexpr std::uint64_t kSecondNs = 1'000'000'000;
/// What was due before the end and has not left so long after it is not sent any more.
constexpr std::uint64_t kOverrunNs = 100'000'000;
/// After an interrupt the answers under way are waited for this long.
constexpr std::uint64_t kPatienceNs = 200'000'000;
/// The longest sleep: an interrupt is seen after it.
constexpr std::uint64_t kNapNs = 100'000'000;

std::uint64_t thread_cpu_ns() noexcept {
  timespec time{};
  CHECK(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<std::uint64_t>(time.tv_sec) * kSecondNs +
         static_cast<std::uint64_t>(time.tv_nsec);
}

ring::Tag receive_tag(std::uint32_t file) noexcept {
  return {.operation = ring::Operation::receive, .index = file};
}

}  // namespace

// --- Set-up: the owner's thread ----------------------------------------------------------------

Generator::Generator(const GeneratorPlan& plan, std::unique_ptr<Workload> workload,
                     RunControl& control)
    : plan_(plan), control_(control), workload_(std::move(workload)) {}

Generator::~Generator() { join(); }

std::expected<std::unique_ptr<Generator>, std::string> Generator::open(
    const GeneratorPlan& plan, std::unique_ptr<Workload> workload,
    std::span<const ring::FileDescriptor> sockets, RunControl& control) {
  std::unique_ptr<Generator> generator(new Generator(plan, std::move(workload), control));
  if (auto built = generator->build(sockets); !built) return std::unexpected(built.error());
  return generator;
}

std::expected<void, std::string> Generator::build(std::span<const ring::FileDescriptor> sockets) {
  files_ = static_cast<std::uint32_t>(sockets.size());
  auto ring = ring::Ring::open({.submission_entries = kSubmissionEntries,
                                .completion_entries = kCompletionEntries,
                                .files = files_});
  if (!ring) return std::unexpected(ring.error());
  ring_ = std::move(*ring);
  auto buffers =
      ring::ReceiveBuffers::open(*ring_, kBufferGroup, kReceiveBuffers, kReceiveBufferOctets);
  if (!buffers) return std::unexpected(buffers.error());
  buffers_ = std::move(*buffers);
  for (std::uint32_t file = 0; file < files_; ++file) {
    if (!ring_->register_file(file, sockets[file].get())) {
      return std::unexpected("cannot register a socket with io_uring: " +
                             std::generic_category().message(errno));
    }
    to_arm_.push_back(file);
  }
  outbox_ = std::make_unique<Outbox>(*ring_, plan_.gso);
  exchanges_ = std::make_unique<Exchanges>(plan_.exchanges, *workload_, files_, plan_.thread,
                                           plan_.threads, *outbox_);
  completions_.resize(kCompletionEntries);
  arrivals_.reserve(kReceiveBuffers);
  return {};
}

void Generator::start() {
  thread_ = std::thread([this] { run(); });
}

void Generator::begin(const Stage& stage) {
  stage_ = stage;
  begin_.release();
}

void Generator::join() {
  if (!thread_.joinable()) return;
  ending_ = true;
  begin_.release();
  thread_.join();
}

// --- The thread --------------------------------------------------------------------------------

void Generator::run() {
  enter_thread();
  for (;;) {
    begin_.acquire();
    if (ending_) break;
    run_stage();
    done_.release();
  }
  come_home();
}

void Generator::enter_thread() {
  sigset_t all;
  sigfillset(&all);  // signals are the owner's
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  ::pthread_setname_np(::pthread_self(), ("load-" + std::to_string(plan_.thread)).c_str());
  if (plan_.core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(*plan_.core, &cores);
    if (::pthread_setaffinity_np(::pthread_self(), sizeof(cores), &cores) != 0) {
      control_.fail("cannot pin a thread to CPU " + std::to_string(*plan_.core));
    }
  }
  ring_->enable();
  arm_receivers();
}

void Generator::run_stage() {
  // A turn, and why in this order:
  // 1. One system call: the wait submits what the turn before has queued.
  // 2. All completions are copied out, and the clock is read once: an answer's latency ends when it
  //    was there to be seen, not when we got round to it.
  // 3. Answers go before new requests: they free Identifiers, and sessions go on.
  // 4. What is overdue comes last: an answer that is here beats its time-out.
  begin_stage();
  for (;;) {
    wait();
    collect();
    const std::uint64_t now_ns = verify::monotonic_ns();
    watch_clock(now_ns);
    handle_answers(now_ns);
    send_due(now_ns);
    exchanges_->expire(now_ns);
    outbox_->flush();
    buffers_->publish();
    arm_receivers();
    if (stage_over(now_ns)) break;
  }
  end_stage();
}

void Generator::begin_stage() {
  result_ = {};
  refused_ = 0;
  window_end_ns_ = 0;
  interrupted_ns_ = 0;
  measuring_ = false;
  sending_ = true;
  second_from_ns_ = stage_.start_ns;
  second_until_ns_ = stage_.start_ns + kSecondNs;
  last_answer_ns_ = 0;
  second_ = -static_cast<std::int64_t>(stage_.warm_up_ns / kSecondNs);
  pacer_.reset();
  switch (stage_.pace) {
    case Pace::rate:
      pacer_ = Pacer::at_rate(stage_.rate, stage_.start_ns, plan_.thread, plan_.threads);
      break;
    case Pace::capture:
      pacer_ = Pacer::at_times([this](std::uint64_t number) { return workload_->time_ns(number); },
                               workload_->sessions(), stage_.start_ns, plan_.thread, plan_.threads);
      break;
    case Pace::window: break;
  }
  // What does not divide evenly goes to the first threads.
  const auto share = [this](std::uint64_t all) {
    return all / plan_.threads + (plan_.thread < all % plan_.threads ? 1 : 0);
  };
  window_ = static_cast<std::uint32_t>(share(stage_.window));
  requests_left_ = stage_.requests ? share(*stage_.requests) : UINT64_MAX;
  exchanges_->start(stage_.measured_from_ns());
}

bool Generator::stage_over(std::uint64_t now_ns) {
  if (const auto& failure = exchanges_->failure()) {
    control_.fail(*failure);
    return true;
  }
  if (control_.stopping()) {
    if (interrupted_ns_ == 0) {
      interrupted_ns_ = now_ns;
      end_sending(now_ns, now_ns);
    }
    if (control_.failure() || now_ns > interrupted_ns_ + kPatienceNs) return true;
  }
  return !sending_ && exchanges_->under_way() == 0;
}

void Generator::end_stage() {
  const std::uint64_t now_ns = verify::monotonic_ns();
  if (sending_) end_sending(now_ns, now_ns);
  if (window_end_ns_ == 0) {  // all requests are sent: the rate's time ends with their last answer
    window_end_ns_ = last_answer_ns_;
    result_.answers_in_time = exchanges_->tally().answers;
    if (measuring_) result_.cpu_ns = thread_cpu_ns() - cpu_from_ns_;
  }
  outbox_->flush();
  ring_->submit();
  result_.tally = exchanges_->tally();
  result_.tally.refused = refused_;
  result_.tally.unanswered = exchanges_->under_way();
  const std::uint64_t from_ns = stage_.measured_from_ns();
  result_.elapsed_ns = window_end_ns_ > from_ns ? window_end_ns_ - from_ns : 0;
  if (result_.elapsed_ns == 0) return;
  result_.busy = static_cast<double>(result_.cpu_ns) / static_cast<double>(result_.elapsed_ns);
}

void Generator::come_home() {
  // A cancel can miss a receive that is just being run again: repeated until all have ended. One by
  // one: the kernel finds a request by its tag at once, but to cancel "all" it looks through those
  // that are left again for each.
  while (armed_ > 0) {
    for (std::uint32_t file = 0; file < files_; ++file) {
      ring_->cancel(receive_tag(file), {.operation = ring::Operation::cancel});
      ++canceling_;
    }
    while (canceling_ > 0) {
      ring_->submit_and_wait(std::nullopt);
      collect();
      for (const Arrival& arrival : arrivals_) buffers_->give_back(arrival.buffer);
      arrivals_.clear();
      to_arm_.clear();
    }
  }
  ring_->retire();
}

// --- A turn ------------------------------------------------------------------------------------

std::uint64_t Generator::wake_ns(std::uint64_t now_ns) const noexcept {
  std::uint64_t wake_ns = now_ns + kNapNs;
  if (const auto deadline_ns = exchanges_->next_deadline_ns()) {
    wake_ns = std::min(wake_ns, *deadline_ns);
  }
  wake_ns = std::min(wake_ns, second_until_ns_);
  if (!sending_) return wake_ns;
  wake_ns = std::min(wake_ns, stage_.end_ns());
  if (blocked_) return wake_ns;  // until an answer or a time-out frees a channel
  if (const auto due = due_ns(now_ns)) wake_ns = std::min(wake_ns, *due);
  return wake_ns;
}

void Generator::wait() {
  const std::uint64_t now_ns = verify::monotonic_ns();
  const std::uint64_t until_ns = wake_ns(now_ns);
  ring_->submit_and_wait(until_ns > now_ns ? until_ns - now_ns : 0);
}

void Generator::collect() noexcept {
  const std::size_t count = ring_->harvest(completions_);
  for (const ring::Completion& completion : std::span(completions_).first(count)) {
    switch (completion.tag.operation) {
      case ring::Operation::receive: receive_completed(completion); break;
      case ring::Operation::send: ++refused_; break;
      case ring::Operation::cancel: --canceling_; break;
      default: CHECK(!"a completion of what was never asked for");
    }
  }
}

void Generator::receive_completed(const ring::Completion& completion) noexcept {
  const std::uint32_t file = completion.tag.index;
  if (const auto buffer = completion.buffer()) {
    const auto octets = static_cast<std::size_t>(std::max(completion.result, 0));
    arrivals_.push_back({file, *buffer, buffers_->take(*buffer, octets)});
  }
  if (completion.more()) return;
  --armed_;
  // Starved of buffers, or at its turn's end: nothing is lost, the datagram is still in the socket.
  // Anything else is what ICMP told about a request of ours.
  if (completion.result < 0 && completion.result != -ENOBUFS && completion.result != -EAGAIN &&
      completion.result != -ECANCELED) {
    ++refused_;
  }
  to_arm_.push_back(file);
}

void Generator::handle_answers(std::uint64_t now_ns) noexcept {
  for (const Arrival& arrival : arrivals_) {
    exchanges_->answer(arrival.file, arrival.octets, now_ns);
    buffers_->give_back(arrival.buffer);
  }
  if (!arrivals_.empty()) {
    blocked_ = false;
    last_answer_ns_ = now_ns;
  }
  arrivals_.clear();
}

std::optional<std::uint64_t> Generator::due_ns(std::uint64_t now_ns) const noexcept {
  if (pacer_) return pacer_->next_ns();
  if (exchanges_->under_way() < window_) return std::max(now_ns, stage_.start_ns);
  return std::nullopt;
}

void Generator::send_due(std::uint64_t now_ns) {
  if (!sending_) return;
  for (std::uint32_t count = 0; count < kSendsPerTurn; ++count) {
    const auto due = due_ns(now_ns);
    if (requests_left_ == 0 || (pacer_ && !due)) {
      end_sending(now_ns, 0);
      return;
    }
    if (!due || *due > now_ns || *due >= stage_.end_ns()) break;
    blocked_ = !exchanges_->send_next(*due, now_ns);
    if (blocked_) break;
    if (pacer_) pacer_->advance();
    --requests_left_;
  }
  const auto next = pacer_ ? pacer_->next_ns() : std::nullopt;
  const bool all_sent = !next || *next >= stage_.end_ns();
  if (now_ns >= stage_.end_ns() + (all_sent ? 0 : kOverrunNs)) {
    end_sending(now_ns, stage_.end_ns());
  }
}

/// `window_end_ns`: where the rate's time ends; 0: with the last answer.
void Generator::end_sending(std::uint64_t now_ns, std::uint64_t window_end_ns) {
  if (!sending_) return;
  sending_ = false;
  if (pacer_ && window_end_ns != 0) {
    exchanges_->tally().unsent = pacer_->overdue(std::min(now_ns, window_end_ns));
  }
  window_end_ns_ = window_end_ns;
  if (window_end_ns == 0) return;
  result_.answers_in_time = exchanges_->tally().answers;
  if (measuring_) result_.cpu_ns = thread_cpu_ns() - cpu_from_ns_;
}

void Generator::arm_receivers() noexcept {
  for (const std::uint32_t file : to_arm_) {
    ring_->receive(file, kBufferGroup, receive_tag(file));
    ++armed_;
  }
  to_arm_.clear();
}

void Generator::watch_clock(std::uint64_t now_ns) {
  if (!measuring_ && now_ns >= stage_.measured_from_ns()) {
    measuring_ = true;
    cpu_from_ns_ = thread_cpu_ns();
  }
  if (now_ns < second_until_ns_) return;
  Tally& recent = exchanges_->recent();
  Second second;
  second.number = ++second_;
  second.elapsed_ns = now_ns - second_from_ns_;
  second.answers = recent.answers;
  second.lost = recent.lost;
  second.latency = recent.latency;
  control_.post(std::move(second));
  recent = {};
  second_from_ns_ = now_ns;
  second_until_ns_ += kSecondNs;
}

}  // namespace sallyport::lab
