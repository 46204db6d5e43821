// Dynamic authorization: what is dropped, what is answered by us, and what passes between those
// who ask and the NASes.

#include "engine/limits.h"
#include "protocol/radius/translate.h"
#include "tests/engine/radius/coa/coa_testing.h"

namespace sallyport::radius_door::testing {
namespace {

TEST_F(CoaDoorTest, CarriesARequestToItsNasAndTheAnswerBack) {
  const Bytes asked = request()
                          .add(Type::proxy_state, "first")
                          .add(Type::user_name, "alice")
                          .add(Type::state, "untouched")
                          .add(Type::service_type, be32(17))  // Authorize Only
                          .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
                          .add(Type::proxy_state, "second")
                          .sign_request(asker_key);
  ask(asked);
  ASSERT_THAT(outbox.requests, SizeIs(1));
  EXPECT_EQ(outbox.requests[0].nas, endpoint("10.0.0.1:3799"));
  const auto sent = PacketView::parse(outbox.requests[0].octets);
  ASSERT_TRUE(sent.has_value());
  EXPECT_EQ(radius::verify_request(*sent, nas_key), radius::Authenticity::authentic);
  EXPECT_NE(sent->message_authenticator_offset(), 0u);
  EXPECT_EQ(as_text(*sent->find(Type::state)), "untouched");
  std::vector<std::string> states;
  for (const radius::Attribute attribute : *sent)
    if (attribute.type == Type::proxy_state) states.emplace_back(as_text(attribute.value));
  EXPECT_THAT(states, ElementsAre("first", "second", kOwnState));

  // The NAS echoes all Proxy-States, ours included (RFC 5176 §3.1).
  reply(answer_of_nas(Code::coa_ack)
            .add(Type::proxy_state, "first")
            .add(Type::proxy_state, "second")
            .add(Type::proxy_state, kOwnState)
            .add(Type::reply_message, "done")
            .sign_response(nas_key, sent_authenticator()));
  expect_answer(asked, Code::coa_ack, 0);
  const auto answer = PacketView::parse(outbox.answers[0]);
  states.clear();
  for (const radius::Attribute attribute : *answer)
    if (attribute.type == Type::proxy_state) states.emplace_back(as_text(attribute.value));
  EXPECT_THAT(states, ElementsAre("first", "second"));
  EXPECT_EQ(as_text(*answer->find(Type::reply_message)), "done");
  EXPECT_EQ(outbox.paths[0], path);
  ASSERT_THAT(outbox.records, SizeIs(1));
  EXPECT_TRUE(outbox.records[0].ack);
  EXPECT_EQ(outbox.records[0].asker.view(), "portal");
  EXPECT_EQ(outbox.records[0].nas.view(), "gateway");
  EXPECT_EQ(outbox.records[0].user.view(), "alice");
  EXPECT_EQ(door->pending(), 0u);
}

TEST_F(CoaDoorTest, PassesOnTheNaksOfTheNas) {
  const Bytes asked = good(Code::disconnect_request);
  ask(asked);
  reply(answer_of_nas(Code::disconnect_nak)
            .add(Type::error_cause, be32(503))
            .sign_response(nas_key, sent_authenticator()));
  expect_answer(asked, Code::disconnect_nak, 503);
  EXPECT_EQ(metrics.naks.value(), 1u);
  EXPECT_EQ(outbox.records[0].error_cause, 503u);
}

TEST_F(CoaDoorTest, HidesPasswordsAnew) {
  // RFC 5176 §3.6: hidden with an authenticator of zeros.
  const Bytes asked = request()
                          .add(Type::user_name, "alice")
                          .add_password(asker_key, "open sesame")
                          .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
                          .sign_request(asker_key);
  ask(asked);
  const auto sent = PacketView::parse(outbox.requests.at(0).octets);
  std::array<std::uint8_t, 128> clear;
  const auto octets =
      radius::reveal_user_password(*sent->find(Type::user_password), nas_key, {}, clear);
  EXPECT_EQ(as_text(Octets(clear).first(octets.value())), "open sesame");
}

TEST_F(CoaDoorTest, RefusesWhatCannotBeCarried) {
  const Bytes asked = request()
                          .add(Type::user_name, "alice")
                          .add(Type::user_password, Bytes(15))
                          .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
                          .sign_request(asker_key);
  expect_refused(asked, Code::coa_nak, 407, CoaOutcome::uncarriable);
}

TEST_F(CoaDoorTest, DropsWhatItCannotBelieve) {
  path.source = endpoint("10.8.0.1:4000");
  ask(good());
  EXPECT_EQ(dropped(CoaDrop::unknown_asker), 1u);
  path.source = endpoint("10.7.0.5:4000");

  ask(good(Code::access_request));
  EXPECT_EQ(dropped(CoaDrop::unsupported_code), 1u);

  Bytes broken = good();
  broken.back() ^= 1;
  ask(broken);
  EXPECT_EQ(dropped(CoaDrop::bad_authenticator), 1u);
  ask(request()
          .add(Type::user_name, "alice")
          .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
          .sign_request(nas_key));
  EXPECT_EQ(dropped(CoaDrop::bad_authenticator), 2u);
  // A Message-Authenticator of zeros, and all else right.
  ask(PacketBuilder(Code::coa_request, 1)
          .add(Type::user_name, "alice")
          .add(Type::message_authenticator, Bytes(16))
          .sign_request(asker_key));
  EXPECT_EQ(dropped(CoaDrop::bad_message_authenticator), 1u);

  ask(PacketBuilder(Code::coa_request, 1)
          .add(Type::user_name, "alice")
          .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
          .sign_request(asker_key));
  EXPECT_EQ(dropped(CoaDrop::message_authenticator_required), 1u);

  ask(Bytes{43, 1, 0, 19});
  EXPECT_EQ(
      metrics.malformed_from_asker[static_cast<std::size_t>(radius::Malformed::too_short)].value(),
      1u);

  ask(request()
          .add(Type::user_name, "alice")
          .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
          .add(Type::proxy_state, kOwnState)
          .sign_request(asker_key));
  EXPECT_EQ(dropped(CoaDrop::loop), 1u);

  EXPECT_THAT(outbox.requests, IsEmpty());
  EXPECT_THAT(outbox.answers, IsEmpty());
  EXPECT_THAT(door->list_remembered(), IsEmpty());
}

TEST_F(CoaDoorTest, TakesOneWithoutMessageAuthenticatorWhereThatIsAllowedAndAddsOne) {
  reset([](CoaSettings& settings) { settings.require_message_authenticator = false; });
  ask(PacketBuilder(Code::coa_request, 1)
          .add(Type::user_name, "alice")
          .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
          .sign_request(asker_key));
  const auto sent = PacketView::parse(outbox.requests.at(0).octets);
  EXPECT_NE(sent->message_authenticator_offset(), 0u);
}

TEST_F(CoaDoorTest, DropsWhatIsOutOfItsTime) {
  const auto stamped = [&](std::int64_t off) {
    return request()
        .add(Type::user_name, "alice")
        .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
        .add(Type::event_timestamp, be32(static_cast<std::uint32_t>(now().unix_s + off)))
        .sign_request(asker_key);
  };
  ask(stamped(-301));
  ask(stamped(301));
  EXPECT_EQ(dropped(CoaDrop::event_timestamp), 2u);
  EXPECT_THAT(outbox.requests, IsEmpty());
  ask(stamped(-300));
  ask(stamped(300));
  EXPECT_THAT(outbox.requests, SizeIs(2));
  reset([](CoaSettings& settings) { settings.require_event_timestamp = true; });
  ask(good());
  EXPECT_EQ(dropped(CoaDrop::event_timestamp_required), 1u);
}

TEST_F(CoaDoorTest, RemembersARequestAsLongAsItsTimestampIsGood) {
  const Bytes asked =
      request()
          .add(Type::user_name, "alice")
          .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
          .add(Type::event_timestamp, be32(static_cast<std::uint32_t>(now().unix_s + 290)))
          .sign_request(asker_key);
  ask(asked);
  reply(ack());
  // Replayed just before and just after: never carried a second time.
  for (const std::uint64_t after_ms : {589'000u, 2'000u}) {
    now_ms += after_ms;
    door->advance(now());
    ask(asked);
    EXPECT_THAT(outbox.requests, SizeIs(1));
  }
  EXPECT_EQ(metrics.duplicates_answered.value(), 1u);
  EXPECT_EQ(dropped(CoaDrop::event_timestamp), 1u);
}

TEST_F(CoaDoorTest, AnswersADuplicateWithTheSameOctets) {
  const Bytes asked = good();
  ask(asked);
  ask(asked);
  EXPECT_EQ(dropped(CoaDrop::duplicate_pending), 1u);
  EXPECT_THAT(outbox.requests, SizeIs(1));
  reply(ack());
  ask(asked);
  ASSERT_THAT(outbox.answers, SizeIs(2));
  EXPECT_EQ(outbox.answers[0], outbox.answers[1]);
  EXPECT_THAT(outbox.records, SizeIs(1));
  now_ms += 31'000;
  door->advance(now());
  EXPECT_THAT(door->list_remembered(), IsEmpty());
}

TEST_F(CoaDoorTest, GivesUpARequestWhoseIdentifierIsUsedAnew) {
  ask(good());
  const Bytes late = ack();
  const ToNas first = outbox.requests[0];
  const Bytes next = request()
                         .add(Type::user_name, "bob")
                         .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
                         .sign_request(asker_key);
  ask(next);
  EXPECT_EQ(metrics.replaced.value(), 1u);
  door->nas_datagram(now(), first.nas, first.port, late);
  EXPECT_EQ(dropped(CoaDrop::reply_unmatched), 1u);
  EXPECT_EQ(door->pending(), 1u);
  reply(ack());
  expect_answer(next, Code::coa_ack, 0);
  // A Disconnect-Request may have the Identifier of a CoA-Request.
  ask(good(Code::disconnect_request));
  EXPECT_EQ(metrics.replaced.value(), 1u);
}

TEST_F(CoaDoorTest, TakesAnAnswerOnlyFromTheNasItAsked) {
  const Bytes asked = good();
  ask(asked);
  reply(ack(), endpoint("10.0.0.1:3800"));
  reply(ack(), endpoint("10.0.0.2:3799"));
  const ToNas& to = outbox.requests[0];
  door->nas_datagram(now(), to.nas, static_cast<std::uint16_t>(to.port ^ 1), ack());
  EXPECT_EQ(dropped(CoaDrop::reply_unmatched), 3u);
  reply(answer_of_nas(Code::coa_ack).sign_response(asker_key, sent_authenticator()));
  EXPECT_EQ(dropped(CoaDrop::reply_bad_authenticator), 1u);
  Bytes forged = answer_of_nas(Code::coa_ack)
                     .add(Type::message_authenticator, Bytes(16))
                     .sign_response(nas_key, sent_authenticator());
  reply(forged);
  EXPECT_EQ(dropped(CoaDrop::reply_bad_message_authenticator), 1u);
  reply(ack(Code::disconnect_ack));
  reply(ack(Code::access_accept));
  EXPECT_EQ(dropped(CoaDrop::reply_wrong_code), 2u);
  reply(Bytes(19));
  EXPECT_THAT(outbox.answers, IsEmpty());
  reply(ack());
  expect_answer(asked, Code::coa_ack, 0);
}

TEST_F(CoaDoorTest, SendsAgainTheSameOctetsAndThenSaysThatTheNasIsSilent) {
  const Bytes asked = good(Code::disconnect_request);
  ask(asked);
  const std::uint64_t began_ms = now_ms;
  std::vector<std::uint64_t> gaps;
  std::uint64_t before_ms = now_ms;
  while (door->pending() > 0) {
    const std::size_t sent = outbox.requests.size();
    now_ms = door->next_deadline_ms().value();
    door->advance(now());
    if (outbox.requests.size() == sent) continue;
    gaps.push_back(now_ms - before_ms);
    before_ms = now_ms;
    EXPECT_EQ(outbox.requests.back().octets, outbox.requests.front().octets);
    EXPECT_EQ(outbox.requests.back().port, outbox.requests.front().port);
  }
  // RFC 5080 §2.2.1: 2, 4, 8 s, each one tenth more or less.
  ASSERT_THAT(gaps, SizeIs(3));
  EXPECT_NEAR(static_cast<double>(gaps[0]), 2'000, 200);
  EXPECT_NEAR(static_cast<double>(gaps[1]), 4'000, 700);
  EXPECT_NEAR(static_cast<double>(gaps[2]), 8'000, 1'900);
  EXPECT_EQ(now_ms, began_ms + 20'000);
  expect_answer(asked, Code::disconnect_nak, 505);
  EXPECT_EQ(outbox.records[0].outcome, CoaOutcome::unreachable);
  EXPECT_EQ(metrics.timeouts.value(), 1u);
  reply(ack(Code::disconnect_ack));  // too late
  EXPECT_EQ(dropped(CoaDrop::reply_unmatched), 1u);
}

TEST_F(CoaDoorTest, CarriesMoreThanOnePortsIdentifiersToANasAndNoMoreThanAll) {
  std::vector<std::pair<std::uint16_t, std::uint8_t>> channels;
  for (std::uint32_t i = 0; i < 1'025; ++i) {
    path.source.port = static_cast<std::uint16_t>(10'000 + i / 256);
    ask(good(Code::coa_request, static_cast<std::uint8_t>(i)));
  }
  for (const ToNas& sent : outbox.requests) {
    EXPECT_LT(sent.port, limits::kCoaSourcePorts);
    channels.emplace_back(sent.port, sent.octets[1]);
  }
  std::ranges::sort(channels);
  EXPECT_THAT(channels, SizeIs(1'024));
  EXPECT_EQ(std::ranges::adjacent_find(channels), channels.end());
  ASSERT_THAT(outbox.answers, SizeIs(1));
  EXPECT_EQ(outbox.records[0].outcome, CoaOutcome::busy);
  EXPECT_EQ(outbox.records[0].error_cause, 506u);
}

TEST_F(CoaDoorTest, LetsNoMoreWaitThanItMay) {
  reset([](CoaSettings& settings) { settings.max_pending = 2; });
  for (std::uint8_t i = 0; i < 3; ++i) ask(good(Code::coa_request, i));
  EXPECT_THAT(outbox.requests, SizeIs(2));
  EXPECT_EQ(outbox.records.at(0).outcome, CoaOutcome::busy);
}

TEST_F(CoaDoorTest, ForgetsTheOldestAnswerWhenThereIsNoRoom) {
  for (std::uint32_t i = 0; i <= limits::kMaxCoaRequests; ++i) {
    path.source.port = static_cast<std::uint16_t>(1'024 + i / 256);
    const Bytes asked = PacketBuilder(Code::coa_request, static_cast<std::uint8_t>(i))
                            .add_message_authenticator()
                            .sign_request(asker_key);
    ask(asked);
  }
  EXPECT_EQ(metrics.evicted.value(), 1u);
  EXPECT_THAT(door->list_remembered(), SizeIs(limits::kMaxCoaRequests));
}

TEST_F(CoaDoorTest, KeepsTheSecretsThatARequestBeganWith) {
  const Bytes asked = good();
  ask(asked);
  const auto clients = std::vector{client("gateway", {"10.0.0.1"}, "a new secret of it")};
  door->reload(std::make_shared<CoaSettings>(
      CoaSettings{.askers = std::make_shared<const ClientTable>(
                      std::vector{client("portal", {"10.7.0.0/24"}, "a new secret, too")}),
                  .nases = std::make_shared<const NasDirectory>(
                      std::make_shared<const ClientTable>(clients), clients, nullptr)}));
  reply(ack());
  expect_answer(asked, Code::coa_ack, 0);
  ask(good(Code::coa_request, 8));
  EXPECT_EQ(dropped(CoaDrop::bad_message_authenticator) + dropped(CoaDrop::bad_authenticator), 1u);
}

TEST_F(CoaDoorTest, TakesNothingNewWhenItDrains) {
  const Bytes asked = good();
  ask(asked);
  door->drain();
  ask(good(Code::coa_request, 8));
  EXPECT_EQ(dropped(CoaDrop::draining), 1u);
  reply(ack());
  expect_answer(asked, Code::coa_ack, 0);
}

TEST_F(CoaDoorTest, DropsWhatAnotherProcessHas) {
  const Bytes asked = good();
  ask(asked);
  const auto marks = door->list_remembered();
  reset();
  path.socket = 3;  // it counts its listeners in its own way
  door->respect(now(), marks);
  ask(asked);
  EXPECT_EQ(dropped(CoaDrop::remembered_elsewhere), 1u);
  EXPECT_THAT(outbox.requests, SizeIs(1));
  ask(good(Code::coa_request, 8));
  EXPECT_THAT(outbox.requests, SizeIs(2));
}

TEST_F(CoaDoorTest, CutsAnAnswerThatHasNoRoom) {
  PacketBuilder builder = request();
  builder.add(Type::user_name, "alice").add(Type::nas_ip_address, Bytes{10, 0, 0, 1});
  for (int i = 0; i < 15; ++i) builder.add(Type::proxy_state, Bytes(250));
  const Bytes asked = builder.sign_request(asker_key);
  ask(asked);
  PacketBuilder answer = answer_of_nas(Code::coa_nak);
  for (int i = 0; i < 10; ++i) answer.add(Type::reply_message, Bytes(200, 'x'));
  reply(answer.add(Type::error_cause, be32(503)).sign_response(nas_key, sent_authenticator()));
  expect_answer(asked, Code::coa_nak, 503);
  EXPECT_EQ(metrics.replies_cut.value(), 1u);
}

}  // namespace
}  // namespace sallyport::radius_door::testing
