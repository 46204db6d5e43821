#include "engine/radius/coa/coa_door.h"

#include <algorithm>
#include <cstring>

#include "engine/limits.h"
#include "engine/radius/coa/coa_packet.h"
#include "protocol/check.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {
namespace {

using radius::Code;
using radius::ErrorCause;
using radius::PacketView;
using radius::Type;

/// RFC 5080 §2.2.2: 5 to 30 s. Event-Timestamp makes it longer.
constexpr std::uint64_t kRememberMs = 30'000;
constexpr std::uint16_t kChannels =
    limits::kCoaSourcePorts * static_cast<std::uint16_t>(limits::kIdentifiersPerSourcePort);

ErrorCause cause_of(CoaOutcome outcome) {
  switch (outcome) {
    case CoaOutcome::answered: return ErrorCause::none;
    // RFC 5176 §3.5, 402: "critical attributes (such as NAS or session identification attributes)".
    case CoaOutcome::no_nas:
    case CoaOutcome::no_session: return ErrorCause::missing_attribute;
    case CoaOutcome::unknown_nas: return ErrorCause::request_not_routable;
    case CoaOutcome::mismatch: return ErrorCause::nas_identification_mismatch;
    case CoaOutcome::uncarriable: return ErrorCause::invalid_attribute_value;
    // RFC 5176 §3.5, 505: not processed by a proxy, for reasons other than routing. 506 would be
    // the NAS's own word for what it lacks.
    case CoaOutcome::too_long:
    case CoaOutcome::unreachable: return ErrorCause::other_proxy_processing_error;
    case CoaOutcome::busy: return ErrorCause::resources_unavailable;
  }
  return ErrorCause::other_proxy_processing_error;
}

/// FNV-1a. Of octets that only someone with the secret can choose.
class Mark {
 public:
  void add(Octets octets) {
    for (const std::uint8_t octet : octets) value_ = (value_ ^ octet) * 0x100'0000'01b3;
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf2'9ce4'8422'2325;
};

/// The listener's number is a process's own.
std::uint64_t mark_of(const CoaPath& path, std::uint8_t code, std::uint8_t identifier,
                      const radius::Authenticator& authenticator) {
  Mark mark;
  mark.add(path.source.address.octets);
  mark.add(std::array{static_cast<std::uint8_t>(path.source.port >> 8),
                      static_cast<std::uint8_t>(path.source.port), code, identifier});
  mark.add(authenticator.octets);
  return mark.value();
}

}  // namespace

CoaDoor::CoaDoor(std::shared_ptr<const CoaSettings> settings, Octets proxy_state, CoaOutbox& outbox,
                 RandomSource& random, CoaMetrics& metrics)
    : settings_(std::move(settings)),
      proxy_state_(proxy_state.begin(), proxy_state.end()),
      outbox_(outbox),
      random_(random),
      metrics_(metrics) {
  CHECK(settings_ && !proxy_state_.empty() &&
        proxy_state_.size() <= radius::kMaxAttributeValueOctets);
  std::array<std::uint8_t, 2> start;
  random_.fill(start);
  next_channel_ = static_cast<std::uint16_t>((start[0] << 8 | start[1]) % kChannels);
}

// --- From those who ask ----------------------------------------------------------------------

void CoaDoor::asker_datagram(CoaNow now, const CoaPath& path, Octets datagram) {
  const ClientEntry* const asker = settings_->askers->find(path.source.address);
  if (asker == nullptr) return drop(CoaDrop::unknown_asker);
  const auto packet = PacketView::parse(datagram);
  if (!packet) {
    return metrics_.malformed_from_asker[static_cast<std::size_t>(packet.error())].add();
  }
  if (!admit(now, *asker, *packet)) return;
  metrics_.requests.add();
  const Key key{.path = path,
                .code = static_cast<std::uint8_t>(packet->code()),
                .identifier = packet->identifier().value};
  if (is_known(now, key, *packet)) return;
  if (carries(*packet, proxy_state_)) return drop(CoaDrop::loop);
  if (draining_) return drop(CoaDrop::draining);
  begin(now, key, *asker, *packet);
  show();
}

/// Whether it may be believed. Nothing is remembered of one that may not.
bool CoaDoor::admit(CoaNow now, const ClientEntry& asker, const PacketView& packet) {
  const auto refused = [this](CoaDrop reason) {
    drop(reason);
    return false;
  };
  if (!is_request(packet.code())) return refused(CoaDrop::unsupported_code);
  switch (radius::verify_request(packet, asker.key)) {
    case radius::Authenticity::authentic: break;
    case radius::Authenticity::bad_message_authenticator:
      return refused(CoaDrop::bad_message_authenticator);
    case radius::Authenticity::bad_authenticator: return refused(CoaDrop::bad_authenticator);
  }
  if (settings_->require_message_authenticator && packet.message_authenticator_offset() == 0)
    return refused(CoaDrop::message_authenticator_required);
  if (!event_time(packet, now.unix_s, settings_->event_window_s))
    return refused(CoaDrop::event_timestamp);
  if (settings_->require_event_timestamp && !packet.has(Type::event_timestamp))
    return refused(CoaDrop::event_timestamp_required);
  return true;
}

/// Whether it is one that came before; what has taken another's place is not.
bool CoaDoor::is_known(CoaNow now, const Key& key, const PacketView& packet) {
  const radius::Authenticator authenticator = packet.authenticator();
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    const Request& request = requests_.at(found->second);
    if (request.authenticator == authenticator) {
      if (request.answer.empty()) {
        drop(CoaDrop::duplicate_pending);
      } else {
        metrics_.duplicates_answered.add();
        outbox_.send_to_asker(key.path, request.answer);
      }
      return true;
    }
  }
  if (elsewhere_until_ms_ <= now.ms()) elsewhere_.clear();
  if (!elsewhere_.contains(mark_of(key.path, key.code, key.identifier, authenticator)))
    return false;
  drop(CoaDrop::remembered_elsewhere);
  return true;
}

void CoaDoor::begin(CoaNow now, const Key& key, const ClientEntry& asker,
                    const PacketView& packet) {
  // RFC 5080 §2.2.2: whoever asked the old one has given it up.
  if (const auto old = by_key_.find(key); old != by_key_.end()) {
    if (requests_.at(old->second).answer.empty()) metrics_.replaced.add();
    forget(old->second);
  }
  make_room();
  const Serial serial = next_serial_++;
  Request& request = requests_[serial];
  by_key_.emplace(key, serial);
  request.key = key;
  request.authenticator = packet.authenticator();
  request.began_us = now.monotonic_us;
  request.settings = settings_;
  request.asker = &asker.key;
  request.proxy_states = proxy_states_of(packet);
  const std::uint32_t time = event_time(packet, now.unix_s, settings_->event_window_s).value_or(0);
  // As long as its Event-Timestamp would be taken, it must be known for a duplicate.
  const std::int64_t fresh_s =
      time == 0 ? 0 : std::int64_t{time} + settings_->event_window_s + 1 - now.unix_s;
  request.until_ms =
      now.ms() + std::max<std::uint64_t>(kRememberMs, static_cast<std::uint64_t>(fresh_s) * 1'000);
  request.record.code = key.code;
  request.record.identifier = key.identifier;
  request.record.source = key.path.source;
  request.record.asker.assign(asker.name());
  if (const auto user = packet.find(Type::user_name)) request.record.user.assign(*user);
  if (const auto session = packet.find(Type::acct_session_id))
    request.record.session.assign(*session);
  if (const auto refusal = forward(now, request, serial, packet)) refuse(now, serial, *refusal);
}

/// Nothing: it is on its way to the NAS.
std::optional<CoaOutcome> CoaDoor::forward(CoaNow now, Request& request, Serial serial,
                                           const PacketView& packet) {
  if (!names_session(packet)) return CoaOutcome::no_session;
  const auto nas = request.settings->nases->find(packet);
  if (!nas) {
    switch (nas.error()) {
      case NasMiss::unnamed: return CoaOutcome::no_nas;
      case NasMiss::unknown: return CoaOutcome::unknown_nas;
      case NasMiss::mismatch: return CoaOutcome::mismatch;
    }
  }
  request.nas = *nas;
  request.record.nas.assign(nas->name);
  if (pending() >= request.settings->max_pending || !take_channel(request, serial))
    return CoaOutcome::busy;
  if (const auto refusal = write_for_nas(request, packet)) {
    by_channel_.erase(request.channel);
    return refusal;
  }
  request.record.nas_address = nas->address;
  request.give_up_ms = now.ms() + request.settings->timeout_ms;
  // RFC 5080 §2.2.1.
  const std::uint32_t first_ms = request.settings->retransmit_ms;
  request.interval_ms = jittered(first_ms, first_ms / 10);
  schedule(request, serial, now.ms());
  metrics_.forwarded.add();
  outbox_.send_to_nas(request.channel.nas, request.channel.number / 256, request.sent);
  return std::nullopt;
}

std::optional<CoaOutcome> CoaDoor::write_for_nas(Request& request, const PacketView& packet) {
  std::array<std::uint8_t, radius::kMaxPacketOctets> plain;
  const std::size_t plain_octets = without_operator_nas_identifier(packet, plain);
  const auto view = PacketView::parse(Octets(plain).first(plain_octets));
  CHECK(view.has_value());
  radius::Authenticator dice;  // salts count up from it
  random_.fill(dice.octets);
  request.sent.resize(radius::kMaxPacketOctets);
  const auto written = radius::translate_request(
      *view,
      {.client = *request.asker,
       .downstream = *request.nas.key,
       .identifier = {static_cast<std::uint8_t>(request.channel.number % 256)},
       .authenticator = dice,
       .proxy_state = proxy_state_},
      request.sent);
  if (!written) {
    request.sent.clear();
    return written.error() == radius::Untranslatable::too_long ? CoaOutcome::too_long
                                                               : CoaOutcome::uncarriable;
  }
  request.sent.resize(*written);
  request.sent.shrink_to_fit();
  return std::nullopt;
}

/// One counter for all NASes: an Identifier comes again to a NAS only after as many requests as
/// there are, so that it never takes a new request for one that it has answered.
bool CoaDoor::take_channel(Request& request, Serial serial) {
  for (std::uint16_t tries = 0; tries < kChannels; ++tries) {
    const Channel channel{.nas = request.nas.address, .number = next_channel_};
    next_channel_ = static_cast<std::uint16_t>((next_channel_ + 1) % kChannels);
    if (!by_channel_.emplace(channel, serial).second) continue;
    request.channel = channel;
    return true;
  }
  return false;
}

// --- From the NAS ----------------------------------------------------------------------------

void CoaDoor::nas_datagram(CoaNow now, const Endpoint& source, std::uint16_t source_port,
                           Octets datagram) {
  const auto reply = PacketView::parse(datagram);
  if (!reply) {
    return metrics_.malformed_from_nas[static_cast<std::size_t>(reply.error())].add();
  }
  const Channel channel{
      .nas = source,
      .number = static_cast<std::uint16_t>(source_port * 256 + reply->identifier().value)};
  const auto found = by_channel_.find(channel);
  if (found == by_channel_.end()) return drop(CoaDrop::reply_unmatched);
  const Serial serial = found->second;
  const Request& request = requests_.at(serial);
  if (reply->code() != ack_of(request.key.code) && reply->code() != nak_of(request.key.code))
    return drop(CoaDrop::reply_wrong_code);
  switch (radius::verify_response(*reply, *request.nas.key, authenticator_in(request.sent))) {
    case radius::Authenticity::authentic: break;
    case radius::Authenticity::bad_message_authenticator:
      return drop(CoaDrop::reply_bad_message_authenticator);
    case radius::Authenticity::bad_authenticator: return drop(CoaDrop::reply_bad_authenticator);
  }
  pass_on(now, serial, *reply);
  show();
}

void CoaDoor::pass_on(CoaNow now, Serial serial, const PacketView& reply) {
  Request& request = requests_.at(serial);
  request.record.outcome = CoaOutcome::answered;
  request.record.ack = reply.code() == ack_of(request.key.code);
  (request.record.ack ? metrics_.acks : metrics_.naks).add();
  if (const auto cause = reply.find(Type::error_cause); cause && cause->size() == 4)
    request.record.error_cause = number_in(*cause);

  std::array<std::uint8_t, radius::kMaxPacketOctets> out;
  const auto written =
      radius::translate_reply(reply,
                              {.downstream = *request.nas.key,
                               .downstream_authenticator = authenticator_in(request.sent),
                               .client = *request.asker,
                               .client_identifier = {request.key.identifier},
                               .client_authenticator = request.authenticator,
                               .client_proxy_states = request.proxy_states,
                               .random = random_},
                              out);
  std::size_t octets = written.value_or(0);
  if (!written) {
    // What it says is known, and its word is done: only the attributes cannot be carried.
    metrics_.replies_cut.add();
    octets = radius::write_local_reply(
        {.code = reply.code(),
         .client = *request.asker,
         .client_identifier = {request.key.identifier},
         .client_authenticator = request.authenticator,
         .client_proxy_states = request.proxy_states,
         .reply_message = {},
         .eap_failure_identifier = {},
         .error_cause = static_cast<ErrorCause>(request.record.error_cause)},
        out);
  }
  answer(now, serial, Octets(out).first(octets));
}

// --- Answers ---------------------------------------------------------------------------------

void CoaDoor::refuse(CoaNow now, Serial serial, CoaOutcome outcome) {
  Request& request = requests_.at(serial);
  request.record.outcome = outcome;
  request.record.ack = false;
  request.record.error_cause = static_cast<std::uint32_t>(cause_of(outcome));
  metrics_.own_naks.add();
  std::array<std::uint8_t, radius::kMaxPacketOctets> out;
  const std::size_t octets =
      radius::write_local_reply({.code = nak_of(request.key.code),
                                 .client = *request.asker,
                                 .client_identifier = {request.key.identifier},
                                 .client_authenticator = request.authenticator,
                                 .client_proxy_states = request.proxy_states,
                                 .reply_message = {},
                                 .eap_failure_identifier = {},
                                 .error_cause = cause_of(outcome)},
                                out);
  answer(now, serial, Octets(out).first(octets));
}

/// Empty octets: there is no room for an answer.
void CoaDoor::answer(CoaNow now, Serial serial, Octets octets) {
  Request& request = requests_.at(serial);
  const std::uint64_t took_us = now.monotonic_us - request.began_us;
  request.record.total_us =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(took_us, UINT32_MAX));
  metrics_.latency.record(took_us * 1'000);
  if (request.settings->audit && !outbox_.audit(request.record)) metrics_.audit_lost.add();
  give_up_waiting(serial, request);
  if (octets.empty()) {
    drop(CoaDrop::unanswerable);
    return forget(serial);
  }
  request.answer.assign(octets.begin(), octets.end());
  request.until_ms = std::max(request.until_ms, now.ms() + kRememberMs);
  expiries_.insert({.at_ms = request.until_ms, .serial = serial});
  outbox_.send_to_asker(request.key.path, request.answer);
}

/// What is kept for the NAS's answer alone.
void CoaDoor::give_up_waiting(Serial serial, Request& request) {
  if (request.deadline_ms != 0) {
    deadlines_.erase({.at_ms = request.deadline_ms, .serial = serial});
    by_channel_.erase(request.channel);
    request.deadline_ms = 0;
  }
  request.sent = {};
  request.proxy_states = {};
  request.asker = nullptr;
  request.nas = {};
  request.settings.reset();
}

void CoaDoor::forget(Serial serial) {
  const auto found = requests_.find(serial);
  CHECK(found != requests_.end());
  give_up_waiting(serial, found->second);
  expiries_.erase({.at_ms = found->second.until_ms, .serial = serial});
  by_key_.erase(found->second.key);
  requests_.erase(found);
}

void CoaDoor::make_room() {
  while (requests_.size() >= limits::kMaxCoaRequests) {
    CHECK(!expiries_.empty());  // those that wait are fewer: coa.max_pending
    metrics_.evicted.add();
    forget(expiries_.begin()->serial);
  }
}

// --- Time ------------------------------------------------------------------------------------

void CoaDoor::schedule(Request& request, Serial serial, std::uint64_t now_ms) {
  request.deadline_ms = std::min(now_ms + request.interval_ms, request.give_up_ms);
  deadlines_.insert({.at_ms = request.deadline_ms, .serial = serial});
}

void CoaDoor::advance(CoaNow now) {
  while (!expiries_.empty() && expiries_.begin()->at_ms <= now.ms())
    forget(expiries_.begin()->serial);
  while (!deadlines_.empty() && deadlines_.begin()->at_ms <= now.ms()) {
    const Serial serial = deadlines_.begin()->serial;
    Request& request = requests_.at(serial);
    if (request.give_up_ms <= now.ms()) {
      metrics_.timeouts.add();
      refuse(now, serial, CoaOutcome::unreachable);
      continue;
    }
    deadlines_.erase(deadlines_.begin());
    const std::uint32_t before_ms = request.interval_ms;
    request.interval_ms = jittered(2 * before_ms, before_ms / 10);
    schedule(request, serial, now.ms());
    metrics_.retransmitted.add();
    outbox_.send_to_nas(request.channel.nas, request.channel.number / 256, request.sent);
  }
  show();
}

std::optional<std::uint64_t> CoaDoor::next_deadline_ms() const noexcept {
  std::optional<std::uint64_t> next;
  if (!deadlines_.empty()) next = deadlines_.begin()->at_ms;
  if (!expiries_.empty()) next = std::min(next.value_or(UINT64_MAX), expiries_.begin()->at_ms);
  return next;
}

std::uint32_t CoaDoor::jittered(std::uint32_t interval_ms, std::uint32_t spread_ms) noexcept {
  std::array<std::uint8_t, 2> dice;
  random_.fill(dice);
  const std::uint64_t above_least =
      std::uint64_t{2} * spread_ms * static_cast<std::uint32_t>(dice[0] << 8 | dice[1]) / 0xffff;
  return static_cast<std::uint32_t>(interval_ms - spread_ms + above_least);
}

// --- Reload and take-over --------------------------------------------------------------------

void CoaDoor::reload(std::shared_ptr<const CoaSettings> settings) noexcept {
  CHECK(settings != nullptr);
  settings_ = std::move(settings);
}

std::vector<std::uint64_t> CoaDoor::list_remembered() const {
  std::vector<std::uint64_t> marks;
  marks.reserve(requests_.size());
  for (const auto& [serial, request] : requests_) {
    marks.push_back(
        mark_of(request.key.path, request.key.code, request.key.identifier, request.authenticator));
  }
  return marks;
}

void CoaDoor::respect(CoaNow now, std::span<const std::uint64_t> marks) {
  elsewhere_.insert(marks.begin(), marks.end());
  elsewhere_until_ms_ = now.ms() + kRememberMs + std::uint64_t{2'000} * settings_->event_window_s;
}

void CoaDoor::show() noexcept {
  metrics_.pending.set(deadlines_.size());
  metrics_.remembered.set(expiries_.size());
}

}  // namespace sallyport::radius_door
