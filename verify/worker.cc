#include "verify/worker.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include <pthread.h>

#include "protocol/check.h"
#include "protocol/random.h"
#include "verify/clock.h"

namespace sallyport::verify {

using notakey::ActionKind;
using notakey::Event;
using notakey::EventKind;
using notakey::Fault;
using notakey::FaultKind;
using notakey::TokenCache;

namespace {

AskerKeys random_keys() {
  AskerKeys::Random key;
  SystemRandom().fill(key);
  return AskerKeys(key);
}

}  // namespace

Worker::Worker(const WorkerContext& context, bool checks_health)
    : context_(context),
      checks_health_(checks_health),
      inbox_(context.tuning.inbox),
      multi_(context.tuning.calls_per_lane),
      api_(context.notakey),
      plain_headers_(make_headers({})),
      asker_keys_(random_keys()),
      health_pace_(context.tuning.health_ms, context.tuning.max_health_ms),
      random_(static_cast<std::uint32_t>(monotonic_ns()) | 1) {
  CHECK(plain_headers_ != nullptr);
  if (context.limits) limits_.emplace(*context.limits, kMaxLimitEntries);
}

Worker::~Worker() { stop(); }

void Worker::start() {
  CHECK(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "verify");
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  multi_.wake();
  thread_.join();
}

bool Worker::ask(const Question& question) noexcept {
  if (!inbox_.try_push({.kind = Command::Kind::ask, .question = question})) return false;
  // Pairs with the fence in run(): either we see it parked, or it sees the question.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (parked_.load(std::memory_order_relaxed) && parked_.exchange(false)) multi_.wake();
  return true;
}

void Worker::release(Ticket ticket, const JoinKey& key) noexcept {
  Command command{.kind = Command::Kind::release, .question = {}};
  command.question.ticket = ticket;
  command.question.join_key = key;
  // Best effort: nobody waits for it, so it wakes nobody, and a full inbox loses it.
  static_cast<void>(inbox_.try_push(command));
}

/// The loop. (1) Sleep only with an empty inbox, and say so before looking. (2) libcurl works
/// inside wait(). (3) What ended comes before what is new: it may free its slot. (4) New calls are
/// put in line by all steps and started together. (5) Answers that found the sink full go last.
void Worker::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the main thread's; no SIGPIPE from TLS
  while (!stopping_.load(std::memory_order_relaxed)) {
    parked_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const bool idle = inbox_.empty() && polls_in_line_.empty() && !may_create() &&
                      !stopping_.load(std::memory_order_relaxed);
    multi_.wait(idle ? wake_at_ms() : 0);
    parked_.store(false, std::memory_order_relaxed);
    harvest();
    read_inbox();
    run_timers();
    start_calls();
    redeliver();
  }
  clear();
}

std::uint64_t Worker::wake_at_ms() {
  std::uint64_t at_ms = deadlines_.next_ms().value_or(UINT64_MAX);
  if (checks_health_ && !health_running_) at_ms = std::min(at_ms, next_health_ms_);
  if (!undelivered_.empty()) at_ms = std::min(at_ms, monotonic_ms() + context_.tuning.redeliver_ms);
  return at_ms;
}

void Worker::harvest() {
  for (;;) {
    const auto [transfer, code] = multi_.take_finished();
    if (transfer == nullptr) return;
    const CallOutcome outcome = transfer->finish(code, monotonic_ns());
    count(*transfer, outcome);
    switch (transfer->purpose) {
      case Purpose::create:
      case Purpose::poll: on_call(*transfer, outcome); break;
      case Purpose::token: on_token(*transfer, outcome); break;
      case Purpose::health: on_health(*transfer, outcome); break;
    }
  }
}

void Worker::read_inbox() {
  Command command;
  // At most what was there at the start of the turn, roughly: libcurl must not starve.
  for (std::uint32_t taken = 0; taken < 4'096 && inbox_.try_pop(command); ++taken) {
    switch (command.kind) {
      case Command::Kind::ask: on_question(command.question); break;
      case Command::Kind::release:
        on_release(command.question.ticket, command.question.join_key);
        break;
    }
  }
}

void Worker::run_timers() {
  const std::uint64_t now_ms = monotonic_ms();
  while (const auto index = deadlines_.take_due(now_ms)) on_due(*index);
  if (checks_health_ && !health_running_ && now_ms >= next_health_ms_) begin_health();
}

bool Worker::may_create() const noexcept {
  return !creates_in_line_.empty() && creates_on_their_way_ < context_.tuning.max_creates;
}

void Worker::start_calls() {
  for (std::size_t started = 0; started < kStartsPerTurn; ++started) {
    const bool create = may_create();
    if (!create && polls_in_line_.empty()) return;
    const bool in_turn = polls_in_line_.empty() || started % 2 == 0;
    start_next(create && in_turn ? creates_in_line_ : polls_in_line_);
  }
}

/// Who has been decided or dropped meanwhile no longer wants its call.
void Worker::start_next(std::deque<std::uint32_t>& line) {
  const std::uint32_t index = line.front();
  line.pop_front();
  if (!table_.used(index) || !std::exchange(table_[index].call_wanted, false)) return;
  const Fault fault = send(index);
  if (fault.kind == FaultKind::none) return;
  Event failed = event(EventKind::failed, table_[index]);
  failed.fault = fault;
  failed.may_have_left = false;
  drive(index, failed);
}

/// A full mailbox of one shard does not keep the answers for the others.
void Worker::redeliver() {
  std::erase_if(undelivered_, [this](const Answer& left) { return context_.sink.deliver(left); });
}

/// Nobody gets a verdict any more; what is in flight is given up.
void Worker::clear() {
  for (const auto& transfer : transfers_) multi_.cancel(*transfer);
  for (std::uint32_t index = 0; index < table_.slots(); ++index) {
    if (!table_.used(index)) continue;
    if (table_[index].dialogue.state() != notakey::DialogueState::decided)
      context_.bound.give_back();
    table_[index].transfer = nullptr;
    table_.end(index);
  }
  creates_in_line_.clear();
  polls_in_line_.clear();
  creates_on_their_way_ = 0;
  pending_ = 0;
  metrics_.pending.set(0);
}

void Worker::on_question(const Question& question) {
  metrics_.questions.add();
  const std::uint64_t now_ns = monotonic_ns();
  Waiter waiter{.ticket = question.ticket, .asked_ns = question.asked_ns};
  if (waiter.asked_ns == 0 || waiter.asked_ns > now_ns) waiter.asked_ns = now_ns;

  if (const std::uint32_t known = table_.find(question.join_key);
      known != VerificationTable::kNone) {
    Verification& verification = table_[known];
    waiter.joined = true;
    metrics_.joined.add();
    if (verification.dialogue.state() == notakey::DialogueState::decided)
      return answer(waiter, verification.decision);  // kept to the end of its grace
    if (verification.waiters.size() >= VerificationTable::kMaxWaiters)
      // The question that he would share is on its way, or will be: only its answer opens.
      return answer(waiter, {.push_out = true, .fault = {.kind = FaultKind::overload}});
    verification.waiters.push_back(waiter);
    verification.drop_at_ms = Verification::kNotLeft;
    return reschedule(known);
  }

  const Asker asker = asker_keys_.of(question);
  if (const auto decided = decide_unasked(question, asker)) {
    metrics_.verdicts[static_cast<std::size_t>(decided->verdict)].add();
    return answer(waiter, *decided);
  }
  if (!context_.bound.take())
    return answer(waiter, {.push_out = false, .fault = {.kind = FaultKind::overload}});
  metrics_.pending.set(++pending_);
  const std::uint32_t index = table_.begin(question);
  Verification& verification = table_[index];
  verification.waiters.push_back(waiter);
  verification.asker = asker;
  verification.remember = question.remember_ms > 0 && asker.has_station;
  const std::uint64_t asked_ms = waiter.asked_ns / 1'000'000;
  verification.dialogue =
      notakey::Dialogue(api_.version(), asked_ms, asked_ms + context_.notakey.ttl_ms);
  drive(index, event(EventKind::begin, verification));
}

std::optional<Decision> Worker::decide_unasked(const Question& question, const Asker& asker) {
  const std::uint64_t now_ms = monotonic_ms();
  if (asker.has_station && approvals_.is_good(asker, now_ms, question.remember_ms)) {
    metrics_.remembered.add();
    return Decision{.verdict = Verdict::approved,
                    .fault = {},
                    .remembered = true,
                    .groups = std::string(approvals_.groups_of(asker))};
  }
  if (!limits_) return std::nullopt;
  const PushLimitedBy by = limits_->take(asker, approvals_.knows(asker), now_ms);
  if (by == PushLimitedBy::none) return std::nullopt;
  return Decision{.verdict = Verdict::limited, .fault = {}, .limited_by = by};
}

void Worker::learn(const Verification& verification) {
  const Asker& asker = verification.asker;
  switch (verification.decision.verdict) {
    case Verdict::approved:
      return approvals_.approved(asker, verification.remember, verification.decision.groups,
                                 monotonic_ms());
    case Verdict::denied:
      approvals_.denied(asker);
      if (limits_) limits_->denied(asker, monotonic_ms());
      return;
    case Verdict::expired:
    case Verdict::unknown_user:
    case Verdict::limited:
    case Verdict::unavailable: return;
  }
}

void Worker::on_release(Ticket ticket, const JoinKey& key) {
  const std::uint32_t index = table_.find(key);
  if (index == VerificationTable::kNone || !table_.leave(index, ticket)) return;
  metrics_.released.add();
  table_[index].drop_at_ms = monotonic_ms() + context_.tuning.release_grace_ms;
  reschedule(index);
}

void Worker::on_due(std::uint32_t index) {
  const Verification& verification = table_[index];
  if (monotonic_ms() >= verification.drop_at_ms) return drop(index);
  Event due = event(EventKind::due, verification);
  due.may_have_left = verification.transfer != nullptr && verification.transfer->may_have_left();
  drive(index, due);
}

void Worker::on_call(Transfer& transfer, const CallOutcome& outcome) {
  const std::uint32_t index = transfer.owner;
  Verification& verification = table_[index];
  CHECK(verification.transfer == &transfer);
  verification.transfer = nullptr;
  if (transfer.purpose == Purpose::create) --creates_on_their_way_;
  const bool answered = outcome.fault.kind == FaultKind::none;
  Event ended = event(answered ? EventKind::answered : EventKind::failed, verification);
  ended.fault = outcome.fault;
  ended.may_have_left = outcome.may_have_left;
  if (answered) fill_answer(ended, transfer, outcome);
  drive(index, ended);
  put_back(transfer);  // only now: the event looks into its answer
}

void Worker::fill_answer(Event& event, Transfer& transfer, const CallOutcome& outcome) {
  event.http_status = outcome.http_status;
  event.retry_after_ms = outcome.retry_after_ms;
  const bool success = outcome.http_status >= 200 && outcome.http_status < 300;
  if (transfer.purpose == Purpose::create) {
    if (success) {
      event.created = reader_.created(transfer.answer());
      event.next_poll_ms = notakey::first_poll_ms(context_.tuning.poll, pending_, random_);
    } else {
      event.names_errors = reader_.names_errors(transfer.answer());
    }
  } else if (success) {
    event.result = reader_.result(transfer.answer());
    // How long this poll took says whether the server holds it; a failed one says nothing.
    event.next_poll_ms =
        notakey::next_poll_ms(context_.tuning.poll, pending_, outcome.took_ms, random_);
  }
}

Event Worker::event(EventKind kind, const Verification& verification) {
  random_ ^= random_ << 13;  // xorshift: spreads polls, decides nothing
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  Event made;
  made.kind = kind;
  made.now_ms = monotonic_ms();
  made.user = verification.user;
  made.next_poll_ms = notakey::next_poll_ms(context_.tuning.poll, pending_, 0, random_);
  return made;
}

void Worker::drive(std::uint32_t index, Event happened) {
  Verification& verification = table_[index];
  for (;;) {
    const notakey::Action action = verification.dialogue.step(happened);
    switch (action.kind) {
      case ActionKind::wait:
        // Once the question has been put, nothing of it is needed but the user's name.
        if (verification.dialogue.push_out()) verification.question.reset();
        return reschedule(index);
      case ActionKind::decide: {
        const bool approved = action.verdict == Verdict::approved && happened.result.has_value();
        return conclude(index, {.verdict = action.verdict,
                                .push_out = action.push_out,
                                .fault = action.fault,
                                .groups = std::string(approved ? happened.result->groups : "")});
      }
      case ActionKind::get_token: {
        if (action.token_refused) tokens_.drop(verification.token_generation);
        TokenCache::Need need{};
        want_token(index, need);
        if (need == TokenCache::Need::waiting || need == TokenCache::Need::fetch)
          return reschedule(index);
        const bool ready = need == TokenCache::Need::ready;
        happened = event(ready ? EventKind::token_ready : EventKind::token_failed, verification);
        happened.fault = tokens_.last_fault();
        break;
      }
      case ActionKind::create:
      case ActionKind::poll: want_call(index); return reschedule(index);
    }
  }
}

void Worker::want_call(std::uint32_t index) {
  Verification& verification = table_[index];
  const bool create = verification.dialogue.state() == notakey::DialogueState::creating;
  CHECK(verification.transfer == nullptr && !verification.call_wanted);
  verification.call_wanted = true;
  verification.call_since_ms = monotonic_ms();
  (create ? creates_in_line_ : polls_in_line_).push_back(index);
}

Fault Worker::send(std::uint32_t index) {
  Verification& verification = table_[index];
  const std::uint64_t now_ms = monotonic_ms();
  const std::uint64_t left_ms =
      verification.dialogue.deadline_ms() - std::min(now_ms, verification.dialogue.deadline_ms());
  const bool create = verification.dialogue.state() == notakey::DialogueState::creating;
  const auto ttl_s = static_cast<std::uint32_t>((left_ms + 999) / 1'000);
  const auto made = create ? api_.create(*verification.question, ttl_s, request_)
                           : api_.result(verification.dialogue.uuid(), request_);
  if (!made) return made.error();
  // As with a create that is put off by the service: the user keeps half of the time to answer.
  if (create && now_ms - verification.call_since_ms >= context_.notakey.ttl_ms / 2)
    return {.kind = FaultKind::timeout};
  const std::uint64_t timeout_ms =
      context_.notakey.timeout_ms + (create ? 0 : std::uint64_t{context_.tuning.hold_ms});
  Transfer& transfer = idle_transfer(create ? Purpose::create : Purpose::poll);
  transfer.owner = index;
  verification.transfer = &transfer;
  verification.token_generation = tokens_.generation();
  create ? static_cast<void>(++creates_on_their_way_) : metrics_.polls.add();
  launch(transfer, static_cast<std::uint32_t>(std::min(timeout_ms, left_ms)));
  return {};
}

/// The call that it waits for, in line or on its way, is no longer wanted.
void Worker::give_up_call(Verification& verification) {
  verification.call_wanted = false;
  Transfer* const transfer = std::exchange(verification.transfer, nullptr);
  if (transfer == nullptr) return;
  if (transfer->purpose == Purpose::create) --creates_on_their_way_;
  multi_.cancel(*transfer);
  put_back(*transfer);
}

void Worker::conclude(std::uint32_t index, const Decision& decision) {
  Verification& verification = table_[index];
  verification.decision = decision;
  metrics_.verdicts[static_cast<std::size_t>(decision.verdict)].add();
  metrics_.pending.set(--pending_);
  context_.bound.give_back();
  learn(verification);
  give_up_call(verification);  // decided by its deadline
  for (const Waiter& waiter : verification.waiters) answer(waiter, decision);
  // Nobody waited: an equal question may still come before the grace ends.
  if (verification.waiters.empty() && monotonic_ms() < verification.drop_at_ms)
    return reschedule(index);
  deadlines_.cancel(index);
  table_.end(index);
}

void Worker::drop(std::uint32_t index) {
  Verification& verification = table_[index];
  if (verification.dialogue.state() != notakey::DialogueState::decided) {
    metrics_.pending.set(--pending_);
    context_.bound.give_back();
  }
  give_up_call(verification);
  deadlines_.cancel(index);
  table_.end(index);
}

void Worker::reschedule(std::uint32_t index) {
  const Verification& verification = table_[index];
  deadlines_.schedule(index, std::min(verification.dialogue.wake_at_ms(), verification.drop_at_ms));
}

void Worker::answer(const Waiter& waiter, const Decision& decision) {
  const std::uint64_t waited_ns = monotonic_ns() - waiter.asked_ns;
  metrics_.verdict_latency.record(waited_ns);
  const Answer made{.ticket = waiter.ticket,
                    .verdict = decision.verdict,
                    .push_out = decision.push_out,
                    .remembered = decision.remembered,
                    .joined = waiter.joined,
                    .waited_ms = static_cast<std::uint32_t>(waited_ns / 1'000'000),
                    .groups = ShortText<255>(decision.groups),
                    .detail = decision.limited_by == PushLimitedBy::none
                                  ? notakey::describe(decision.fault)
                                  : ShortText<63>(to_text(decision.limited_by))};
  if (context_.sink.deliver(made)) return;
  metrics_.undeliverable.add();
  undelivered_.push_back(made);
}

Transfer& Worker::idle_transfer(Purpose purpose) {
  const bool posts = purpose == Purpose::create || purpose == Purpose::token;
  std::vector<Transfer*>& idle = idle_[posts ? 1 : 0];
  if (idle.empty()) {
    transfers_.push_back(std::make_unique<Transfer>(context_.notakey, posts));
    transfers_.back()->home = static_cast<std::uint32_t>(transfers_.size() - 1);
    idle.push_back(transfers_.back().get());
  }
  Transfer& transfer = *idle.back();
  idle.pop_back();
  transfer.purpose = purpose;
  return transfer;
}

void Worker::launch(Transfer& transfer, std::uint32_t timeout_ms) {
  Headers headers = plain_headers_;
  if (request_.authorised) {
    if (token_headers_ == nullptr || token_headers_generation_ != tokens_.generation()) {
      token_headers_ = make_headers(as_text(tokens_.token()));
      CHECK(token_headers_ != nullptr);
      token_headers_generation_ = tokens_.generation();
    }
    headers = token_headers_;
  }
  transfer.prepare(request_, std::move(headers), timeout_ms, monotonic_ns());
  multi_.start(transfer);
}

void Worker::put_back(Transfer& transfer) {
  transfer.recycle();
  std::vector<Transfer*>& idle = idle_[transfer.posts() ? 1 : 0];
  if (idle.size() < kMaxIdleTransfers) return idle.push_back(&transfer);
  const std::uint32_t hole = transfer.home;
  transfers_.back()->home = hole;
  std::swap(transfers_[hole], transfers_.back());
  transfers_.pop_back();
}

void Worker::count(const Transfer& transfer, const CallOutcome& outcome) {
  if (outcome.fault.kind != FaultKind::none) metrics_.transfer_errors.add();
  if (outcome.http_status == 429 || outcome.retry_after_ms) metrics_.throttled.add();
  const bool success = outcome.http_status >= 200 && outcome.http_status < 300;
  if (transfer.purpose == Purpose::create && success) metrics_.pushes.add();
  const bool held =
      transfer.purpose == Purpose::poll && outcome.took_ms >= context_.tuning.poll.interval_ms;
  if (outcome.fault.kind == FaultKind::none && !held) metrics_.api_latency.record(outcome.took_ns);
}

}  // namespace sallyport::verify
