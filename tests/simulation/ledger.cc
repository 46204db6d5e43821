#include "tests/simulation/ledger.h"

#include <algorithm>
#include <array>

#include "protocol/radius/translate.h"

namespace sallyport::radius_door::simulation {
namespace {

constexpr auto kClass = radius::Type{25};  ///< what an Accept of the simulated downstream grants

Bytes proxy_states(const radius::PacketView& packet) {
  Bytes all;
  for (const radius::Attribute attribute : packet)
    if (attribute.type == radius::Type::proxy_state)
      all.insert(all.end(), attribute.whole.begin(), attribute.whole.end());
  return all;
}

}  // namespace

void Ledger::fail(const std::string& what) {
  if (breach_.empty()) breach_ = what + " (at " + std::to_string(now_ms_) + " ms)";
}

Ledger::Key Ledger::key_of(const Request& request) {
  return {request.path.source, request.path.local, request.identifier,
          request.code == radius::Code::accounting_request};
}

/// Whether the door must still hold this exchange.
bool Ledger::alive(const Life& life) const {
  if (life.over) return false;
  if (life.answer) return now_ms_ < life.answered_ms + kDuplicateWindowMs + 1;
  if (!life.downstream) return now_ms_ < life.began_ms + kReceiveTimeoutMs + 1;
  return true;
}

// ---- requests

void Ledger::request_comes(const Request& request) {
  incoming_ = &request;
  life_ = nullptr;
  is_duplicate_ = false;
  evicted_before_ = metrics_.evicted.value();
  if (request.code == radius::Code::status_server) return;
  const auto known = current_.find(key_of(request));
  if (known == current_.end() || !alive(*known->second)) return;
  life_ = known->second;
  is_duplicate_ = life_->request->authenticator == request.authenticator;
  if (!is_duplicate_) life_->over = true;  // replaced: audited and released in this very call
}

void Ledger::request_came() {
  if (metrics_.evicted.value() != evicted_before_) note_eviction();
  incoming_ = nullptr;
  life_ = nullptr;
}

/// The door gave up a kept answer: it must have been the oldest.
void Ledger::note_eviction() {
  while (!answered_.empty() && !alive(*answered_.front())) answered_.pop_front();
  if (answered_.empty()) return fail("evicted, but no answer was kept");
  answered_.front()->over = true;
  answered_.pop_front();
}

void Ledger::sent_downstream(std::uint16_t source_port, const Bytes& datagram) {
  const auto view = radius::PacketView::parse(datagram);
  if (!view) return fail("malformed packet sent downstream");
  Flight& flight = flights_[{source_port, view->identifier().value}];
  const bool pending =
      flight.life != nullptr && !flight.replied && now_ms_ < flight.began_ms + kReceiveTimeoutMs;
  if (incoming_ == nullptr && flight.octets != datagram) return failed_over(source_port, *view);
  if (incoming_ == nullptr) {  // a retransmission
    require(!flight.moved, "retransmission to a server that was given up");
    require(pending && flight.octets == datagram, "retransmission of another packet");
    require(flight.life != nullptr && alive(*flight.life) && !flight.life->downstream,
            "retransmission of what is answered or abandoned");
    require(view->code() == radius::Code::access_request, "accounting retransmitted");
    return;
  }
  require(!is_duplicate_, "a duplicate was forwarded again");
  require(!pending, "an Identifier was reused while pending");
  const radius::HopKey& key = *epochs_[epoch_].downstream_key;
  require(radius::verify_request(*view, key) == radius::Authenticity::authentic,
          "the downstream cannot verify what was sent");
  if (view->code() == radius::Code::access_request)
    require(view->octets()[20] == 80, "Message-Authenticator is not first");
  lives_.push_back(std::make_unique<Life>());
  Life& life = *lives_.back();
  life.request = incoming_;
  life.epoch = epoch_;
  life.began_ms = now_ms_;
  current_[key_of(*incoming_)] = &life;
  flight = {.life = &life, .octets = datagram, .began_ms = now_ms_};
}

/// All of a request but what a hop makes anew.
Bytes lasting(const radius::PacketView& packet, const radius::HopKey& key) {
  Bytes all{static_cast<std::uint8_t>(packet.code())};
  for (const radius::Attribute attribute : packet) {
    if (attribute.type == radius::Type::message_authenticator) continue;
    all.insert(all.end(), attribute.whole.begin(), attribute.whole.end());
    if (attribute.type != radius::Type::user_password) continue;
    all.resize(all.size() - attribute.value.size());
    std::array<std::uint8_t, 128> clear;
    const auto octets =
        radius::reveal_user_password(attribute.value, key, packet.authenticator(), clear);
    if (octets) all.insert(all.end(), clear.begin(), clear.begin() + *octets);
  }
  return all;
}

void Ledger::failed_over(std::uint16_t way, const radius::PacketView& packet) {
  const auto key_of_life = [&](const Life& life) -> const radius::HopKey& {
    return *epochs_[life.epoch].downstream_key;
  };
  for (auto& [channel, before] : flights_) {
    if (before.life == nullptr || before.moved || before.replied ||
        channel.first >> 8 == way >> 8 || !alive(*before.life) || before.life->downstream)
      continue;
    const radius::HopKey& key = key_of_life(*before.life);
    if (lasting(packet, key) != lasting(*radius::PacketView::parse(before.octets), key)) continue;
    require(radius::verify_request(packet, key) == radius::Authenticity::authentic,
            "the second server cannot verify what was sent");
    require(testing::authenticator_of(before.octets) != packet.authenticator() ||
                packet.code() == radius::Code::accounting_request,
            "an authenticator was used on two hops");
    Flight& flight = flights_[{way, packet.identifier().value}];
    const bool pending =
        flight.life != nullptr && !flight.replied && now_ms_ < flight.began_ms + kReceiveTimeoutMs;
    require(!pending, "an Identifier was reused while pending");
    before.moved = true;
    flight = {.life = before.life,
              .octets = Bytes(packet.octets().begin(), packet.octets().end()),
              .began_ms = before.life->began_ms};
    return;
  }
  fail("sent to another server what no server had");
}

// ---- replies and verdicts

bool Ledger::reply_comes(std::uint16_t source_port, const Bytes& reply,
                         const std::optional<radius::Authenticator>& answers) {
  const auto found = flights_.find({source_port, reply[1]});
  if (!answers || found == flights_.end()) return false;
  Flight& flight = found->second;
  if (flight.moved || flight.replied || testing::authenticator_of(flight.octets) != *answers)
    return false;
  if (!alive(*flight.life)) return false;
  flight.replied = true;
  life_ = flight.life;
  life_->downstream = static_cast<radius::Code>(reply[0]);
  return true;
}

void Ledger::reply_came() {
  if (life_ == nullptr) return;
  const bool silent = life_->question_refused &&
                      epochs_[life_->epoch].on_unavailable == config::OnUnavailable::silent;
  if (silent) {
    require(!life_->answer, "answered against on_unavailable = silent");
    life_->over = true;
  } else {
    require(life_->answer || (life_->ticket && !life_->question_refused),
            "an authentic reply led to nothing");
  }
  life_ = nullptr;
}

void Ledger::asked(const verify::Question& question, bool taken) {
  if (life_ == nullptr || life_->downstream != radius::Code::access_accept)
    return fail("asked without an authentic Access-Accept");
  const Request& request = *life_->request;
  require(request.code == radius::Code::access_request, "asked about accounting");
  require(!life_->ticket, "asked twice for one exchange");
  require(question.user.view() == request.user, "asked the wrong user");
  require(tickets_.emplace(question.ticket.value, life_).second, "a ticket was used twice");
  life_->ticket = question.ticket;
  life_->question_refused = !taken;
  const Identity identity{request.user, request.client, request.path.source.address,
                          request.calling_station, request.credentials};
  require(identity_of_.emplace(question.join_key, identity).first->second == identity,
          "two different logins share a verification");
  require(join_key_of_.emplace(identity, question.join_key).first->second == question.join_key,
          "a retry of one login does not join");
}

bool Ledger::verdict_comes(const verify::Answer& answer) {
  const auto found = tickets_.find(answer.ticket.value);
  if (found == tickets_.end()) return false;
  Life& life = *found->second;
  if (life.over || life.answer || life.verdict || life.released || life.question_refused)
    return false;
  life_ = &life;
  life.verdict = answer;
  return true;
}

void Ledger::verdict_came() {
  if (life_ == nullptr) return;
  const bool silent = life_->verdict->verdict == verify::Verdict::unavailable &&
                      !life_->verdict->push_out &&
                      epochs_[life_->epoch].on_unavailable == config::OnUnavailable::silent;
  require(life_->answer.has_value() != silent, "a verdict was not followed by what it means");
  if (silent) life_->over = true;
  life_ = nullptr;
}

void Ledger::released(verify::Ticket ticket) {
  const auto found = tickets_.find(ticket.value);
  if (found == tickets_.end()) return fail("released what was never asked");
  require(!found->second->verdict && !found->second->released, "released twice or after a verdict");
  found->second->released = true;
}

void Ledger::audited(const AuditRecord& record, bool taken) {
  if (record.outcome != Outcome::unavailable_allowed) return;
  if (life_ == nullptr) return fail("allowed by policy out of nothing");
  require(may_be_allowed(*life_), "allowed against the policy");
  require(record.user.view() == life_->request->user, "the audit log names another user");
  life_->witnessed = taken;
}

bool Ledger::may_be_allowed(const Life& life) const {
  const bool unasked = life.question_refused ||
                       (life.verdict && life.verdict->verdict == verify::Verdict::unavailable &&
                        !life.verdict->push_out);
  return unasked && epochs_[life.epoch].on_unavailable == config::OnUnavailable::allow;
}

// ---- answers

void Ledger::sent_to_client(const ClientPath& path, const Bytes& datagram) {
  if (incoming_ != nullptr && incoming_->code == radius::Code::status_server)
    return check_status_answer(datagram);
  const bool accounting = datagram[0] == static_cast<int>(radius::Code::accounting_response);
  const auto found = current_.find({path.source, path.local, datagram[1], accounting});
  if (found == current_.end() || !alive(*found->second)) return fail("an answer to no exchange");
  Life& life = *found->second;
  require(path.socket == life.request->path.socket, "answered from another socket");
  if (life.answer) {
    require(is_duplicate_ && incoming_ != nullptr, "answered twice unasked");
    return require(*life.answer == datagram, "two distinct answers to one request");
  }
  const auto view = radius::PacketView::parse(datagram);
  if (!view) return fail("malformed answer");
  check_answer(life, *view);
  life.answer = datagram;
  life.answered_ms = now_ms_;
  answered_.push_back(&life);
}

void Ledger::check_status_answer(const Bytes& datagram) {
  const auto view = radius::PacketView::parse(datagram);
  if (!view) return fail("malformed answer to Status-Server");
  require(radius::verify_response(*view, *epochs_[epoch_].client_keys.at(incoming_->client),
                                  incoming_->authenticator) == radius::Authenticity::authentic,
          "the answer to Status-Server is not authentic");
  require(!view->has(kClass), "the answer to Status-Server grants something");
}

void Ledger::check_answer(const Life& life, const radius::PacketView& answer) {
  const Request& request = *life.request;
  require(radius::verify_response(answer, *epochs_[life.epoch].client_keys.at(request.client),
                                  request.authenticator) == radius::Authenticity::authentic,
          "the client cannot verify the answer");
  require(proxy_states(answer) == request.proxy_states, "not exactly the client's Proxy-States");
  const bool approved = life.verdict && life.verdict->verdict == verify::Verdict::approved;
  if (answer.code() == radius::Code::access_accept) {
    ++accepts_;
    require(life.downstream == radius::Code::access_accept,
            "Access-Accept without the downstream's");
    require(approved || (may_be_allowed(life) && life.witnessed),
            "Access-Accept without an approval");
  } else if (life.downstream == radius::Code::access_accept) {
    require(answer.code() == radius::Code::access_reject, "neither Accept nor Reject");
    require(!approved, "Access-Reject after an approval");
    require(life.verdict || life.question_refused || life.released, "rejected before the verdict");
    require(!answer.has(kClass), "Access-Reject with what the Accept granted");
  } else {
    require(life.downstream == answer.code(), "another answer than the downstream's");
  }
}

void Ledger::finish() {
  for (const auto& [ticket, life] : tickets_)
    require(life->verdict || life->released || life->question_refused,
            "a verification was neither answered nor released");
  for (const auto& life : lives_) require(!alive(*life), "an exchange has outlived its windows");
  require(metrics_.exchanges.value() == 0, "exchanges are left at the end");
  require(metrics_.awaiting_verdict.value() == 0, "a gauge has gone wrong");
}

}  // namespace sallyport::radius_door::simulation
