#include "verify/gate/login_sender.h"

#include <utility>

#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/gate/no_grants.h"
#include "verify/gate/secrets.h"
#include "verify/gate/visits.h"

namespace sallyport::verify {
namespace {

/// Of each table of the limits: some 6 MiB when all are full.
constexpr std::size_t kLimitEntries = 4'096;

AskerKeys::Random random_key() {
  AskerKeys::Random key;
  thread_random().fill(key);
  return key;
}

std::string without_controls(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) clean += c;
  }
  return clean;
}

std::string spaced(std::string_view code, std::string_view spacing) {
  std::string text;
  for (const char digit : code) {
    if (!text.empty()) text += spacing;
    text += digit;
  }
  return text;
}

/// What the link's page says of the login. A Calling-Station-Id that is an address is where the
/// user is; else it stands with the client.
Approval approval_of(const Question& login, const LoginLink& link) {
  Approval approval;
  approval.visit = link.visit;
  approval.user = login.user.view();
  approval.address = login.address;
  approval.device = login.client.view();
  const std::string station = without_controls(login.calling_station.view());
  if (const auto address = IpAddress::parse(station)) {
    approval.address = *address;
  } else if (!station.empty()) {
    approval.device += " (" + station + ")";
  }
  return approval;
}

}  // namespace

const char* to_text(SendRefusal refusal) noexcept {
  switch (refusal) {
    case SendRefusal::unknown_user: return "no directory knows the user";
    case SendRefusal::no_address: return "no address to send to";
    case SendRefusal::limited: return "user asked too often";
    case SendRefusal::no_room: return "too many messages wait";
    case SendRefusal::unavailable: return "the store or the directory did not answer";
  }
  return "invalid";
}

Answerer answerer_at(std::string_view user, std::string_view client,
                     std::string_view calling_station) {
  Answerer answerer;
  answerer.subject = subject_of(user);
  answerer.from = "radius " + std::string(client);
  if (!calling_station.empty()) answerer.from += " " + std::string(calling_station);
  answerer.prefix = answerer.from;
  return answerer;
}

struct LoginSender::Impl {
  Impl(GateSettings settings, LoginSenderWorld world, const PushLimitSettings& limited)
      : core(std::make_shared<Core>(std::move(settings),
                                    GateWorld{.store = world.store,
                                              .sealer = world.sealer,
                                              .directory = world.directory,
                                              .messages = &world.messages,
                                              .push = nullptr,
                                              .grants = grants,
                                              .later = [](std::function<void()>) {},
                                              .notify = [](std::string_view) {},
                                              .audit = std::move(world.audit),
                                              .now_ms = [] { return unix_ms(); }})),
        keys(random_key()),
        limits(limited, kLimitEntries) {}

  NoGrants grants;
  std::shared_ptr<Core> core;
  const AskerKeys keys;
  std::mutex mutex;  ///< over the limits
  PushLimits limits;
};

LoginSender::LoginSender(GateSettings settings, LoginSenderWorld world,
                         const PushLimitSettings& limits)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(world), limits)) {}

LoginSender::~LoginSender() = default;

void LoginSender::use(GateSettings settings) { impl_->core->use(std::move(settings)); }

std::string LoginSender::new_code() const {
  return random_digits(thread_random(), impl_->core->settings()->token_digits);
}

LoginLink LoginSender::new_link() {
  LoginLink link;
  link.secret = random_secret(thread_random());
  link.approval = hash_of(link.secret);
  // The visit's own secret is nobody's: no browser can claim what the link approves.
  link.visit = hash_of(random_secret(thread_random()));
  return link;
}

std::uint32_t LoginSender::duration_ms() const {
  return impl_->core->settings()->token_duration_ms;
}

Asker LoginSender::asker_of(const Question& login, std::string_view user) const {
  Question question = login;
  question.user.assign(user);
  return impl_->keys.of(question);
}

std::expected<User, SendRefusal> LoginSender::admit(const Question& login, MessageKind kind) {
  Core& core = *impl_->core;
  auto found = core.find_user(login.user.view());
  if (!found) return std::unexpected(SendRefusal::unavailable);
  if (!*found) {
    core.audit("unknown_user", login.user.view(), login.address);
    return std::unexpected(SendRefusal::unknown_user);
  }
  User& user = **found;
  const auto settings = core.settings();
  if (is_denied_user(*settings, login.user.view()) || is_denied_user(*settings, user.id)) {
    core.audit("user_denied", user.id, login.address);
    return std::unexpected(SendRefusal::unknown_user);
  }
  if (!core.world.messages->reaches(kind, user)) return std::unexpected(SendRefusal::no_address);
  const Answerer from = answerer_at(user.id, login.client.view(), login.calling_station.view());
  const auto known = core.checked(core.world.store.get(known_key(from.subject, from.prefix)));
  if (!known) return std::unexpected(SendRefusal::unavailable);
  const Asker asker = asker_of(login, user.id);
  PushLimitedBy by = PushLimitedBy::none;
  {
    const std::scoped_lock lock(impl_->mutex);
    by = impl_->limits.take(asker, known->has_value(), monotonic_ms());
  }
  if (by == PushLimitedBy::none) return std::move(user);
  core.audit("limited", user.id, login.address, to_text(by));
  return std::unexpected(SendRefusal::limited);
}

std::expected<void, SendRefusal> LoginSender::post(Message message, const Question& login,
                                                   GivenUp given_up, std::string_view event) {
  Core& core = *impl_->core;
  message.language = message.to.language;
  message.until_ms = unix_ms() + duration_ms();
  message.given_up = std::move(given_up);
  const std::string user = message.to.id;
  const bool posted = core.world.messages->post(std::move(message));
  core.audit(posted ? event : "message_refused", user, login.address);
  if (!posted) return std::unexpected(SendRefusal::no_room);
  return {};
}

std::expected<void, SendRefusal> LoginSender::send_token(const Question& login,
                                                         const std::string& code,
                                                         GivenUp given_up) {
  auto user = admit(login, MessageKind::token);
  if (!user) return std::unexpected(user.error());
  Message message;
  message.kind = MessageKind::token;
  message.to = std::move(*user);
  message.values = {{"code", code},
                    {"spaced_code", spaced(code, impl_->core->settings()->spacing)},
                    {"minutes", minutes_text(duration_ms())}};
  return post(std::move(message), login, std::move(given_up), "token_sent");
}

std::expected<void, SendRefusal> LoginSender::store_link(const Question& login,
                                                         const LoginLink& link,
                                                         const Approval& approval) {
  Core& core = *impl_->core;
  Visit visit;
  CHECK(move(visit, VisitState::link));
  visit.user = login.user.view();
  visit.address = approval.address;
  visit.device = approval.device;
  visit.factors = {Factor::link};
  visit.attempt = link.approval;
  visit.begun_ms = approval.at_ms;
  visit.until_ms = approval.until_ms;
  visit.expires_ms = visit_end(visit, approval.at_ms);
  // The visit first: whoever clicks at once finds all of it.
  const auto visit_added =
      core.checked(core.world.store.add(visit_key(link.visit), write(visit), visit.expires_ms));
  if (!visit_added || !*visit_added) return std::unexpected(SendRefusal::unavailable);
  const auto added = core.checked(
      core.world.store.add(approval_key(link.approval), write(approval), approval.until_ms));
  if (!added || !*added) return std::unexpected(SendRefusal::unavailable);
  return {};
}

std::expected<void, SendRefusal> LoginSender::send_link(const Question& login,
                                                        const LoginLink& link, GivenUp given_up) {
  auto user = admit(login, MessageKind::link);
  if (!user) return std::unexpected(user.error());
  Approval approval = approval_of(login, link);
  approval.at_ms = unix_ms();
  approval.until_ms = approval.at_ms + duration_ms();
  if (const auto stored = store_link(login, link, approval); !stored) return stored;
  Message message;
  message.kind = MessageKind::link;
  message.to = std::move(*user);
  message.values = {{"link", impl_->core->settings()->gate_url + "/approve?k=" + link.secret},
                    {"address", approval.address.text()},
                    {"device", approval.device},
                    {"time", time_text(approval.at_ms)},
                    {"minutes", minutes_text(duration_ms())}};
  return post(std::move(message), login, std::move(given_up), "link_sent");
}

bool LoginSender::reaches(MessageKind kind, std::string_view user) {
  const auto found = impl_->core->find_user(user);
  return found && *found && impl_->core->world.messages->reaches(kind, **found);
}

std::expected<Verdict, GateError> LoginSender::look(const LoginLink& link) {
  const auto held = impl_->core->load<Visit>(visit_key(link.visit));
  if (!held) return std::unexpected(held.error());
  if (!*held) return Verdict::expired;
  const Visit& visit = (*held)->record;
  if (visit.state == VisitState::approved) return Verdict::approved;
  const bool denied = visit.state == VisitState::ended && visit.error == GateError::denied;
  return denied ? Verdict::denied : Verdict::expired;
}

std::expected<Verdict, GateError> LoginSender::close(const LoginLink& link) {
  // Of the click and this, one comes first, and the other sees it.
  const auto closed =
      change_visit_of_id(*impl_->core, link.visit, unix_ms(), [](Visit& visit) -> Outcome<> {
        if (visit.state != VisitState::link || !move(visit, VisitState::ended))
          return std::unexpected(GateError::no_request);
        visit.error = GateError::expired;
        return {};
      });
  if (closed) return Verdict::expired;
  if (closed.error() == GateError::unavailable || closed.error() == GateError::busy)
    return std::unexpected(closed.error());
  return look(link);
}

void LoginSender::forget(const LoginLink& link) {
  Store& store = impl_->core->world.store;
  static_cast<void>(store.remove(approval_key(link.approval)));
  static_cast<void>(store.remove(visit_key(link.visit)));
}

// Best effort, as remember_place(): what fails only makes the limits stricter.
void LoginSender::approved(const Question& login) {
  const auto found = impl_->core->find_user(login.user.view());
  if (!found || !*found) return;
  const Answerer from =
      answerer_at((*found)->id, login.client.view(), login.calling_station.view());
  static_cast<void>(
      impl_->core->world.store.put(known_key(from.subject, from.prefix), "", unix_ms() + kKnownMs));
}

void LoginSender::denied(const Question& login) {
  const auto found = impl_->core->find_user(login.user.view());
  if (!found || !*found) return;
  const Asker asker = asker_of(login, (*found)->id);
  const std::scoped_lock lock(impl_->mutex);
  impl_->limits.denied(asker, monotonic_ms());
}

}  // namespace sallyport::verify
