#include "tests/simulation/world.h"

#include <algorithm>
#include <utility>

#include "tests/engine/radius/downstream_testing.h"

namespace sallyport::radius_door::simulation {
namespace {

using radius::Code;
using radius::Type;
using testing::PacketBuilder;

struct ClientEndpoint {
  const char* client;
  const char* source;
};
/// Two ports of one address, two addresses of one client, three policies.
constexpr ClientEndpoint kEndpoints[] = {{"office", "192.0.2.1:5000"},
                                         {"office", "192.0.2.1:5001"},
                                         {"office", "192.0.2.2:5000"},
                                         {"branch", "198.51.100.1:6000"},
                                         {"legacy", "[2001:db8::1]:7000"}};
constexpr const char* kUsers[] = {"alice", "bob", "carol"};
constexpr const char* kOwnStation = "00-11-22-33-44-55";
constexpr const char* kAttackerStation = "EE-EE-EE-EE-EE-EE";

}  // namespace

World::World(std::uint64_t seed) : dice_(seed) {
  const auto one_of = [this](auto... values) {
    const std::uint64_t choices[] = {static_cast<std::uint64_t>(values)...};
    return choices[below(sizeof...(values))];
  };
  weather_ = {.loss = static_cast<unsigned>(one_of(0, 20, 200)),
              .duplication = static_cast<unsigned>(one_of(0, 50, 200)),
              .corruption = static_cast<unsigned>(one_of(0, 50)),
              .forgery = static_cast<unsigned>(one_of(0, 100, 500)),
              .downstream_silence = static_cast<unsigned>(one_of(0, 50, 300)),
              .inbox_full = static_cast<unsigned>(one_of(0, 0, 100)),
              .audit_full = static_cast<unsigned>(one_of(0, 0, 300)),
              .max_delay_ms = one_of(5, 200, 1'500)};
  plan_.exchanges = static_cast<std::uint32_t>(one_of(3, 16, 64, 512));
  plan_.max_source_ports = static_cast<std::uint16_t>(one_of(1, 2));
  fill(plan_.instance);
  plan_.learned_clients = &learned_clients_;
  plan_.learned_downstreams = &learned_downstreams_;
  identifiers_in_use_ = static_cast<unsigned>(one_of(2, 8, 256));
  logins_ = static_cast<unsigned>(20 + below(80));
  next_identifier_.resize(std::size(kEndpoints));
  plan_outages(static_cast<unsigned>(one_of(1, 2, 3)));
  if (chance(60)) {  // a downstream that has died, and everybody at once: no Identifier is left
    plan_ = {.exchanges = 512,
             .max_source_ports = 1,
             .instance = plan_.instance,
             .learned_clients = &learned_clients_,
             .learned_downstreams = &learned_downstreams_};
    identifiers_in_use_ = static_cast<unsigned>(one_of(4, 256));
    logins_ = 400;
    weather_.downstream_silence = 1'000;
    weather_.loss = 0;
    plan_outages(1);
  }

  const std::uint64_t epochs = 1 + below(4);
  for (std::uint64_t i = 0; i < epochs; ++i) {
    Epoch epoch;
    for (const ClientEndpoint& endpoint : kEndpoints)
      epoch.client_keys[endpoint.client] =
          std::make_shared<const radius::HopKey>(Secret(endpoint.client + std::to_string(i)));
    epoch.downstream_key =
        std::make_shared<const radius::HopKey>(Secret("downstream" + std::to_string(i)));
    epoch.on_unavailable = static_cast<config::OnUnavailable>(below(3));
    epochs_.push_back(std::move(epoch));
  }
  ledger_.set_now_ms(now_.ms());
  auto first = settings();
  auto links = testing::links_to(first->plan, plan_.max_source_ports);
  door_ = std::make_unique<Door>(plan_, std::move(first), std::move(links), *this, *this, metrics_,
                                 now_);
}

World::~World() = default;

std::string World::run() {
  plan_logins();
  for (std::size_t i = 1; i < epochs_.size(); ++i) after_ms(below(40'000), [this] { reload(); });
  while (ledger_.breach().empty()) {
    if (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      move_clock(event.at_ns);
      event.act();
    } else if (const auto next = door_->next_deadline_ms()) {
      move_clock(std::max(now_.monotonic_ns, *next * 1'000'000));
    } else {
      break;
    }
  }
  ledger_.finish();
  door_->advance(now_);
  for (std::size_t i = 0; i < handed_over_.size(); ++i)
    if (handed_over_[i].expired() != (i + 1 < handed_over_.size()))
      ledger_.fail("settings were kept without an exchange, or let go of too early");
  return ledger_.breach();
}

// ---- chance and time

void World::fill(MutableOctets out) noexcept {
  for (std::uint8_t& octet : out) octet = static_cast<std::uint8_t>(dice_());
}

void World::after_ms(std::uint64_t ms, std::function<void()> act) {
  events_.push({.at_ns = now_.monotonic_ns + ms * 1'000'000 + below(1'000'000),
                .order = ++order_,
                .act = std::move(act)});
}

/// The shard wakes at the door's deadlines and at events.
void World::move_clock(std::uint64_t to_ns) {
  for (;;) {
    const auto next = door_->next_deadline_ms();
    if (!next || *next * 1'000'000 > to_ns) break;
    now_.monotonic_ns = std::max(now_.monotonic_ns, *next * 1'000'000);
    ledger_.set_now_ms(now_.ms());
    door_->advance(now_);
  }
  now_.monotonic_ns = std::max(now_.monotonic_ns, to_ns);
  ledger_.set_now_ms(now_.ms());
  door_->advance(now_);
}

// ---- clients

void World::plan_logins() {
  const std::uint64_t over_ms = logins_ >= 400 ? 2'000 : 60'000;
  for (unsigned i = 0; i < logins_; ++i) after_ms(below(over_ms), [this] { begin_login(); });
}

void World::begin_login() {
  const auto attempt = std::make_shared<Attempt>();
  attempt->endpoint = below(std::size(kEndpoints));
  attempt->user = kUsers[below(std::size(kUsers))];
  attempt->password = (chance(200) ? "app-" : "pw-") + attempt->user;  // both are right
  attempt->calling_station = kOwnStation;
  attempt->proxy_states = static_cast<unsigned>(below(4));
  attempt->retries_left = chance(400) ? 2 : 0;
  const std::uint64_t kind = below(100);
  attempt->kind = kind < 60   ? "pap"
                  : kind < 75 ? "chap"
                  : kind < 88 ? "eap"
                  : kind < 95 ? "accounting"
                              : "status";
  if (chance(200)) {  // somebody else, now and then with the right password
    if (chance(500)) attempt->calling_station = kAttackerStation;
    if (chance(500)) attempt->password = "guess";
  }
  make_request(attempt);
}

void World::make_request(const std::shared_ptr<Attempt>& attempt) {
  const ClientEndpoint& endpoint = kEndpoints[attempt->endpoint];
  Request& request = requests_.emplace_back();
  request.path.source = *Endpoint::parse(endpoint.source, 0);
  request.path.local = *IpAddress::parse("192.0.2.254");
  request.path.socket = static_cast<std::uint16_t>(attempt->endpoint % 2);
  request.code = attempt->kind == "accounting" ? Code::accounting_request
                 : attempt->kind == "status"   ? Code::status_server
                                               : Code::access_request;
  request.identifier =
      static_cast<std::uint8_t>(next_identifier_[attempt->endpoint]++ % identifiers_in_use_);
  fill(request.authenticator.octets);
  request.client = endpoint.client;
  request.user = attempt->user;
  request.credentials = attempt->kind + ":" + attempt->password;
  request.calling_station = attempt->calling_station;
  request.proxy_states = write_proxy_states(attempt->proxy_states);
  request.epoch = clients_epoch_;
  request.proves_secret =
      request.client != "legacy" || attempt->kind == "eap" || request.code != Code::access_request;
  request.octets =
      write_request(*attempt, request, *epochs_[clients_epoch_].client_keys.at(request.client));
  request.authenticator = testing::authenticator_of(request.octets);
  attempt->request = &request;
  waiting_[{request.path.source, request.identifier, request.code == Code::accounting_request}] =
      attempt;
  transmit(attempt, static_cast<unsigned>(below(3)));
}

Bytes World::write_proxy_states(unsigned count) {
  Bytes states;
  for (unsigned i = 0; i < count; ++i) {
    const Bytes value(below(20), static_cast<std::uint8_t>(below(256)));
    states.push_back(static_cast<std::uint8_t>(Type::proxy_state));
    states.push_back(static_cast<std::uint8_t>(value.size() + 2));
    states.insert(states.end(), value.begin(), value.end());
  }
  return states;
}

Bytes World::write_request(const Attempt& attempt, const Request& request,
                           const radius::HopKey& key) {
  PacketBuilder builder(request.code, request.identifier, request.authenticator);
  if (request.code != Code::accounting_request && request.proves_secret)
    builder.add_message_authenticator();
  builder.add(Type::user_name, attempt.user);
  builder.add(Type::calling_station_id, attempt.calling_station);
  if (attempt.kind == "pap") {
    builder.add_password(key, attempt.password);
  } else if (attempt.kind == "chap") {
    Bytes response(17, 1);
    std::ranges::copy(attempt.password, response.begin() + 1);
    builder.add(Type::chap_password, response).add(Type::chap_challenge, Bytes(16, 7));
  } else if (attempt.kind == "eap") {
    Bytes message{2, 9, 0, static_cast<std::uint8_t>(attempt.password.size() + 5), 21};
    message.insert(message.end(), attempt.password.begin(), attempt.password.end());
    builder.add(Type::eap_message, message);
  }
  Bytes session(8);
  fill(session);
  builder.add(Type{44}, session);  // Acct-Session-Id: no two requests are equal
  for (Octets rest = request.proxy_states; !rest.empty(); rest = rest.subspan(rest[1]))
    builder.add(Type::proxy_state, rest.subspan(2, rest[1] - 2u));
  return builder.sign_request(key);
}

/// Sends, and sends again while nothing comes; a client may then try anew with a new Identifier.
void World::transmit(const std::shared_ptr<Attempt>& attempt, unsigned left) {
  const Request* request = attempt->request;
  carry(
      request->octets,
      [this, request](const Bytes& octets, bool whole) {
        deliver_request(*request, octets, whole);
      },
      request->proves_secret);
  after_ms(500 + below(2'000), [this, attempt, left] {
    if (attempt->answered) return;
    if (left > 0) return transmit(attempt, left - 1);
    if (attempt->retries_left == 0) return;
    --attempt->retries_left;
    make_request(attempt);
  });
}

// ---- the network

void World::carry(const Bytes& octets, std::function<void(const Bytes&, bool whole)> deliver,
                  bool may_spoil) {
  for (unsigned copies = chance(weather_.duplication) ? 2 : 1; copies > 0; --copies) {
    if (chance(weather_.loss)) continue;
    const bool whole = !may_spoil || !chance(weather_.corruption);
    after_ms(
        below(weather_.max_delay_ms),
        [deliver, whole, carried = whole ? octets : spoiled(octets)] { deliver(carried, whole); });
  }
}

/// One bit turned, or the end cut off. Code, Length and the type of the first attribute are spared:
/// without its Message-Authenticator a request could be a valid one, only another.
Bytes World::spoiled(Bytes octets) {
  if (chance(200)) {
    octets.resize(4 + below(octets.size() - 4));
    return octets;
  }
  std::size_t at = 1;
  if (const std::size_t pick = below(octets.size() - 4); pick > 0)
    at = pick + 3 == 20 ? 1 : pick + 3;
  octets[at] = static_cast<std::uint8_t>(octets[at] ^ 1u << below(8));
  return octets;
}

void World::deliver_request(const Request& request, const Bytes& octets, bool whole) {
  const bool authentic = whole && (!request.proves_secret || request.epoch == epoch_);
  const Digest before = digest();
  if (authentic) ledger_.request_comes(request);
  door_->client_datagrams(now_, std::array{ClientDatagram{.path = request.path, .octets = octets}});
  if (authentic) return ledger_.request_came();
  expect_unmoved(before, "a datagram that is not authentic");
}

void World::deliver_reply(std::uint16_t port, const Bytes& octets,
                          const std::optional<radius::Authenticator>& answers) {
  const Digest before = digest();
  const bool counts = ledger_.reply_comes(port, octets, answers);
  door_->downstream_datagrams(
      now_, std::array{DownstreamDatagram{.link = static_cast<std::uint16_t>(port >> 8),
                                          .source_port = static_cast<std::uint16_t>(port & 0xff),
                                          .octets = octets}});
  if (counts) return ledger_.reply_came();
  expect_unmoved(before, "a reply that is not authentic or not awaited");
}

World::Digest World::digest() const {
  return {.actions = actions_,
          .requests = metrics_.requests.value(),
          .replies = metrics_.replies.value(),
          .exchanges = metrics_.exchanges.value(),
          .awaiting = metrics_.awaiting_verdict.value(),
          .ports = metrics_.source_ports.value(),
          .unanswered = door_->unanswered(),
          .deadline = door_->next_deadline_ms().value_or(0)};
}

void World::expect_unmoved(const Digest& before, const char* what) {
  if (!(digest() == before)) ledger_.fail(std::string(what) + " moved the door");
}

// ---- the verifier

bool World::ask(const verify::Question& question) noexcept {
  ++actions_;
  note(question.ticket.value);
  const bool taken = !chance(weather_.inbox_full);
  ledger_.asked(question, taken);
  if (!taken) return false;
  std::vector<verify::Ticket>& waiting = verifications_[question.join_key].waiting;
  waiting.push_back(question.ticket);
  join_key_of_[question.ticket.value] = question.join_key;
  joined_ += waiting.size() > 1;
  if (waiting.size() == 1 && !chance(80))  // else verify has lost it
    after_ms(below(chance(200) ? 10 : 15'000), [this, key = question.join_key] { decide(key); });
  return true;
}

void World::decide(const verify::JoinKey& key) {
  const std::vector<verify::Ticket> waiting = std::exchange(verifications_[key].waiting, {});
  verify::Answer answer;
  const std::uint64_t choice = below(100);
  answer.verdict = choice < 50   ? verify::Verdict::approved
                   : choice < 65 ? verify::Verdict::denied
                   : choice < 75 ? verify::Verdict::expired
                   : choice < 80 ? verify::Verdict::unknown_user
                   : choice < 83 ? verify::Verdict::limited
                                 : verify::Verdict::unavailable;
  const bool maybe_asked =
      answer.verdict != verify::Verdict::unavailable && answer.verdict != verify::Verdict::limited;
  answer.push_out = maybe_asked || chance(300);
  for (const verify::Ticket ticket : waiting) {
    answer.ticket = ticket;
    answer.joined = ticket != waiting.front();
    after_ms(below(20), [this, answer] { deliver_verdict(answer); });
    if (chance(50)) after_ms(below(12'000), [this, answer] { deliver_verdict(answer); });
  }
}

void World::release(verify::Ticket ticket, const verify::JoinKey& key, std::uint64_t) noexcept {
  ++actions_;
  note(ticket.value);
  ledger_.released(ticket);
  if (join_key_of_[ticket.value] != key) ledger_.fail("released under another join key");
  std::erase(verifications_[key].waiting, ticket);
  if (chance(500)) {  // the release crossed with the verdict
    verify::Answer late;
    late.ticket = ticket;
    late.verdict = verify::Verdict::approved;
    late.push_out = true;
    after_ms(below(3'000), [this, late] { deliver_verdict(late); });
  }
}

void World::deliver_verdict(const verify::Answer& answer) {
  const Digest before = digest();
  const bool awaited = ledger_.verdict_comes(answer);
  door_->verdict(now_, answer);
  if (awaited) return ledger_.verdict_came();
  expect_unmoved(before, "a verdict that nobody waits for");
}

// ---- settings

std::shared_ptr<const DoorSettings> World::settings() {
  const Epoch& epoch = epochs_[epoch_];
  DoorSettings settings;
  std::vector<config::Client> clients;
  const auto add = [&](const char* name, const char* prefix,
                       config::RequireMessageAuthenticator require, bool limit) {
    clients.push_back({.name = name,
                       .addresses = {*Prefix::parse(prefix)},
                       .secret = Secret(epoch.client_keys.at(name)->secret()),
                       .require_message_authenticator = require,
                       .limit_proxy_state = limit});
  };
  add("office", "192.0.2.0/24", config::RequireMessageAuthenticator::automatic, true);
  add("branch", "198.51.100.1", config::RequireMessageAuthenticator::yes, true);
  add("legacy", "2001:db8::/32", config::RequireMessageAuthenticator::no, false);
  settings.clients = std::make_shared<const ClientTable>(clients);
  settings.downstream.receive_timeout_ms = kReceiveTimeoutMs;
  settings.downstream.retransmit_ms = 700;
  for (std::size_t i = 0; i < outages_.size(); ++i)
    settings.downstream.servers.push_back(
        {.name = "server" + std::to_string(i),
         .priority = 1 + static_cast<std::uint32_t>(i / 2),
         .require_message_authenticator = config::RequireMessageAuthenticator::yes});
  settings.downstream.pools.push_back({.name = "downstream", .policy = policy_});
  settings.plan = testing::plan_of(settings.downstream, *epoch.downstream_key);
  settings.second_factor.on_unavailable = epoch.on_unavailable;
  settings.duplicate_window_ms = kDuplicateWindowMs;
  settings.verification_ttl_ms = kVerificationTtlMs;
  auto shared = std::make_shared<const DoorSettings>(std::move(settings));
  handed_over_.push_back(shared);
  return shared;
}

void World::reload() {
  ++epoch_;
  ledger_.set_epoch(epoch_);
  door_->reload(settings());
  after_ms(below(3'000), [this, epoch = epoch_] { clients_epoch_ = epoch; });
}

// ---- Outbox

void World::send_to_client(const ClientPath& path, Octets datagram) noexcept {
  ++actions_;
  const Bytes octets(datagram.begin(), datagram.end());
  for (const std::uint8_t octet : octets) note(octet);
  ledger_.sent_to_client(path, octets);
  const bool accounting = octets[0] == static_cast<int>(Code::accounting_response);
  carry(octets, [this, source = path.source, accounting](const Bytes& carried, bool whole) {
    const auto attempt = waiting_.find({source, carried[1], accounting});
    if (whole && attempt != waiting_.end()) attempt->second->answered = true;
  });
}

void World::end_connection(std::uint16_t, RadsecEnd) noexcept {
  ledger_.fail("ended a connection, and nobody is connected");
}

void World::send_downstream(std::uint16_t link, std::uint16_t source_port,
                            Octets datagram) noexcept {
  ++actions_;
  const Bytes octets(datagram.begin(), datagram.end());
  for (const std::uint8_t octet : octets) note(octet);
  if (source_port >= ports_[link]) ledger_.fail("sent from a port that is not open");
  const std::uint16_t way = way_of(link, source_port);
  if (octets[0] == static_cast<int>(Code::status_server)) return answer_probe(way, octets);
  ledger_.sent_downstream(way, octets);
  if (is_away(link) && chance(500))
    after_ms(below(20), [this, link] { door_->unreachable(now_, link); });
  carry(octets, [this, way](const Bytes& carried, bool) { downstream_receives(way, carried); });
}

bool World::open_source_port(std::uint16_t link) noexcept {
  if (ports_[link] >= plan_.max_source_ports) ledger_.fail("more source ports than allowed");
  if (chance(100)) return false;
  ++ports_[link];
  return true;
}

bool World::audit(const AuditRecord& record) noexcept {
  ++actions_;
  note(static_cast<std::uint64_t>(record.outcome));
  const bool taken = !chance(weather_.audit_full);
  ledger_.audited(record, taken);
  return taken;
}

void World::note(std::uint64_t what) {
  trace_ = (trace_ ^ what ^ now_.monotonic_ns) * 0x9e37'79b9'7f4a'7c15;
  trace_ ^= trace_ >> 29;
}

}  // namespace sallyport::radius_door::simulation
