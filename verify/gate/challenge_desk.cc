#include "verify/gate/challenge_desk.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <utility>

#include "protocol/ascii.h"
#include "protocol/check.h"
#include "protocol/secret.h"
#include "verify/clock.h"
#include "verify/gate/core.h"
#include "verify/gate/lockout.h"
#include "verify/gate/no_grants.h"
#include "verify/gate/operators.h"
#include "verify/gate/otp_check.h"
#include "verify/gate/secrets.h"
#include "verify/plain_name.h"
#include "verify/thread.h"

namespace sallyport::verify {
namespace {

constexpr std::uint64_t kSweepMs = 1'000;
/// Places looked at for a free one before it counts as full.
constexpr std::uint32_t kProbes = 64;
constexpr std::size_t kUserCounts = 65'536;
constexpr std::chrono::milliseconds kDeliverAgain{2};

/// Where there is none: whom the downstream lets in is a user.
class Everybody final : public Directory {
 public:
  [[nodiscard]] std::expected<std::optional<User>, std::string> find(std::string_view id) override {
    if (!is_user_id(id)) return std::nullopt;
    User user;
    user.id = id;
    return user;
  }
};

constexpr std::size_t kPlaceAt = kStateMarkOctets + kStateGenerationOctets;

void write_state(std::uint8_t generation, std::uint32_t place, RandomSource& random,
                 ChallengeState& out) noexcept {
  copy_octets(as_octets(kStateMark), out);
  out[kStateMarkOctets] = generation;
  for (std::size_t i = 0; i < kStatePlaceOctets; ++i)
    out[kPlaceAt + i] = static_cast<std::uint8_t>(place >> (8 * (kStatePlaceOctets - 1 - i)));
  random.fill(MutableOctets(out).subspan(kPlaceAt + kStatePlaceOctets));
}

std::uint32_t place_of(const ChallengeState& state) noexcept {
  std::uint32_t place = 0;
  for (std::size_t i = 0; i < kStatePlaceOctets; ++i) place = place << 8 | state[kPlaceAt + i];
  return place;
}

/// Whether the same login goes on with another request.
bool asks_on(CodeVerdict verdict) noexcept {
  switch (verdict) {
    case CodeVerdict::again:
    case CodeVerdict::chose_otp:
    case CodeVerdict::chose_token:
    case CodeVerdict::offered: return true;
    case CodeVerdict::approved:
    case CodeVerdict::denied:
    case CodeVerdict::expired:
    case CodeVerdict::limited:
    case CodeVerdict::unavailable:
    case CodeVerdict::chose_push:
    case CodeVerdict::chose_link:
    case CodeVerdict::unknown_user:
    case CodeVerdict::groups_known: return false;
  }
  return false;
}

/// The one that it is about; of a menu, whose direct answer would be a code, or the first that is
/// not the phone.
LoginFactor factor_of(LoginFactors factors) noexcept {
  for (const LoginFactor factor : {LoginFactor::otp, LoginFactor::token, LoginFactor::link}) {
    if (factors.has(factor)) return factor;
  }
  return LoginFactor::push;
}

Question question_about(const HeldLogin& login) {
  Question question;
  question.user = login.user;
  question.client = login.client;
  question.calling_station = login.calling_station;
  question.address = login.address;
  return question;
}

/// Without what people put between digits.
ShortText<16> digits_of(std::string_view code) {
  std::string digits;
  for (const char c : code) {
    if (is_digit(c)) digits += c;
  }
  return ShortText<16>(digits);
}

}  // namespace

struct ChallengeDesk::Impl {
  NoGrants grants;
  Everybody everybody;
  std::shared_ptr<Core> core;
};

ChallengeDesk::ChallengeDesk(const ChallengeDeskPlan& plan, GateSettings settings,
                             ChallengeWorld world)
    : plan_(plan),
      sink_(world.sink),
      sender_(world.sender),
      has_directory_(world.directory != nullptr),
      impl_(std::make_unique<Impl>()),
      places_(std::make_unique<Place[]>(plan.places)),
      of_users_(kUserCounts),
      inbox_(plan.questions) {
  CHECK(plan.places > 0 && plan.places <= ChallengeDeskPlan::kMaxPlaces && plan.threads > 0 &&
        plan.of_one_user > 0 && plan.of_one_user < 256);
  CHECK(sem_init(&wake_, 0, 0) == 0);
  Directory& directory = has_directory_ ? *world.directory : impl_->everybody;
  impl_->core =
      std::make_shared<Core>(std::move(settings), GateWorld{.store = world.store,
                                                            .sealer = world.sealer,
                                                            .directory = directory,
                                                            .messages = nullptr,
                                                            .push = nullptr,
                                                            .grants = impl_->grants,
                                                            .later = [](std::function<void()>) {},
                                                            .notify = [](std::string_view) {},
                                                            .audit = std::move(world.audit),
                                                            .now_ms = [] { return unix_ms(); }});
}

ChallengeDesk::~ChallengeDesk() {
  stop();
  for (std::uint32_t i = 0; i < plan_.places; ++i) wipe(places_[i].login.accept);
  sem_destroy(&wake_);
}

void ChallengeDesk::start() {
  for (std::uint32_t i = 0; i < plan_.threads; ++i)
    threads_.emplace_back([this, i] {
      begin_thread("codes");
      run(i == 0);
    });
}

void ChallengeDesk::stop() {
  stopping_.store(true);
  for (std::size_t i = 0; i < threads_.size(); ++i) sem_post(&wake_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

// --- Shards ----------------------------------------------------------------------------------

std::optional<ChallengeState> ChallengeDesk::hold(const HeldLogin& login,
                                                  RandomSource& random) noexcept {
  CHECK(login.tries > 0 && login.accept_octets <= login.accept.size());
  std::atomic<std::uint8_t>& count = count_of(login.user_hash);
  std::uint8_t held = count.load(std::memory_order_relaxed);
  do {
    if (held >= plan_.of_one_user) return std::nullopt;
  } while (!count.compare_exchange_weak(held, static_cast<std::uint8_t>(held + 1),
                                        std::memory_order_relaxed));
  for (std::uint32_t probe = 0; probe < std::min(kProbes, plan_.places); ++probe) {
    const std::uint32_t index = next_place_.fetch_add(1, std::memory_order_relaxed) % plan_.places;
    Place& place = places_[index];
    Phase phase = Phase::free;
    if (!place.phase.compare_exchange_strong(phase, Phase::filling, std::memory_order_acquire))
      continue;
    held_.fetch_add(1);
    place.login = login;
    place.until_ms = monotonic_ms() + login.ttl_ms;
    write_state(plan_.generation, index, random, place.state);
    const ChallengeState state = place.state;
    place.phase.store(Phase::waiting, std::memory_order_release);
    return state;
  }
  count.fetch_sub(1, std::memory_order_relaxed);
  return std::nullopt;
}

bool ChallengeDesk::redeem(const TypedCode& typed) noexcept {
  if (!inbox_.try_push(typed)) return false;
  sem_post(&wake_);
  return true;
}

const HeldLogin& ChallengeDesk::held(std::uint32_t place) const noexcept {
  CHECK(place < plan_.places &&
        places_[place].phase.load(std::memory_order_relaxed) == Phase::answered);
  return places_[place].login;
}

void ChallengeDesk::let_go(std::uint32_t place) noexcept {
  CHECK(place < plan_.places &&
        places_[place].phase.load(std::memory_order_relaxed) == Phase::answered);
  clear(places_[place]);
}

void ChallengeDesk::clear(Place& place) noexcept {
  wipe(place.login.accept);
  wipe(place.state);
  wipe(MutableOctets(reinterpret_cast<std::uint8_t*>(&place.token), sizeof(place.token)));
  place.token_given_up.reset();
  place.login.wanted_groups.reset();
  count_of(place.login.user_hash).fetch_sub(1, std::memory_order_relaxed);
  place.phase.store(Phase::free, std::memory_order_release);
  held_.fetch_sub(1);
}

std::atomic<std::uint8_t>& ChallengeDesk::count_of(std::uint64_t user_hash) noexcept {
  return of_users_[user_hash % kUserCounts];
}

// --- The desk's threads ----------------------------------------------------------------------

void ChallengeDesk::run(bool sweeps) {
  std::uint64_t sweep_ms = monotonic_ms() + kSweepMs;
  while (!stopping_.load()) {
    if (sweeps) {
      timespec until{};
      CHECK(clock_gettime(CLOCK_REALTIME, &until) == 0);
      until.tv_sec += static_cast<time_t>(kSweepMs / 1'000);
      static_cast<void>(sem_timedwait(&wake_, &until));  // late, or woken for nothing: no harm
      if (const std::uint64_t now = monotonic_ms(); now >= sweep_ms) {
        sweep();
        sweep_ms = now + kSweepMs;
      }
    } else {
      while (sem_wait(&wake_) != 0 && errno == EINTR) {
      }
    }
    TypedCode typed;
    bool some = false;
    {
      const std::scoped_lock lock(inbox_reader_);
      some = inbox_.try_pop(typed);
    }
    if (some) check(typed);
    wipe(MutableOctets(reinterpret_cast<std::uint8_t*>(&typed.code), sizeof(typed.code)));
  }
}

std::optional<std::uint32_t> ChallengeDesk::claim(const TypedCode& typed) {
  const std::uint32_t index = place_of(typed.state);
  if (index >= plan_.places) return std::nullopt;
  Place& place = places_[index];
  // While it is `waiting`, only this may move it on.
  const std::scoped_lock lock(claiming_);
  if (place.phase.load(std::memory_order_acquire) != Phase::waiting) return std::nullopt;
  const bool same = same_secret(as_text(Octets(place.state)), as_text(Octets(typed.state))) &&
                    place.login.login.view() == typed.login.view() &&
                    place.login.client.view() == typed.client.view();
  if (!same || monotonic_ms() >= place.until_ms) return std::nullopt;
  place.phase.store(Phase::checking, std::memory_order_relaxed);
  return index;
}

void ChallengeDesk::check(const TypedCode& typed) {
  CodeAnswer answer{.ticket = typed.ticket, .verdict = CodeVerdict::expired};
  const std::optional<std::uint32_t> index = claim(typed);
  if (!index) return deliver(answer);
  Place& place = places_[*index];
  const Judged judged = typed.begins ? begin(place) : judge(place, typed.code.view());
  answer.verdict = judged.verdict;
  answer.detail = judged.detail;
  const bool is_try = judged.verdict == CodeVerdict::again ||
                      (judged.verdict == CodeVerdict::offered && !typed.begins);
  if (is_try && --place.login.tries == 0) answer.verdict = CodeVerdict::denied;
  answer.factors = place.login.factors;
  answer.factor = factor_of(place.login.factors);
  if (asks_on(answer.verdict)) {
    // A code that was sent gets no older by being asked for again.
    const std::uint64_t now = monotonic_ms();
    if (place.token.empty()) place.until_ms = now + place.login.ttl_ms;
    write_state(plan_.generation, *index, thread_random(), place.state);
    answer.next = place.state;
    answer.next_ms = static_cast<std::uint32_t>(place.until_ms > now ? place.until_ms - now : 0);
    place.phase.store(Phase::waiting, std::memory_order_release);
    return deliver(answer);
  }
  answer.place = *index;
  place.phase.store(Phase::answered, std::memory_order_release);
  deliver(answer);
}

ChallengeDesk::Judged ChallengeDesk::begin(Place& place) {
  if (place.login.wanted_groups != nullptr) return find_groups(place.login);
  place.login.factors = possible_for(place.login);
  if (place.login.factors.count() > 1) return {.verdict = CodeVerdict::offered};
  if (place.login.factors.count() == 1) return ask_for(place, place.login.factors.first());
  return {.verdict = CodeVerdict::unavailable, .detail = "the user has none of these factors"};
}

// Whoever can cut off a directory must not choose by it what the user is asked for: so an answer is
// all that the directories say of him, or none.
ChallengeDesk::Judged ChallengeDesk::find_groups(HeldLogin& login) {
  const auto unknown = [](const char* why) {
    return Judged{.verdict = CodeVerdict::unavailable, .detail = why};
  };
  if (!has_directory_) return unknown("no user directory is configured");
  // Who writes himself with blanks around is no stranger: he is in the groups that are denied.
  const auto found = impl_->core->find_user(PlainName(login.user.view()).view());
  if (!found || (*found && (*found)->after_failure))
    return unknown("the user directory did not answer");
  if (!*found) return {.verdict = CodeVerdict::groups_known};
  login.groups.spelled_alike = (*found)->id == login.user.view();
  for (const std::string& group : (*found)->groups) {
    const auto wanted = login.wanted_groups->find(group);
    if (wanted && !login.groups.add(*wanted))
      return unknown("in too many of the groups that policies name");
  }
  return {.verdict = CodeVerdict::groups_known};
}

// A choice uses up no try, and there is one choice in a login at most.
ChallengeDesk::Judged ChallengeDesk::judge(Place& place, std::string_view typed) {
  const LoginFactors factors = place.login.factors;
  if (factors == LoginFactors{LoginFactor::push}) return {.verdict = CodeVerdict::chose_push};
  if (factors.count() > 1) {
    const std::optional<LoginFactor> choice = choice_of(typed);
    if (choice && factors.has(*choice)) return ask_for(place, *choice);
    if (!factors.has(LoginFactor::otp)) return {.verdict = CodeVerdict::offered};
  }
  return judge_code(place, typed);
}

ChallengeDesk::Judged ChallengeDesk::ask_for(Place& place, LoginFactor factor) {
  switch (factor) {
    case LoginFactor::push: return {.verdict = CodeVerdict::chose_push};
    case LoginFactor::link: return {.verdict = CodeVerdict::chose_link};
    case LoginFactor::otp:
      place.login.factors = {LoginFactor::otp};
      return {.verdict = CodeVerdict::chose_otp};
    case LoginFactor::token: break;
  }
  place.login.factors = {LoginFactor::token};
  return send_token(place);
}

ChallengeDesk::Judged ChallengeDesk::send_token(Place& place) {
  if (sender_ == nullptr)
    return {.verdict = CodeVerdict::unavailable, .detail = "nothing sends messages"};
  std::string code = sender_->new_code();
  auto given_up = std::make_shared<std::atomic<bool>>(false);
  const auto sent =
      sender_->send_token(question_about(place.login), code, [given_up] { given_up->store(true); });
  if (sent) {
    place.token.assign(code);
    place.token_given_up = std::move(given_up);
    place.until_ms = monotonic_ms() + sender_->duration_ms();
  }
  wipe(MutableOctets(reinterpret_cast<std::uint8_t*>(code.data()), code.size()));
  if (sent) return {.verdict = CodeVerdict::chose_token};
  const char* const why = to_text(sent.error());
  switch (sent.error()) {
    case SendRefusal::limited: return {.verdict = CodeVerdict::limited, .detail = why};
    case SendRefusal::unknown_user: return {.verdict = CodeVerdict::unknown_user, .detail = why};
    case SendRefusal::no_address:
    case SendRefusal::no_room:
    case SendRefusal::unavailable: break;
  }
  return {.verdict = CodeVerdict::unavailable, .detail = why};
}

// Of one factor nothing is left out: it says itself what it lacks.
LoginFactors ChallengeDesk::possible_for(const HeldLogin& login) {
  LoginFactors factors = login.factors;
  if (factors.count() <= 1) return factors;
  const std::string_view user = login.user.view();
  if (factors.has(LoginFactor::otp)) {
    const auto found = impl_->core->find_user(user);
    const auto app = found && *found ? impl_->core->load<OtpRecord>(otp_key((*found)->id))
                                     : std::optional<Held<OtpRecord>>();
    if (!app || !*app) factors.remove(LoginFactor::otp);
  }
  for (const auto& [factor, kind] : {std::pair{LoginFactor::token, MessageKind::token},
                                     std::pair{LoginFactor::link, MessageKind::link}}) {
    if (factors.has(factor) && (sender_ == nullptr || !sender_->reaches(kind, user)))
      factors.remove(factor);
  }
  return factors;
}

ChallengeDesk::Judged ChallengeDesk::judge_code(Place& place, std::string_view code) {
  const HeldLogin& login = place.login;
  Core& core = *impl_->core;
  GateRequest request;
  request.visitor = login.address;
  request.now_ms = unix_ms();
  const Turn turn{.core = impl_->core, .settings = core.settings(), .request = request};
  const auto found = core.find_user(login.user.view());
  if (!found) return {.verdict = CodeVerdict::unavailable};
  const std::optional<std::string> id =
      *found ? std::optional((*found)->id) : std::optional<std::string>();
  if (is_denied_user(*turn.settings, login.user.view()) ||
      (id && is_denied_user(*turn.settings, *id)))
    return {.verdict = CodeVerdict::again};
  if (place.token_given_up != nullptr && place.token_given_up->load())
    return {.verdict = CodeVerdict::unavailable, .detail = "the message could not be sent"};
  const Answerer answerer = answerer_at(id.value_or(std::string(login.user.view())),
                                        login.client.view(), login.calling_station.view());
  if (const auto begun = begin_answer(turn, answerer); !begun) {
    return {.verdict = begun.error() == GateError::locked ? CodeVerdict::limited
                                                          : CodeVerdict::unavailable};
  }
  if (const auto right = is_right(turn, place, id, code); !right || !*right)
    return {.verdict = right ? CodeVerdict::again : CodeVerdict::unavailable};
  answer_was_right(turn, answerer);
  remember_place(turn, answerer);
  return {.verdict = CodeVerdict::approved};
}

Outcome<bool> ChallengeDesk::is_right(const Turn& turn, const Place& place,
                                      const std::optional<std::string>& id, std::string_view code) {
  if (!place.token.empty()) {
    ShortText<16> digits = digits_of(code);
    const bool same = same_secret(place.token.view(), digits.view());
    wipe(MutableOctets(reinterpret_cast<std::uint8_t*>(&digits), sizeof(digits)));
    return id && same;
  }
  const auto used = use_otp_code(turn, id, code);
  if (used) return true;
  if (used.error() == GateError::bad_code) return false;
  return std::unexpected(used.error());
}

// A full mailbox lasts no longer than a turn of the shard's loop.
void ChallengeDesk::deliver(const CodeAnswer& answer) {
  while (!sink_.deliver(answer) && !stopping_.load()) std::this_thread::sleep_for(kDeliverAgain);
}

void ChallengeDesk::sweep() {
  const std::uint64_t now = monotonic_ms();
  for (std::uint32_t i = 0; i < plan_.places; ++i) {
    Place& place = places_[i];
    if (place.phase.load(std::memory_order_relaxed) != Phase::waiting) continue;
    const std::scoped_lock lock(claiming_);
    if (place.phase.load(std::memory_order_acquire) != Phase::waiting || now < place.until_ms)
      continue;
    place.phase.store(Phase::checking, std::memory_order_relaxed);
    clear(place);
  }
}

void ChallengeDesk::use(GateSettings settings) { impl_->core->use(std::move(settings)); }

// --- Operators -------------------------------------------------------------------------------

std::string ChallengeDesk::show_user(std::string_view user) {
  return describe_user(*impl_->core, user, has_directory_);
}
Changed ChallengeDesk::unlock_user(std::string_view user) { return unlock(*impl_->core, user); }
Changed ChallengeDesk::reset_otp(std::string_view user) { return remove_otp(*impl_->core, user); }
Changed ChallengeDesk::reset_passkeys(std::string_view user) {
  return remove_passkeys(*impl_->core, user);
}
Registered ChallengeDesk::register_otp(std::string_view user) {
  return register_app(*impl_->core, user);
}

}  // namespace sallyport::verify
