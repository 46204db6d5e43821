#include "engine/http/gate/gatehouse.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <mutex>
#include <utility>

#include <spdlog/spdlog.h>

#include "engine/http/gate/cookie_keys.h"
#include "engine/http/gate/push.h"
#include "engine/http/gate/reach.h"
#include "engine/http/gate/reply.h"
#include "protocol/check.h"
#include "protocol/http/field_text.h"
#include "protocol/http/return_url.h"
#include "verify/channels/messenger.h"
#include "verify/clock.h"
#include "verify/users/directory.h"

namespace sallyport::http_door {
namespace {

/// How often the keys are looked at, and how soon again when the store did not answer.
constexpr std::uint64_t kKeysEveryMs = 3'600'000;
constexpr std::uint64_t kKeysAgainMs = 10'000;
/// Kinds of events that are counted; the gate has fewer.
constexpr std::size_t kMaxEvents = 64;

std::expected<std::shared_ptr<const GateFront>, std::string> make_front(
    const config::Config& config) {
  auto pages = Pages::make(config.gate, config.http.gate_path);
  if (!pages) return std::unexpected(std::move(pages.error()));
  auto front = std::make_shared<GateFront>(std::move(*pages));
  front->gate_path = config.http.gate_path;
  const verify::GateSettings& settings = config.gate.settings;
  for (const std::string& text :
       {config.http.auth_url, settings.gate_url, settings.pair_v4_url, settings.pair_v6_url}) {
    const auto url = http::read_whole_url(text);
    if (!url) continue;
    std::string& host = front->hosts.emplace_back(url->authority);
    std::ranges::transform(host, host.begin(), http::to_lower);
  }
  front->cookies = {.domain = config.gate.cookie_domain, .insecure = config.gate.insecure_cookie};
  front->factors = settings.factors;
  front->access_ms = settings.access_duration_ms;
  front->renew_silently = settings.renew_silently;
  return front;
}

/// The gate names the grant that its cookie stands for, before a full stop.
void seal_access_cookie(verify::GateReply& reply, const AccessKey& key) {
  for (verify::GateCookie& cookie : reply.cookies) {
    if (cookie.name != verify::GateCookie::Name::access || cookie.value.empty()) continue;
    std::uint64_t grant = 0;
    std::from_chars(cookie.value.data(), cookie.value.data() + cookie.value.size(), grant);
    CHECK(grant != 0);
    cookie.value = seal_access(grant, key);
  }
}

}  // namespace

struct Gatehouse::Impl {
  Impl(const config::Config& config, GatehouseWorld given)
      : world(std::move(given)), desk({.threads = std::max(config.gate.threads, 1u)}) {}

  [[nodiscard]] verify::GateWorld gate_world();
  void note(const verify::GateEvent& event);
  void visit_changed(std::string_view visit) {
    desk.notify(visit);
    if (watcher) watcher(visit);
  }
  void read_keys();
  void want_keys();

  GatehouseWorld world;
  Desk desk;
  std::function<void(std::string_view visit)> watcher;
  DirectoryOfNow directory;
  MessengerOfNow messages;
  std::unique_ptr<Push> push;
  std::unique_ptr<verify::Gate> gate;

  mutable std::mutex mutex;  ///< over what follows
  std::shared_ptr<const GateFront> front;
  std::vector<Secret> configured_keys;
  std::vector<Secret> keys;
  std::uint64_t keys_due_ms = 0;
  bool keys_wanted = false;  ///< a job that reads them is under way
  std::map<std::string, std::uint64_t, std::less<>> events;
};

verify::GateWorld Gatehouse::Impl::gate_world() {
  return {
      .store = world.store,
      .sealer = world.sealer,
      .directory = directory,
      .messages = &messages,
      .push = push.get(),
      .grants = world.grants,
      // What finds no room is counted (DeskCounts::jobs_refused); the visitor can ask again.
      .later = [this](std::function<void()> job) { static_cast<void>(desk.later(std::move(job))); },
      .notify = [this](std::string_view visit) { visit_changed(visit); },
      .audit = [this](const verify::GateEvent& event) { note(event); },
      .now_ms = [] { return verify::unix_ms(); }};
}

void Gatehouse::Impl::note(const verify::GateEvent& event) {
  {
    const std::scoped_lock lock(mutex);
    const auto found = events.find(event.what);
    if (found != events.end()) {
      ++found->second;
    } else if (events.size() < kMaxEvents) {
      events.emplace(event.what, 1);
    }
  }
  world.audit(event);
}

void Gatehouse::Impl::read_keys() {
  SystemRandom random;
  auto read = read_cookie_keys(world.store, world.sealer, random, verify::unix_ms());
  bool other = false;
  {
    const std::scoped_lock lock(mutex);
    keys_wanted = false;
    keys_due_ms = verify::unix_ms() + (read ? kKeysEveryMs : kKeysAgainMs);
    other = read && keys != *read && configured_keys.empty();
    if (read) keys = std::move(*read);
  }
  if (!read)
    spdlog::error("gate: the keys of its cookies cannot be read: {}", to_text(read.error()));
  if (other) world.keys_changed();
}

void Gatehouse::Impl::want_keys() {
  {
    const std::scoped_lock lock(mutex);
    if (!configured_keys.empty() || std::exchange(keys_wanted, true)) return;
  }
  if (desk.later([this] { read_keys(); })) return;
  const std::scoped_lock lock(mutex);
  keys_wanted = false;
}

Gatehouse::Gatehouse(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Gatehouse::~Gatehouse() { stop(); }

std::expected<std::unique_ptr<Gatehouse>, std::string> Gatehouse::open(const config::Config& config,
                                                                       verify::PoolSettings push,
                                                                       GatehouseWorld world) {
  std::unique_ptr<Gatehouse> house(new Gatehouse(std::make_unique<Impl>(config, std::move(world))));
  auto parts = prepare(config);
  if (!parts) return std::unexpected(std::move(parts.error()));
  Impl& impl = *house->impl_;
  if (!config.notakey.host.empty()) {
    impl.push = std::make_unique<Push>(std::move(push), [&impl](std::function<void()> job) {
      return impl.desk.later(std::move(job));
    });
  }
  impl.gate = std::make_unique<verify::Gate>(parts->settings, impl.gate_world());
  house->use(std::move(*parts));
  // Until the store answers; also after a reload that takes the configured ones away. Cookies of
  // before a restart are good again then.
  std::array<std::uint8_t, kCookieKeyOctets> octets;
  SystemRandom random;
  random.fill(octets);
  impl.keys.emplace_back(Octets(octets));
  wipe(octets);
  if (impl.configured_keys.empty()) impl.read_keys();
  return house;
}

std::expected<Gatehouse::Parts, std::string> Gatehouse::prepare(const config::Config& config) {
  Parts parts;
  parts.settings = config.gate.settings;
  parts.configured_keys = config.gate.cookie_keys;
  auto front = make_front(config);
  if (!front) return std::unexpected(std::move(front.error()));
  parts.front = std::move(*front);
  auto directory = make_directories(config.gate);
  if (!directory) return std::unexpected(std::move(directory.error()));
  parts.directory = std::move(*directory);
  auto messenger = make_messenger(config.gate);
  if (!messenger) return std::unexpected(std::move(messenger.error()));
  parts.messenger = std::move(*messenger);
  return parts;
}

void Gatehouse::use(Parts parts) {
  impl_->directory.use(std::move(parts.directory));
  impl_->messages.use(std::move(parts.messenger));
  impl_->gate->use(std::move(parts.settings));
  const std::scoped_lock lock(impl_->mutex);
  impl_->front = std::move(parts.front);
  impl_->configured_keys = std::move(parts.configured_keys);
}

void Gatehouse::start() {
  if (impl_->push != nullptr) impl_->push->start();
  impl_->desk.start(
      {.answer = [this](GateErrand& errand) { errand.reply = impl_->gate->answer(errand.request); },
       .finish =
           [this](GateErrand& errand) {
             seal_access_cookie(errand.reply, access_keys().front());
             write_reply(errand);
           },
       .deliver = impl_->world.deliver});
}

void Gatehouse::let_go() { impl_->desk.let_go(); }

bool Gatehouse::asks_phones() const { return impl_->push != nullptr && impl_->push->asks(); }

void Gatehouse::stop() {
  if (impl_->push != nullptr) impl_->push->stop();
  impl_->desk.stop();
  impl_->messages.end();
}

Desk& Gatehouse::desk() noexcept { return impl_->desk; }
verify::Gate& Gatehouse::gate() noexcept { return *impl_->gate; }
verify::Directory& Gatehouse::directory() noexcept { return impl_->directory; }
verify::MessageSink& Gatehouse::messages() noexcept { return impl_->messages; }
void Gatehouse::watch(std::function<void(std::string_view visit)> watcher) {
  impl_->watcher = std::move(watcher);
}

std::shared_ptr<const GateFront> Gatehouse::front() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->front;
}

std::vector<AccessKey> Gatehouse::access_keys() const {
  std::vector<AccessKey> keys;
  const std::scoped_lock lock(impl_->mutex);
  for (const Secret& key : impl_->configured_keys.empty() ? impl_->keys : impl_->configured_keys) {
    copy_octets(key.reveal(), keys.emplace_back());
  }
  return keys;
}

void Gatehouse::changed(const verify::RecordChange& change) {
  if (change.key.kind == verify::RecordKind::visit) impl_->visit_changed(change.key.id);
  if (change.key.kind == verify::RecordKind::key) impl_->want_keys();
}

void Gatehouse::resync() {
  impl_->want_keys();
  if (impl_->watcher) impl_->watcher({});
}

void Gatehouse::look(std::uint64_t now_unix_ms) {
  impl_->messages.free_idle();
  bool due = false;
  {
    const std::scoped_lock lock(impl_->mutex);
    due = now_unix_ms >= impl_->keys_due_ms;
  }
  if (due) impl_->want_keys();
}

GateStatus Gatehouse::status() const {
  GateStatus status;
  status.desk = impl_->desk.counts();
  const std::scoped_lock lock(impl_->mutex);
  status.events.assign(impl_->events.begin(), impl_->events.end());
  return status;
}

std::optional<MessageStatus> Gatehouse::message_status() const { return impl_->messages.status(); }

}  // namespace sallyport::http_door
