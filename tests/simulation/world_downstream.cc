// The world's downstream servers, and whoever forges their replies.

#include <algorithm>

#include "tests/simulation/world.h"

namespace sallyport::radius_door::simulation {
namespace {

using radius::Code;
using radius::Type;
using testing::PacketBuilder;

}  // namespace

/// Later ones leave at least one server in place.
void World::plan_outages(unsigned servers) {
  outages_.assign(servers, {});
  policy_ = static_cast<config::DownstreamPolicy>(below(4));
  for (unsigned i = 1; i < servers; ++i) {
    outages_[i].from_ms = now_.ms() + below(40'000);
    outages_[i].until_ms = outages_[i].from_ms + below(30'000);
  }
  std::ranges::shuffle(outages_, dice_);
}

bool World::is_away(std::uint16_t link) const {
  const Outage& outage = outages_[link];
  return now_.ms() >= outage.from_ms && now_.ms() < outage.until_ms;
}

void World::answer_probe(std::uint16_t way, const Bytes& octets) {
  if (is_away(static_cast<std::uint16_t>(way >> 8))) return;
  const auto probe = radius::PacketView::parse(octets);
  if (!probe) return ledger_.fail("malformed Status-Server");
  for (const Epoch& epoch : epochs_) {
    if (radius::verify_request(*probe, *epoch.downstream_key) != radius::Authenticity::authentic)
      continue;
    PacketBuilder builder(Code::access_accept, probe->identifier().value);
    builder.add_message_authenticator();
    const Bytes answer = builder.sign_response(*epoch.downstream_key, probe->authenticator());
    return after_ms(below(30), [this, way, answer] {
      door_->downstream_datagrams(
          now_, std::array{DownstreamDatagram{.link = static_cast<std::uint16_t>(way >> 8),
                                              .source_port = static_cast<std::uint16_t>(way & 0xff),
                                              .octets = answer}});
    });
  }
  ledger_.fail("a Status-Server that no server can verify");
}

void World::downstream_receives(std::uint16_t port, const Bytes& octets) {
  if (is_away(static_cast<std::uint16_t>(port >> 8))) return;
  const auto request = radius::PacketView::parse(octets);
  if (!request) return;
  const auto epoch = std::ranges::find_if(epochs_, [&](const Epoch& candidate) {
    return radius::verify_request(*request, *candidate.downstream_key) ==
           radius::Authenticity::authentic;
  });
  if (epoch == epochs_.end()) return;
  const radius::HopKey& key = *epoch->downstream_key;
  if (chance(weather_.forgery)) forge(port, octets, key);
  const auto [judgement, first_time] = judgements_.try_emplace(Bytes(&octets[4], &octets[20]));
  if (first_time && !chance(weather_.downstream_silence)) judgement->second = judge(*request, key);
  if (judgement->second) reply(port, octets, *judgement->second, key);
}

Code World::judge(const radius::PacketView& request, const radius::HopKey& key) {
  if (request.code() == Code::accounting_request) return Code::accounting_response;
  if (chance(50)) return Code::access_challenge;
  const std::string user(as_text(*request.find(Type::user_name)));
  std::string given;
  if (const auto hidden = request.find(Type::user_password)) {
    const radius::Authenticator pad = key.pad(request.authenticator().octets);
    for (std::size_t i = 0; i < 16 && (*hidden)[i] != pad.octets[i]; ++i)
      given.push_back(static_cast<char>((*hidden)[i] ^ pad.octets[i]));
  } else if (const auto chap = request.find(Type::chap_password)) {
    given = as_text(chap->subspan(1));
    given.resize(std::min(given.size(), given.find('\x01')));
  } else if (const auto eap = request.find(Type::eap_message)) {
    given = as_text(eap->subspan(5));
  }
  return given == "pw-" + user || given == "app-" + user ? Code::access_accept
                                                         : Code::access_reject;
}

void World::reply(std::uint16_t port, const Bytes& octets, Code code, const radius::HopKey& key) {
  const auto request = *radius::PacketView::parse(octets);
  PacketBuilder builder(code, request.identifier().value);
  if (code != Code::accounting_response) builder.add_message_authenticator();
  if (code == Code::access_accept) {
    builder.add(Type{25}, "granted");
    if (request.has(Type::eap_message))
      builder.add(Type::user_name, as_text(*request.find(Type::user_name)))
          .add(Type::eap_message, Bytes{3, 9, 0, 4});
  }
  if (!chance(100))  // some servers forget them
    for (const radius::Attribute attribute : request)
      if (attribute.type == Type::proxy_state) builder.add(Type::proxy_state, attribute.value);
  const radius::Authenticator answers = request.authenticator();
  const Bytes signed_reply = builder.sign_response(key, answers);
  const std::uint64_t thinking_ms = chance(30) ? 6'000 : below(50);
  after_ms(thinking_ms, [this, port, signed_reply, answers] {
    carry(signed_reply, [this, port, answers](const Bytes& carried, bool whole) {
      deliver_reply(port, carried, whole ? std::optional(answers) : std::nullopt);
    });
  });
}

/// An attacker beside the downstream: Accepts made with a guessed secret, for another request,
/// without Message-Authenticator, or with a code that answers nothing of the kind.
void World::forge(std::uint16_t port, const Bytes& octets, const radius::HopKey& key) {
  const radius::HopKey guess(Secret("guess"));
  const radius::Authenticator right = testing::authenticator_of(octets);
  radius::Authenticator wrong;
  fill(wrong.octets);
  const bool accounting = octets[0] == static_cast<int>(Code::accounting_request);
  const Code other = accounting ? Code::access_accept : Code::accounting_response;
  PacketBuilder accept(Code::access_accept, octets[1]);
  PacketBuilder bare(Code::access_accept, octets[1]);
  PacketBuilder misplaced(other, octets[1]);
  accept.add_message_authenticator();
  misplaced.add_message_authenticator();
  Bytes forged;
  switch (below(4)) {
    case 0: forged = accept.sign_response(guess, right); break;
    case 1: forged = accept.sign_response(key, wrong); break;
    case 2: forged = bare.sign_response(key, right); break;
    case 3: forged = misplaced.sign_response(key, right); break;
  }
  deliver_reply(port, forged, std::nullopt);
}

}  // namespace sallyport::radius_door::simulation
