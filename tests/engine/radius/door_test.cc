#include "engine/radius/door.h"

#include <gmock/gmock.h>

#include "tests/engine/radius/door_harness.h"

namespace sallyport::radius_door {
namespace {

using radius::Code;
using radius::Type;
using testing::Bytes;
using testing::DoorTest;
using testing::Login;
using testing::PacketBuilder;
using verify::Verdict;

Bytes proxy_states(const radius::PacketView& packet) {
  Bytes all;
  for (const radius::Attribute attribute : packet)
    if (attribute.type == Type::proxy_state)
      all.insert(all.end(), attribute.whole.begin(), attribute.whole.end());
  return all;
}

// ---- requests

TEST_F(DoorTest, ARequestGoesDownstreamAndItsRejectComesBack) {
  receive(Login{.proxy_states = {"one", "two"}});
  ASSERT_EQ(outbox_.to_downstream.size(), 1u);
  EXPECT_EQ(outbox_.to_client.size(), 0u);
  reply(Code::access_reject, {{Type::reply_message, Bytes{'n', 'o'}}});
  ASSERT_EQ(outbox_.to_client.size(), 1u);
  const radius::PacketView answer = last_answer();
  EXPECT_EQ(answer.code(), Code::access_reject);
  EXPECT_EQ(answer.identifier().value, 1);
  EXPECT_EQ(as_text(*answer.find(Type::reply_message)), "no");
  EXPECT_EQ(proxy_states(answer), (Bytes{33, 5, 'o', 'n', 'e', 33, 5, 't', 'w', 'o'}));
  EXPECT_TRUE(outbox_.questions.empty());
  ASSERT_EQ(outbox_.audited.size(), 1u);
  EXPECT_EQ(outbox_.audited[0].outcome, Outcome::passed_through);
  EXPECT_EQ(outbox_.audited[0].downstream, DownstreamSaid::reject);
  EXPECT_EQ(outbox_.audited[0].user.view(), "alice");
  EXPECT_EQ(outbox_.audited[0].client.view(), "office");
  EXPECT_EQ(outbox_.audited[0].nas.view(), "gateway");
}

TEST_F(DoorTest, AChallengeIsNeverAskedAbout) {
  receive(Login{});
  reply(Code::access_challenge, {{Type::state, Bytes{1, 2, 3}}});
  EXPECT_TRUE(outbox_.questions.empty());
  EXPECT_EQ(last_answer().code(), Code::access_challenge);
  EXPECT_EQ(metrics_.challenges.value(), 1u);
}

TEST_F(DoorTest, AnUnknownClientIsDropped) {
  path_.source.address = IpAddress::v4(0x0a00'0001);
  receive(Login{});
  EXPECT_EQ(drops(Drop::unknown_client), 1u);
  EXPECT_TRUE(outbox_.to_downstream.empty());
}

TEST_F(DoorTest, AMalformedDatagramIsCountedByItsReason) {
  receive(Bytes{1, 2, 3});
  EXPECT_EQ(metrics_.malformed_from_client[static_cast<std::size_t>(radius::Malformed::too_short)]
                .value(),
            1u);
}

TEST_F(DoorTest, ARequestWithTheWrongSecretIsDropped) {
  receive(request(Login{}, radius::HopKey(Secret("guess"))));
  EXPECT_EQ(drops(Drop::bad_message_authenticator), 1u);
  EXPECT_TRUE(outbox_.to_downstream.empty());
  receive(PacketBuilder(Code::accounting_request, 3)
              .add(Type::user_name, "alice")
              .sign_request(radius::HopKey(Secret("guess"))));
  EXPECT_EQ(drops(Drop::bad_authenticator), 1u);
  EXPECT_EQ(metrics_.requests.value(), 0u);
}

TEST_F(DoorTest, CodesThatClientsDoNotSendAreDropped) {
  for (const Code code : {Code::access_accept, Code::coa_request, Code::disconnect_request})
    receive(PacketBuilder(code, 1).sign_request(*client_key_));
  EXPECT_EQ(drops(Drop::unsupported_code), 3u);
}

TEST_F(DoorTest, OnceSeenAMessageAuthenticatorIsRequired) {
  const Login bare{.identifier = 1, .message_authenticator = false};
  receive(bare);
  EXPECT_EQ(metrics_.forwarded.value(), 1u);
  receive(Login{.identifier = 2});
  receive(Login{.identifier = 3, .message_authenticator = false});
  EXPECT_EQ(metrics_.forwarded.value(), 2u);
  EXPECT_EQ(drops(Drop::message_authenticator_required), 1u);
}

TEST_F(DoorTest, EapAndStatusServerTeachNothing) {
  receive(Login{.identifier = 1, .eap = {2, 1, 0, 5, 1}});
  receive(
      PacketBuilder(Code::status_server, 2).add_message_authenticator().sign_request(*client_key_));
  receive(Login{.identifier = 3, .message_authenticator = false});
  EXPECT_EQ(metrics_.forwarded.value(), 2u);
}

TEST_F(DoorTest, PolicyYesRequiresItFromTheFirstRequest) {
  client_.require_message_authenticator = config::RequireMessageAuthenticator::yes;
  receive(Login{.message_authenticator = false});
  EXPECT_EQ(drops(Drop::message_authenticator_required), 1u);
}

TEST_F(DoorTest, PolicyNoNeverLearnsButStillChecks) {
  client_.require_message_authenticator = config::RequireMessageAuthenticator::no;
  receive(Login{.identifier = 1});
  receive(Login{.identifier = 2, .message_authenticator = false});
  EXPECT_EQ(metrics_.forwarded.value(), 2u);
  receive(request(Login{.identifier = 3}, radius::HopKey(Secret("guess"))));
  EXPECT_EQ(drops(Drop::bad_message_authenticator), 1u);
}

TEST_F(DoorTest, AProxyStateNeedsAMessageAuthenticator) {
  const Login bare{.proxy_states = {"x"}, .message_authenticator = false};
  receive(bare);
  EXPECT_EQ(drops(Drop::proxy_state_without_message_authenticator), 1u);
  client_.limit_proxy_state = false;
  door().reload(snapshot());
  receive(bare);
  EXPECT_EQ(metrics_.forwarded.value(), 1u);
}

TEST_F(DoorTest, OurOwnRequestComingBackIsALoop) {
  receive(Login{});
  const auto sent = radius::PacketView::parse(outbox_.to_downstream.back().octets);
  std::string ours;
  for (const radius::Attribute attribute : *sent)
    if (attribute.type == Type::proxy_state) ours = as_text(attribute.value);
  ASSERT_FALSE(ours.empty());
  receive(Login{.identifier = 2, .proxy_states = {"other", ours}});
  EXPECT_EQ(drops(Drop::loop), 1u);
}

TEST_F(DoorTest, StatusServerIsAnsweredAtOnceAndNotRemembered) {
  const Bytes status = PacketBuilder(Code::status_server, 9)
                           .add_message_authenticator()
                           .add(Type::proxy_state, "hop")
                           .sign_request(*client_key_);
  receive(status);
  receive(status);
  ASSERT_EQ(outbox_.to_client.size(), 2u);
  const auto answer = checked(outbox_.to_client[0].octets, *client_key_, 0);
  EXPECT_EQ(answer.code(), Code::access_accept);
  EXPECT_TRUE(answer.has(Type::message_authenticator));
  EXPECT_EQ(proxy_states(answer), (Bytes{33, 5, 'h', 'o', 'p'}));
  EXPECT_TRUE(outbox_.to_downstream.empty());
  EXPECT_EQ(metrics_.exchanges.value(), 0u);
  EXPECT_EQ(metrics_.status_server.value(), 2u);
}

TEST_F(DoorTest, AccountingIsCarriedAndAskedAboutNever) {
  const Bytes accounting = PacketBuilder(Code::accounting_request, 4)
                               .add(Type::user_name, "alice")
                               .sign_request(*client_key_);
  receive(accounting);
  receive(accounting);
  EXPECT_EQ(drops(Drop::duplicate_pending), 1u);
  reply(Code::access_accept);
  EXPECT_EQ(drops(Drop::reply_wrong_code), 1u);
  reply(Code::accounting_response, {}, false);
  ASSERT_EQ(outbox_.to_client.size(), 1u);
  EXPECT_TRUE(outbox_.questions.empty());
  receive(accounting);
  ASSERT_EQ(outbox_.to_client.size(), 2u);
  EXPECT_EQ(outbox_.to_client[0].octets, outbox_.to_client[1].octets);
}

TEST_F(DoorTest, AccountingIsNotRetransmittedByUs) {
  receive(PacketBuilder(Code::accounting_request, 4).sign_request(*client_key_));
  run_ms(60'000);
  EXPECT_EQ(outbox_.to_downstream.size(), 1u);
  EXPECT_EQ(metrics_.downstream_timeouts.value(), 1u);
}

TEST_F(DoorTest, WhatCannotBeTranslatedCostsNoIdentifier) {
  radius::Authenticator authenticator;
  receive(PacketBuilder(Code::access_request, 1, authenticator)
              .add_message_authenticator()
              .add(Type::user_password, "short")
              .sign_request(*client_key_));
  EXPECT_EQ(drops(Drop::untranslatable), 1u);
  EXPECT_EQ(metrics_.exchanges.value(), 0u);
  receive(Login{});
  EXPECT_EQ(outbox_.to_downstream.back().octets[1], 0);  // the Identifier of the failed one
}

// ---- duplicates

TEST_F(DoorTest, ADuplicateIsDroppedWhilePendingAndAnsweredAfterwards) {
  ask();
  receive(Login{});
  EXPECT_EQ(drops(Drop::duplicate_pending), 1u);
  answer(Verdict::approved);
  receive(Login{});
  receive(Login{});
  ASSERT_EQ(outbox_.to_client.size(), 3u);
  EXPECT_EQ(outbox_.to_client[0].octets, outbox_.to_client[1].octets);
  EXPECT_EQ(outbox_.to_client[0].octets, outbox_.to_client[2].octets);
  EXPECT_EQ(outbox_.questions.size(), 1u);
  EXPECT_EQ(metrics_.duplicates_answered.value(), 2u);
  EXPECT_EQ(metrics_.accepts.value(), 1u);
}

TEST_F(DoorTest, TheDuplicateWindowEnds) {
  ask();
  answer(Verdict::approved);
  run_ms(settings_.duplicate_window_ms - 1);
  EXPECT_EQ(metrics_.exchanges.value(), 1u);
  run_ms(3);
  EXPECT_EQ(metrics_.exchanges.value(), 0u);
  EXPECT_EQ(door().next_deadline_ms(), std::nullopt);
  receive(Login{});
  EXPECT_EQ(outbox_.to_downstream.size(), 2u);
}

TEST_F(DoorTest, ANewAuthenticatorAbandonsAndReleasesTheOldOne) {
  ask();
  receive(Login{.authenticator = 2});
  ASSERT_EQ(outbox_.released.size(), 1u);
  EXPECT_EQ(outbox_.released[0], outbox_.questions[0].ticket);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::abandoned);
  answer(Verdict::approved);  // too late
  EXPECT_EQ(metrics_.late_verdicts.value(), 1u);
  EXPECT_TRUE(outbox_.to_client.empty());
  accept();
  answer(Verdict::approved);
  EXPECT_EQ(last_answer(2).code(), Code::access_accept);
}

TEST_F(DoorTest, AnAbandonedIdentifierIsNotReusedBeforeItsTimeOut) {
  plan_.max_source_ports = 1;
  receive(Login{});
  const std::uint8_t abandoned = outbox_.to_downstream.back().octets[1];
  const auto late =
      reply_to_last(Code::access_accept)
          .sign_response(*downstream_key_,
                         testing::authenticator_of(outbox_.to_downstream.back().octets));
  for (int i = 0; i < 600; ++i) {
    receive(Login{.authenticator = static_cast<std::uint8_t>(2 + i % 2)});
    if (outbox_.to_downstream.size() == 256) break;
    ASSERT_NE(outbox_.to_downstream.back().octets[1], abandoned);
  }
  receive(Login{.authenticator = 9});
  EXPECT_EQ(drops(Drop::no_free_identifier), 1u);
  deliver(late);
  EXPECT_EQ(drops(Drop::reply_unmatched), 1u);
  run_ms(settings_.downstream.receive_timeout_ms + 2);
  receive(Login{.authenticator = 10});
  EXPECT_EQ(outbox_.to_downstream.back().octets[1], abandoned);
}

TEST_F(DoorTest, AccessAndAccountingIdentifiersAreCountedApart) {
  receive(Login{.identifier = 5});
  receive(PacketBuilder(Code::accounting_request, 5).sign_request(*client_key_));
  EXPECT_EQ(metrics_.forwarded.value(), 2u);
  EXPECT_EQ(metrics_.replaced.value(), 0u);
}

// ---- bounds

TEST_F(DoorTest, AFullPoolGivesUpTheOldestAnswerFirst) {
  plan_.exchanges = 2;
  receive(Login{.identifier = 1});
  reply(Code::access_reject);
  receive(Login{.identifier = 2});
  receive(Login{.identifier = 3});
  EXPECT_EQ(metrics_.evicted.value(), 1u);
  EXPECT_EQ(metrics_.forwarded.value(), 3u);
  receive(Login{.identifier = 4});
  EXPECT_EQ(drops(Drop::no_free_exchange), 1u);
  reply(Code::access_reject);  // to the third: replies keep their place
  EXPECT_EQ(last_answer().identifier().value, 3);
}

TEST_F(DoorTest, SourcePortsAreOpenedAsNeededAndRefusalsAreNotHammered) {
  plan_.exchanges = 2'048;
  plan_.max_source_ports = 4;
  outbox_.ports_allowed = 1;
  for (unsigned i = 0; i < 300; ++i) {
    path_.source.port = static_cast<std::uint16_t>(2'000 + i / 200);
    receive(Login{.identifier = static_cast<std::uint8_t>(i % 200)});
  }
  EXPECT_EQ(metrics_.forwarded.value(), 256u);
  EXPECT_EQ(drops(Drop::no_free_identifier), 44u);
  EXPECT_EQ(outbox_.port_attempts, 2u);
  outbox_.ports_allowed = 4;
  pass_ms(1'001);
  path_.source.port = 3'000;
  receive(Login{.identifier = 1});
  EXPECT_EQ(metrics_.forwarded.value(), 257u);
  EXPECT_EQ(metrics_.source_ports.value(), 2u);
}

// ---- the downstream

TEST_F(DoorTest, RetransmissionsAreTheSameOctetsAtDoublingIntervals) {
  settings_.downstream.send_timeout_ms = 60'000;
  settings_.downstream.receive_timeout_ms = 60'000;
  receive(Login{});
  std::vector<std::uint64_t> at_ms{now_.ms()};
  while (metrics_.downstream_timeouts.value() == 0) {
    const std::size_t sent = outbox_.to_downstream.size();
    run_ms(1);
    if (outbox_.to_downstream.size() > sent) at_ms.push_back(now_.ms());
  }
  ASSERT_EQ(at_ms.size(), outbox_.to_downstream.size());
  ASSERT_GE(at_ms.size(), 6u);
  std::uint64_t previous = at_ms[1] - at_ms[0];
  EXPECT_NEAR(static_cast<double>(previous), 2'000, 201);
  for (std::size_t i = 2; i < at_ms.size(); ++i) {
    const std::uint64_t interval = at_ms[i] - at_ms[i - 1];
    const auto least = std::min<double>(1.9 * static_cast<double>(previous), 14'400);
    EXPECT_GE(static_cast<double>(interval), least - 2);
    EXPECT_LE(interval, 17'601u);
    previous = interval;
  }
  for (const auto& sent : outbox_.to_downstream)
    EXPECT_EQ(sent.octets, outbox_.to_downstream[0].octets);
}

TEST_F(DoorTest, NothingIsSentAfterTheSendTimeOutAndNoAnswerAfterTheReceiveTimeOut) {
  settings_.downstream.retransmit_ms = 500;
  settings_.downstream.send_timeout_ms = 1'000;
  settings_.downstream.receive_timeout_ms = 3'000;
  receive(Login{});
  run_ms(2'999);
  EXPECT_EQ(outbox_.to_downstream.size(), 2u);
  EXPECT_EQ(metrics_.downstream_timeouts.value(), 0u);
  run_ms(3);
  EXPECT_EQ(metrics_.downstream_timeouts.value(), 1u);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::downstream_timeout);
  EXPECT_TRUE(outbox_.to_client.empty());
  EXPECT_EQ(metrics_.exchanges.value(), 0u);
  accept();
  EXPECT_EQ(drops(Drop::reply_unmatched), 1u);
}

TEST_F(DoorTest, AForgedReplyChangesNothing) {
  receive(Login{});
  const auto deadline = door().next_deadline_ms();
  const radius::Authenticator sent = testing::authenticator_of(outbox_.to_downstream.back().octets);
  const radius::HopKey guess(Secret("guess"));
  deliver(reply_to_last(Code::access_accept).sign_response(guess, sent));
  EXPECT_EQ(drops(Drop::reply_bad_authenticator), 1u);
  radius::Authenticator other;
  deliver(reply_to_last(Code::access_accept).sign_response(*downstream_key_, other));
  EXPECT_EQ(drops(Drop::reply_bad_authenticator), 2u);
  Bytes bad = reply_to_last(Code::access_reject)
                  .add(Type::message_authenticator, Bytes(16))
                  .sign_response(*downstream_key_, sent);
  deliver(bad);
  EXPECT_EQ(drops(Drop::reply_bad_message_authenticator), 1u);
  EXPECT_EQ(door().next_deadline_ms(), deadline);
  EXPECT_TRUE(outbox_.questions.empty());
  EXPECT_TRUE(outbox_.to_client.empty());
  reply(Code::access_reject);
  EXPECT_EQ(outbox_.to_client.size(), 1u);
}

TEST_F(DoorTest, TheFirstAuthenticReplyWins) {
  receive(Login{});
  reply(Code::access_reject);
  accept();
  EXPECT_EQ(outbox_.to_client.size(), 1u);
  EXPECT_TRUE(outbox_.questions.empty());
  EXPECT_EQ(drops(Drop::reply_unmatched), 1u);
}

TEST_F(DoorTest, TheDownstreamOnceSeenToSignMustSign) {
  receive(Login{.identifier = 1});
  reply(Code::access_reject, {}, false);
  EXPECT_EQ(outbox_.to_client.size(), 1u);
  receive(Login{.identifier = 2});
  reply(Code::access_reject, {}, true);
  receive(Login{.identifier = 3});
  reply(Code::access_accept, {}, false);
  EXPECT_EQ(drops(Drop::reply_message_authenticator_required), 1u);
  EXPECT_TRUE(outbox_.questions.empty());
}

TEST_F(DoorTest, ProtocolErrorIsPassedOn) {
  receive(Login{});
  reply(Code::protocol_error);
  EXPECT_EQ(last_answer().code(), Code::protocol_error);
  EXPECT_EQ(outbox_.audited.back().downstream, DownstreamSaid::other);
}

// ---- life and reload

TEST_F(DoorTest, AnExchangeEndsWithTheSecretsItBeganWith) {
  receive(Login{});
  const auto old_client_key = client_key_;
  const auto old_downstream_key = downstream_key_;
  client_.secret = Secret("new client secret");
  client_key_ = std::make_shared<const radius::HopKey>(Secret("new client secret"));
  downstream_key_ = std::make_shared<const radius::HopKey>(Secret("new downstream secret"));
  door().reload(snapshot());
  std::swap(downstream_key_,
            const_cast<std::shared_ptr<const radius::HopKey>&>(old_downstream_key));
  accept();
  answer(Verdict::approved);
  EXPECT_EQ(checked(outbox_.to_client.back().octets, *old_client_key, 1).code(),
            Code::access_accept);
  downstream_key_ = old_downstream_key;
  receive(Login{.identifier = 2});
  accept();
  answer(Verdict::approved);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
}

TEST_F(DoorTest, OldSettingsAreLetGoAfterTheirLastExchange) {
  std::weak_ptr<const DoorSettings> first;
  {
    door();
    const auto settings = snapshot();
    first = settings;
    door().reload(settings);
  }
  receive(Login{});
  door().reload(snapshot());
  EXPECT_FALSE(first.expired());
  reply(Code::access_reject);
  run_ms(settings_.duplicate_window_ms + 2);
  EXPECT_TRUE(first.expired());
}

TEST_F(DoorTest, AReloadWaitsWhenEveryPlaceIsInUse) {
  for (std::uint8_t i = 0; i < 12; ++i) {
    receive(Login{.identifier = i});
    client_.name = "office " + std::to_string(i);
    door().reload(snapshot());
  }
  receive(Login{.identifier = 100});
  accept();
  EXPECT_EQ(outbox_.questions.back().client.view(), "office 6");
  run_ms(settings_.downstream.receive_timeout_ms + 2);
  receive(Login{.identifier = 101});
  accept();
  EXPECT_EQ(outbox_.questions.back().client.view(), "office 11");
}

TEST_F(DoorTest, DrainingItTakesNothingNewAndFinishesTheRest) {
  ask();
  door().drain();
  EXPECT_EQ(door().unanswered(), 1u);
  receive(Login{.identifier = 2});
  EXPECT_EQ(drops(Drop::draining), 1u);
  answer(Verdict::approved);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(door().unanswered(), 0u);
  receive(Login{});
  EXPECT_EQ(outbox_.to_client.size(), 2u);
}

}  // namespace
}  // namespace sallyport::radius_door
