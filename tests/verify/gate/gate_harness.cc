#include "tests/verify/gate/gate_harness.h"

#include <algorithm>

#include "protocol/check.h"
#include "protocol/otp/totp.h"
#include "verify/gate/records.h"
#include "verify/gate/secrets.h"
#include "verify/otp/recovery_codes.h"

namespace sallyport::verify {
namespace {

Sealer test_sealer() {
  auto sealer = Sealer::from_text(std::string(64, 'a') + "\n");
  CHECK(sealer.has_value());
  return std::move(*sealer);
}

std::string after(const std::string& text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  return at == std::string::npos ? std::string{} : text.substr(at + mark.size());
}

}  // namespace

std::expected<Grant, GrantFailure> FakeKeeper::open(const Grant& grant) {
  const auto number = store_.next_number("grant");
  if (!number) return std::unexpected(GrantFailure::unavailable);
  const std::scoped_lock lock(mutex_);
  for (Grant& known : grants_) {
    if (known.user == grant.user && known.by == grant.by && known.session == grant.session &&
        known.address == grant.address) {
      known.until_ms = std::max(known.until_ms, grant.until_ms);
      return known;
    }
  }
  grants_.push_back(grant);
  grants_.back().id = *number;
  return grants_.back();
}

std::expected<void, GrantFailure> FakeKeeper::end(std::uint64_t id, std::string_view) {
  if (!store_.next_number("end")) return std::unexpected(GrantFailure::unavailable);
  const std::scoped_lock lock(mutex_);
  const auto gone = std::erase_if(grants_, [&](const Grant& grant) { return grant.id == id; });
  if (gone == 0) return std::unexpected(GrantFailure::unknown);
  return {};
}

std::expected<std::uint32_t, GrantFailure> FakeKeeper::end_session(std::string_view session,
                                                                   std::string_view) {
  if (!store_.next_number("end")) return std::unexpected(GrantFailure::unavailable);
  const std::scoped_lock lock(mutex_);
  return static_cast<std::uint32_t>(
      std::erase_if(grants_, [&](const Grant& grant) { return grant.session == session; }));
}

std::vector<Grant> FakeKeeper::of_user(std::string_view user) const {
  std::vector<Grant> grants = all();
  std::erase_if(grants, [&](const Grant& grant) { return grant.user != user; });
  return grants;
}

std::vector<Grant> FakeKeeper::all() const {
  const std::scoped_lock lock(mutex_);
  return grants_;
}

std::string FakeMessages::value(std::string_view name) const {
  if (posted.empty()) return {};
  for (const auto& [key, value] : posted.back().values) {
    if (key == name) return value;
  }
  return {};
}

std::string FakeMessages::link_secret() const { return after(value("link"), "?k="); }

GateSettings plain_settings() {
  GateSettings settings;
  settings.issuer = "Example";
  settings.gate_url = "https://login.example.net/.sallyport";
  settings.spacing = "-";
  return settings;
}

World::World() : World(plain_settings()) {}

World::World(GateSettings its_settings)
    : store([this] { return now_ms; }),
      sealer(test_sealer()),
      keeper(store),
      settings(std::move(its_settings)) {
  directory.users["alice"] = {.id = "alice",
                              .name = "Alice",
                              .mail = "alice@example.net",
                              .mobile = "",
                              .telephone = "",
                              .language = "de",
                              .groups = {}};
  directory.users["bob"] = {.id = "bob",
                            .name = "Bob",
                            .mail = "bob@example.net",
                            .mobile = "",
                            .telephone = "",
                            .language = "",
                            .groups = {}};
  gate = another_gate();
}

std::unique_ptr<Gate> World::another_gate() {
  return std::make_unique<Gate>(
      settings, GateWorld{.store = store,
                          .sealer = sealer,
                          .directory = directory,
                          .messages = &messages,
                          .push = &phone,
                          .grants = keeper,
                          .later =
                              [this](std::function<void()> job) {
                                const std::scoped_lock lock(mutex_);
                                jobs.push_back(std::move(job));
                              },
                          .notify =
                              [this](std::string_view visit) {
                                const std::scoped_lock lock(mutex_);
                                notified.emplace_back(visit);
                              },
                          .audit =
                              [this](const GateEvent& event) {
                                const std::scoped_lock lock(mutex_);
                                audit.push_back({.what = std::string(event.what),
                                                 .user = std::string(event.user),
                                                 .detail = std::string(event.detail)});
                              },
                          .now_ms = [this] { return now_ms; }});
}

void World::run_jobs() {
  while (!jobs.empty()) {
    const std::function<void()> job = std::move(jobs.front());
    jobs.pop_front();
    job();
  }
}

bool World::has_audited(std::string_view what) const {
  return std::ranges::any_of(audit, [&](const AuditLine& line) { return line.what == what; });
}

std::string World::give_app(const std::string& user, std::vector<std::string>* recovery) {
  const std::string secret(otp::kSecretOctets, '\x42');
  RecoveryCodes codes = make_recovery_codes(thread_random());
  OtpRecord record;
  record.sealed_secret = sealer.seal(otp_key(user), secret, thread_random());
  record.since_ms = now_ms;
  record.recovery_hashes = codes.hashes;
  CHECK(store.put(otp_key(user), write(record), 0).has_value());
  if (recovery != nullptr) *recovery = codes.codes;
  return secret;
}

std::string World::app_code(const std::string& secret, std::int64_t steps) const {
  const std::uint64_t step = otp::step_at(now_ms / 1'000) + static_cast<std::uint64_t>(steps);
  return std::string(otp::code_of(as_octets(secret), step, 6).data(), 6);
}

GateRequest Browser::request() const {
  GateRequest request;
  request.visit_cookie = visit_cookie;
  request.session_cookie = session_cookie;
  request.visitor = visitor;
  request.https = true;
  request.host = host;
  request.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
  request.language = "en";
  request.now_ms = world->now_ms;
  request.factors = factors;
  request.access_ms = access_ms;
  request.return_url = return_url;
  return request;
}

void Browser::take(const GateReply& reply) {
  for (const GateCookie& cookie : reply.cookies) {
    switch (cookie.name) {
      case GateCookie::Name::visit: visit_cookie = cookie.value; break;
      case GateCookie::Name::session: session_cookie = cookie.value; break;
      case GateCookie::Name::access: access_cookie = cookie.value; break;
    }
    seen.push_back(cookie.value);
  }
  const View& view = reply.view;
  if (!view.form_token.empty()) form_token = view.form_token;
  for (const std::string& text :
       {reply.location, reply.octets, reply.held_visit, view.form_token, view.user, view.return_url,
        view.secret_text, view.otpauth_url, view.registration, view.approval, view.address,
        view.device, view.number, view.pair_url, view.pair_token, view.challenge,
        view.captcha_image}) {
    seen.push_back(text);
  }
}

GateReply Browser::ask(GateRequest its_request) {
  GateReply reply = gate->answer(its_request);
  take(reply);
  return reply;
}

GateReply Browser::get(std::string_view path_and_query) {
  GateRequest its_request = request();
  const std::size_t mark = path_and_query.find('?');
  its_request.path = path_and_query.substr(0, mark);
  if (mark != std::string_view::npos) {
    const std::string_view query = path_and_query.substr(mark + 1);
    const std::size_t equals = query.find('=');
    its_request.query.emplace_back(query.substr(0, equals), query.substr(equals + 1));
  }
  return ask(std::move(its_request));
}

GateReply Browser::post(std::string_view path, Form form) {
  GateRequest its_request = request();
  its_request.post = true;
  its_request.path = path;
  its_request.same_origin = same_origin;
  const auto has_token =
      std::ranges::any_of(form, [](const auto& field) { return field.first == "form_token"; });
  if (!has_token) form.emplace_back("form_token", form_token);
  its_request.form = std::move(form);
  return ask(std::move(its_request));
}

GateReply Browser::submit(std::string_view path, Form form) {
  GateReply reply = post(path, std::move(form));
  if (reply.kind != GateReply::Kind::redirect || !reply.location.starts_with('/')) return reply;
  return get(reply.location);
}

GateReply Browser::start(std::string_view user, std::string_view its_return_url) {
  return_url = its_return_url;
  return submit("/start", {{"user", std::string(user)}});
}

GateReply Browser::wait() {
  GateRequest its_request = request();
  its_request.path = "/wait";
  its_request.script = true;
  return ask(std::move(its_request));
}

bool is_open(const World& world, std::string_view address) {
  return std::ranges::any_of(world.keeper.all(), [&](const Grant& grant) {
    return grant.address == *IpAddress::parse(address) && grant.until_ms > world.now_ms;
  });
}

}  // namespace sallyport::verify
