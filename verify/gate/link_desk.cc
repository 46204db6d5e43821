#include "verify/gate/link_desk.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <semaphore.h>

#include "protocol/check.h"
#include "verify/bounded_queue.h"
#include "verify/clock.h"
#include "verify/thread.h"

namespace sallyport::verify {
namespace {

/// How late the end of a link may be noticed.
constexpr std::uint64_t kSweepMs = 250;
constexpr std::chrono::milliseconds kDeliverAgain{2};

struct Letter {
  Question question;
  bool releases = false;  ///< of the question, `ticket` and `join_key` are all there is
};

struct Waiter {
  Ticket ticket;
  std::uint64_t asked_ns = 0;
};

/// One link and all who wait for what its page decides.
struct Pending {
  Question question;
  LoginLink link;
  std::vector<Waiter> waiters;
  std::uint64_t until_ms = 0;  ///< monotonic
  bool to_look_at = false;     ///< among the events that are left
};

/// What has happened to a visit.
struct Event {
  enum class What : std::uint8_t { changed, given_up, over };
  std::string visit;
  What what = What::changed;
};

}  // namespace

struct LinkDesk::Impl : std::enable_shared_from_this<LinkDesk::Impl> {
  Impl(const LinkDeskPlan& its_plan, LoginSender& its_sender, VerdictSink& its_sink)
      : plan(its_plan), sender(its_sender), sink(its_sink), inbox(its_plan.questions) {
    CHECK(plan.threads > 0 && plan.pending > 0 && sem_init(&wake, 0, 0) == 0);
  }
  ~Impl() { sem_destroy(&wake); }

  void run(bool sweeps);
  void wait(bool sweeps);
  void sweep();
  void tell(std::string_view visit, Event::What what);
  void look_at_all();
  [[nodiscard]] std::optional<Letter> next_letter();
  [[nodiscard]] std::optional<Event> next_event();

  void begin(const Question& question);
  /// Nothing: it waits with others, or has been refused.
  [[nodiscard]] std::optional<LoginLink> join_or_add(const Question& question);
  void release(const Question& question);
  void handle(const Event& event);
  [[nodiscard]] std::optional<LoginLink> link_of(const std::string& visit);
  void conclude(const std::string& visit, Verdict verdict, const char* detail);
  void refuse(const Question& question, const char* detail);
  void deliver(const Answer& answer);

  const LinkDeskPlan plan;
  LoginSender& sender;
  VerdictSink& sink;
  BoundedQueue<Letter> inbox;
  std::mutex inbox_reader;  ///< the queue has room for one reader at a time
  sem_t wake;
  std::atomic<bool> stopping{false};

  std::mutex mutex;  ///< over what follows; never held while the store or a directory is asked
  std::map<std::string, Pending, std::less<>> pending;  ///< by visit
  std::map<JoinKey, std::string> visits;
  std::deque<Event> events;
};

LinkDesk::LinkDesk(const LinkDeskPlan& plan, LoginSender& sender, VerdictSink& sink)
    : impl_(std::make_shared<Impl>(plan, sender, sink)) {}

LinkDesk::~LinkDesk() { stop(); }

void LinkDesk::start() {
  for (std::uint32_t i = 0; i < impl_->plan.threads; ++i) {
    threads_.emplace_back([impl = impl_.get(), i] {
      begin_thread("links");
      impl->run(i == 0);
    });
  }
}

void LinkDesk::stop() {
  impl_->stopping.store(true);
  for (std::size_t i = 0; i < threads_.size(); ++i) sem_post(&impl_->wake);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool LinkDesk::ask(const Question& question) noexcept {
  if (!impl_->inbox.try_push({.question = question, .releases = false})) return false;
  sem_post(&impl_->wake);
  return true;
}

void LinkDesk::release(Ticket ticket, const JoinKey& key, std::uint64_t user_hash) noexcept {
  Letter letter{.question = {}, .releases = true};
  letter.question.ticket = ticket;
  letter.question.join_key = key;
  letter.question.user_hash = user_hash;
  if (impl_->inbox.try_push(letter)) sem_post(&impl_->wake);
}

std::function<void(std::string_view visit)> LinkDesk::watcher() const {
  return [weak = std::weak_ptr<Impl>(impl_)](std::string_view visit) {
    const auto impl = weak.lock();
    if (impl == nullptr) return;
    if (visit.empty())
      impl->look_at_all();
    else
      impl->tell(visit, Event::What::changed);
  };
}

void LinkDesk::Impl::tell(std::string_view visit, Event::What what) {
  {
    const std::scoped_lock lock(mutex);
    if (!pending.contains(visit)) return;  // a browser's, or over
    events.push_back({.visit = std::string(visit), .what = what});
  }
  sem_post(&wake);
}

void LinkDesk::Impl::look_at_all() {
  const std::scoped_lock lock(mutex);
  for (auto& [visit, one] : pending) {
    if (std::exchange(one.to_look_at, true)) continue;
    events.push_back({.visit = visit, .what = Event::What::changed});
    sem_post(&wake);
  }
}

void LinkDesk::Impl::wait(bool sweeps) {
  if (!sweeps) {
    while (sem_wait(&wake) != 0 && errno == EINTR) {
    }
    return;
  }
  timespec until{};
  CHECK(clock_gettime(CLOCK_REALTIME, &until) == 0);
  until.tv_nsec += static_cast<long>(kSweepMs) * 1'000'000;
  until.tv_sec += until.tv_nsec / 1'000'000'000;
  until.tv_nsec %= 1'000'000'000;
  static_cast<void>(sem_timedwait(&wake, &until));  // late, or woken for nothing: no harm
}

void LinkDesk::Impl::run(bool sweeps) {
  std::uint64_t sweep_ms = monotonic_ms() + kSweepMs;
  while (!stopping.load()) {
    wait(sweeps);
    if (sweeps && monotonic_ms() >= sweep_ms) {
      sweep();
      sweep_ms = monotonic_ms() + kSweepMs;
    }
    if (const auto event = next_event()) handle(*event);
    if (const auto letter = next_letter())
      letter->releases ? release(letter->question) : begin(letter->question);
  }
}

void LinkDesk::Impl::sweep() {
  const std::uint64_t now = monotonic_ms();
  const std::scoped_lock lock(mutex);
  for (auto& [visit, one] : pending) {
    if (now < one.until_ms) continue;
    one.until_ms = now + 60'000;  // not a second time while it is looked at
    events.push_back({.visit = visit, .what = Event::What::over});
    sem_post(&wake);
  }
}

std::optional<Letter> LinkDesk::Impl::next_letter() {
  Letter letter;
  const std::scoped_lock lock(inbox_reader);
  if (!inbox.try_pop(letter)) return std::nullopt;
  return letter;
}

std::optional<Event> LinkDesk::Impl::next_event() {
  const std::scoped_lock lock(mutex);
  if (events.empty()) return std::nullopt;
  Event event = std::move(events.front());
  events.pop_front();
  if (const auto found = pending.find(event.visit);
      found != pending.end() && event.what == Event::What::changed)
    found->second.to_look_at = false;
  return event;
}

std::optional<LoginLink> LinkDesk::Impl::join_or_add(const Question& question) {
  const char* refused = nullptr;
  {
    const std::scoped_lock lock(mutex);
    const Waiter waiter{.ticket = question.ticket, .asked_ns = question.asked_ns};
    if (const auto joined = visits.find(question.join_key); joined != visits.end()) {
      pending.at(joined->second).waiters.push_back(waiter);
      return std::nullopt;
    }
    const auto his = std::ranges::count_if(pending, [&](const auto& one) {
      return one.second.question.user_hash == question.user_hash;
    });
    if (pending.size() < plan.pending && his < plan.of_one_user) {
      LoginLink link = LoginSender::new_link();
      visits.emplace(question.join_key, link.visit);
      pending.emplace(link.visit, Pending{.question = question,
                                          .link = link,
                                          .waiters = {waiter},
                                          .until_ms = monotonic_ms() + sender.duration_ms()});
      return link;
    }
    refused = "too many links wait";
  }
  refuse(question, refused);
  return std::nullopt;
}

void LinkDesk::Impl::begin(const Question& question) {
  const auto link = join_or_add(question);
  if (!link) return;
  const auto sent =
      sender.send_link(question, *link, [weak = weak_from_this(), visit = link->visit] {
        if (const auto impl = weak.lock()) impl->tell(visit, Event::What::given_up);
      });
  if (sent) return;
  Verdict verdict = Verdict::unavailable;
  if (sent.error() == SendRefusal::limited) verdict = Verdict::limited;
  if (sent.error() == SendRefusal::unknown_user) verdict = Verdict::unknown_user;
  conclude(link->visit, verdict, to_text(sent.error()));
}

void LinkDesk::Impl::release(const Question& question) {
  LoginLink link;
  {
    const std::scoped_lock lock(mutex);
    const auto found = visits.find(question.join_key);
    if (found == visits.end()) return;
    const auto one = pending.find(found->second);
    std::erase_if(one->second.waiters,
                  [&](const Waiter& waiter) { return waiter.ticket == question.ticket; });
    if (!one->second.waiters.empty()) return;
    link = one->second.link;
    pending.erase(one);
    visits.erase(found);
  }
  sender.forget(link);  // its page says that nobody asks any more
}

std::optional<LoginLink> LinkDesk::Impl::link_of(const std::string& visit) {
  const std::scoped_lock lock(mutex);
  const auto found = pending.find(visit);
  if (found == pending.end()) return std::nullopt;
  return found->second.link;
}

void LinkDesk::Impl::handle(const Event& event) {
  const auto link = link_of(event.visit);
  if (!link) return;
  if (event.what == Event::What::given_up)
    return conclude(event.visit, Verdict::unavailable, "the message could not be sent");
  const bool over = event.what == Event::What::over;
  const auto decided = over ? sender.close(*link) : sender.look(*link);
  if (!decided) {
    if (over) conclude(event.visit, Verdict::unavailable, "the store did not answer");
    return;
  }
  if (*decided == Verdict::expired && !over) return;
  conclude(event.visit, *decided, "");
}

void LinkDesk::Impl::conclude(const std::string& visit, Verdict verdict, const char* detail) {
  Pending done;
  {
    const std::scoped_lock lock(mutex);
    const auto found = pending.find(visit);
    if (found == pending.end()) return;
    done = std::move(found->second);
    pending.erase(found);
    visits.erase(done.question.join_key);
  }
  // Before the answer: whoever logs in again at once finds it counted.
  if (verdict == Verdict::approved) sender.approved(done.question);
  if (verdict == Verdict::denied) sender.denied(done.question);
  sender.forget(done.link);
  const std::uint64_t now_ns = monotonic_ns();
  for (const Waiter& waiter : done.waiters) {
    Answer answer;
    answer.ticket = waiter.ticket;
    answer.verdict = verdict;
    answer.push_out = true;
    answer.joined = waiter.ticket != done.waiters.front().ticket;
    answer.waited_ms = static_cast<std::uint32_t>((now_ns - waiter.asked_ns) / 1'000'000);
    answer.detail.assign(std::string_view(detail));
    deliver(answer);
  }
}

void LinkDesk::Impl::refuse(const Question& question, const char* detail) {
  Answer answer;
  answer.ticket = question.ticket;
  answer.verdict = Verdict::unavailable;
  answer.push_out = true;
  answer.detail.assign(std::string_view(detail));
  deliver(answer);
}

// A full mailbox lasts no longer than a turn of the shard's loop.
void LinkDesk::Impl::deliver(const Answer& answer) {
  while (!sink.deliver(answer) && !stopping.load()) std::this_thread::sleep_for(kDeliverAgain);
}

}  // namespace sallyport::verify
