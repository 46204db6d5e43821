// The messenger with its real channels, between a mail server, an SMS service and programs.

#include "verify/channels/messenger.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "tests/verify/channels/services.h"
#include "tests/verify/users/folder.h"
#include "verify/clock.h"
#include "verify/process.h"

namespace sallyport::verify {
namespace {

Message message_to_alice(MessageKind kind = MessageKind::token) {
  Message message;
  message.kind = kind;
  message.to = {.id = "alice",
                .name = "Alice Müller",
                .mail = "alice@example.net",
                .mobile = "+49 151",
                .telephone = "",
                .language = "de",
                .groups = {}};
  message.values = {{"code", "123456"},    {"spaced_code", "123 456"}, {"minutes", "1"},
                    {"link", "https://x"}, {"address", "192.0.2.1"},   {"device", "Firefox"},
                    {"time", "now"},       {"what", "something"}};
  return message;
}

ChannelSettings smtp(std::uint16_t port) {
  ChannelSettings channel;
  channel.name = "mail";
  channel.kind = ChannelSettings::Kind::smtp;
  channel.smtp.host = "127.0.0.1";
  channel.smtp.port = port;
  channel.smtp.security = SmtpSecurity::none;
  channel.smtp.from_mail = "noreply@example.net";
  channel.smtp.from_name = "Example";
  channel.timeout_ms = 20'000;
  channel.retry_ms = 1;
  return channel;
}

ChannelSettings url(const Services& services, const std::string& target) {
  ChannelSettings channel;
  channel.name = "sms";
  channel.kind = ChannelSettings::Kind::url;
  channel.url.url = services.url(target);
  channel.url.body = "to={to_mobile}&text={text}";
  channel.timeout_ms = 20'000;
  channel.retry_ms = 1;
  return channel;
}

std::unique_ptr<Messenger> messenger(std::vector<ChannelSettings> channels) {
  MessengerSettings all;
  all.channels = std::move(channels);
  all.issuer = "Example";
  auto made = Messenger::make(std::move(all));
  EXPECT_TRUE(made) << made.error();
  if (!made) return nullptr;
  (*made)->start();
  return std::move(*made);
}

/// Until `reached`, for a minute at most.
template <class Reached>
void wait_for(Reached reached) {
  for (int i = 0; i < 6000 && !reached(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ASSERT_TRUE(reached());
}

TEST(SmtpChannel, SendsTextAndHtmlInTheUsersLanguage) {
  Services services;
  const auto sender = messenger({smtp(services.smtp_port())});
  ASSERT_TRUE(sender->post(message_to_alice()));
  const auto mail = services.next();
  EXPECT_EQ(text_of(mail, "sender"), "noreply@example.net");
  EXPECT_EQ(text_of(mail, "to"), "Alice Müller <alice@example.net>");
  EXPECT_EQ(text_of(mail, "origin"), "Example <noreply@example.net>");
  EXPECT_EQ(text_of(mail, "subject"), "Example: Ihr Anmeldecode ist 123456");
  EXPECT_NE(text_of(mail, "text").find("Guten Tag Alice Müller,"), std::string::npos);
  EXPECT_NE(text_of(mail, "html").find("<strong>123456</strong>"), std::string::npos);
  EXPECT_LE(std::int64_t(mail["longest"]), 998);
  EXPECT_FALSE(bool(mail["tls"]));
  wait_for([&] { return sender->counts()[0].sent == 1; });
}

class SmtpTls : public testing::Test {
 protected:
  void SetUp() override {
    const std::string script = "cd " + folder_.path("") +
                               " && exec 2>/dev/null && openssl req -x509 -newkey ec -pkeyopt "
                               "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 -addext "
                               "subjectAltName=IP:127.0.0.1 -keyout key.pem -out certificate.pem";
    ASSERT_TRUE(run_process({"/bin/sh", "-c", script}, {}, {.timeout_ms = 60'000}));
  }
  [[nodiscard]] std::vector<std::string> options(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"--tls", folder_.path("certificate.pem"), folder_.path("key.pem")});
    return more;
  }
  [[nodiscard]] ChannelSettings channel(const Services& services, SmtpSecurity security) const {
    ChannelSettings out = smtp(services.smtp_port());
    out.smtp.security = security;
    out.smtp.ca_file = folder_.path("certificate.pem");
    return out;
  }
  Folder folder_;
};

TEST_F(SmtpTls, StartTlsWithALogin) {
  Services services(options({"--login", "relay", "hunter2"}));
  ChannelSettings settings = channel(services, SmtpSecurity::starttls);
  settings.smtp.user = "relay";
  settings.smtp.password = Secret("hunter2");
  const auto sender = messenger({settings});
  ASSERT_TRUE(sender->post(message_to_alice()));
  const auto mail = services.next();
  EXPECT_TRUE(bool(mail["tls"]));
  EXPECT_TRUE(bool(mail["login"]));
}

TEST_F(SmtpTls, TlsFromTheFirstOctet) {
  Services services(options({"--smtps"}));
  const auto sender = messenger({channel(services, SmtpSecurity::tls)});
  ASSERT_TRUE(sender->post(message_to_alice()));
  EXPECT_TRUE(bool(services.next()["tls"]));
}

TEST_F(SmtpTls, WithoutStartTlsNothingIsSaid) {
  Services services;
  const auto sender = messenger({channel(services, SmtpSecurity::starttls)});
  ASSERT_TRUE(sender->post(message_to_alice()));
  wait_for([&] { return sender->counts()[0].dropped == 1; });
  EXPECT_EQ(sender->counts()[0].sent, 0U);
}

TEST_F(SmtpTls, AnUnknownCertificateIsRefusedAtOnce) {
  Services services(options());
  ChannelSettings settings = channel(services, SmtpSecurity::starttls);
  settings.smtp.ca_file.clear();
  settings.attempts = 5;
  const auto sender = messenger({settings});
  ASSERT_TRUE(sender->post(message_to_alice()));
  wait_for([&] { return sender->counts()[0].dropped == 1; });
  EXPECT_EQ(sender->counts()[0].failed, 1U);  // it would not mend itself
}

TEST_F(SmtpTls, OpportunisticTakesWhatThereIs) {
  Services services(options());
  ChannelSettings settings = channel(services, SmtpSecurity::opportunistic);
  settings.smtp.ca_file.clear();
  const auto sender = messenger({settings});
  ASSERT_TRUE(sender->post(message_to_alice()));
  EXPECT_TRUE(bool(services.next()["tls"]));
}

TEST(SmtpChannel, AFailureThatMayPassIsTriedAgain) {
  Services services({"--smtp-answers", "451,250"});
  const auto sender = messenger({smtp(services.smtp_port())});
  ASSERT_TRUE(sender->post(message_to_alice()));
  EXPECT_EQ(std::int64_t(services.next()["answer"]), 451);
  EXPECT_EQ(std::int64_t(services.next()["answer"]), 250);
  wait_for([&] { return sender->counts()[0].sent == 1; });
  EXPECT_EQ(sender->counts()[0].failed, 1U);
}

TEST(UrlChannel, AFormWithItsValuesEscaped) {
  Services services;
  ChannelSettings settings = url(services, "/send?user={user}");
  settings.url.headers = {{"X-Kind", "code {code}"}};
  settings.url.bearer = Secret("the-bearer");
  const auto sender = messenger({settings});
  ASSERT_TRUE(sender->post(message_to_alice()));
  const auto request = services.next();
  EXPECT_EQ(text_of(request, "method"), "POST");
  EXPECT_EQ(text_of(request, "target"), "/send?user=alice");
  EXPECT_EQ(text_of(request, "body"),
            "to=%2B49%20151&text=Example%3A%20123%20456%20ist%20Ihr%20Anmeldecode");
  const simdjson::dom::element headers = request["headers"];
  EXPECT_EQ(text_of(headers, "x-kind"), "code 123456");
  EXPECT_EQ(text_of(headers, "authorization"), "Bearer the-bearer");
  EXPECT_EQ(text_of(headers, "content-type"), "application/x-www-form-urlencoded");
}

TEST(UrlChannel, JsonWithBasicAuthentication) {
  Services services;
  ChannelSettings settings = url(services, "/messages");
  settings.url.body = R"({"to": "{to_mobile}", "name": "{to_name}"})";
  settings.url.content_type = "application/json";
  settings.url.user = "account";
  settings.url.password = Secret("token");
  Message message = message_to_alice();
  message.to.name = "A \"quote\"";
  const auto sender = messenger({settings});
  ASSERT_TRUE(sender->post(message));
  const auto request = services.next();
  EXPECT_EQ(text_of(request, "body"), R"({"to": "+49 151", "name": "A \"quote\""})");
  EXPECT_EQ(text_of(request["headers"], "authorization"), "Basic YWNjb3VudDp0b2tlbg==");
}

TEST(UrlChannel, AGetHasNoBody) {
  Services services;
  ChannelSettings settings = url(services, "/send?to={to_mobile}&text={text}");
  settings.url.method = "GET";
  settings.url.body.clear();
  const auto sender = messenger({settings});
  ASSERT_TRUE(sender->post(message_to_alice()));
  const auto request = services.next();
  EXPECT_EQ(text_of(request, "method"), "GET");
  EXPECT_EQ(text_of(request, "target").substr(0, 24), "/send?to=%2B49%20151&tex");
  EXPECT_EQ(text_of(request, "body"), "");
}

TEST(UrlChannel, AUserWithoutANumberGoesToTheNextChannel) {
  Services services;
  const auto sender = messenger({url(services, "/send"), smtp(services.smtp_port())});
  Message message = message_to_alice();
  message.to.mobile.clear();
  ASSERT_TRUE(sender->post(message));
  EXPECT_TRUE(bool(services.next()["mail"]));
}

TEST(Messenger, ARefusalIsNotRepeated) {
  Services services({"--answers", "403"});
  ChannelSettings settings = url(services, "/send");
  settings.attempts = 5;
  const auto sender = messenger({settings, smtp(services.smtp_port())});
  ASSERT_TRUE(sender->post(message_to_alice()));
  EXPECT_EQ(std::int64_t(services.next()["answer"]), 403);
  EXPECT_TRUE(bool(services.next()["mail"]));
}

TEST(Messenger, FallsBackWhenAllAttemptsHaveFailed) {
  Services services({"--answers", "503,429,200"});
  ChannelSettings settings = url(services, "/send");
  settings.attempts = 2;
  const auto sender = messenger({settings, smtp(services.smtp_port())});
  ASSERT_TRUE(sender->post(message_to_alice()));
  EXPECT_EQ(std::int64_t(services.next()["answer"]), 503);
  EXPECT_EQ(std::int64_t(services.next()["answer"]), 429);
  EXPECT_TRUE(bool(services.next()["mail"]));
  wait_for([&] { return sender->counts()[1].sent == 1; });
  EXPECT_EQ(sender->counts()[0].failed, 2U);
  EXPECT_EQ(sender->queued(), 0U);
}

TEST(Messenger, OneThatAnswersNeverDoesNotHoldUpTheNext) {
  Services services({"--answers", "0"});
  ChannelSettings settings = url(services, "/send");
  settings.timeout_ms = 200;
  settings.attempts = 1;
  const auto sender = messenger({settings, smtp(services.smtp_port())});
  ASSERT_TRUE(sender->post(message_to_alice()));
  static_cast<void>(services.next());
  EXPECT_TRUE(bool(services.next()["mail"]));
}

TEST(Messenger, AChannelCarriesWhatItIsToldTo) {
  Services services;
  ChannelSettings sms = url(services, "/send");
  sms.carries = {MessageKind::token};
  const auto sender = messenger({sms, smtp(services.smtp_port())});
  ASSERT_TRUE(sender->post(message_to_alice(MessageKind::registration)));
  EXPECT_TRUE(bool(services.next()["mail"]));
  ASSERT_TRUE(sender->post(message_to_alice(MessageKind::token)));
  EXPECT_FALSE(bool(services.next()["mail"]));
  // And what none carries is refused at once.
  const auto poor = messenger({sms});
  EXPECT_FALSE(poor->post(message_to_alice(MessageKind::link)));
}

TEST(Messenger, TheQueueIsBounded) {
  Services services;
  MessengerSettings all;
  all.channels = {smtp(services.smtp_port())};
  all.issuer = "Example";
  all.queue = 2;
  auto made = Messenger::make(all);
  ASSERT_TRUE(made) << made.error();
  EXPECT_TRUE((*made)->post(message_to_alice()));
  EXPECT_TRUE((*made)->post(message_to_alice()));
  EXPECT_FALSE((*made)->post(message_to_alice()));
  (*made)->start();
  wait_for([&] { return (*made)->queued() == 0; });
  EXPECT_TRUE((*made)->post(message_to_alice()));
}

TEST(Messenger, WhatIsOverIsNotSent) {
  Services services;
  const auto sender = messenger({smtp(services.smtp_port())});
  Message late = message_to_alice();
  late.until_ms = unix_ms() - 1;
  ASSERT_TRUE(sender->post(late));
  wait_for([&] { return sender->counts()[0].dropped == 1; });
  EXPECT_EQ(sender->counts()[0].sent, 0U);
}

TEST(Messenger, StopsWithoutWaitingForTheSlow) {
  Services services({"--answers", "0"});
  ChannelSettings settings = url(services, "/send");
  settings.timeout_ms = 3'600'000;
  auto sender = messenger({settings});
  ASSERT_TRUE(sender->post(message_to_alice()));
  static_cast<void>(services.next());
  sender.reset();  // returns
}

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

TEST(CommandChannel, TheTextOnStandardInputAndValuesAsArguments) {
  const Folder folder;
  const std::string path =
      folder.write("send.sh", "#!/bin/sh\n(printf '%s|' \"$@\"; cat) > " + folder.path("part") +
                                  "; mv " + folder.path("part") + " " + folder.path("sent") + "\n");
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  ChannelSettings settings;
  settings.name = "script";
  settings.kind = ChannelSettings::Kind::command;
  settings.command.command = {path, "--to", "{to_mobile}"};
  settings.timeout_ms = 20'000;
  const auto sender = messenger({settings});
  Message message = message_to_alice();
  message.to.mobile = "$(id)";
  ASSERT_TRUE(sender->post(message));
  wait_for([&] { return sender->counts()[0].sent == 1; });
  EXPECT_EQ(contents(folder.path("sent")), "--to|$(id)|Example: 123 456 ist Ihr Anmeldecode\n");
}

TEST(CommandChannel, AValueIsNeverAnOption) {
  ChannelSettings settings;
  settings.name = "script";
  settings.kind = ChannelSettings::Kind::command;
  settings.command.command = {"/bin/true", "{user}"};
  const auto sender = messenger({settings});
  Message message = message_to_alice();
  message.to.id = "-rf";
  ASSERT_TRUE(sender->post(message));
  wait_for([&] { return sender->counts()[0].dropped == 1; });
}

TEST(Messenger, MistakesInSettingsNameTheChannel) {
  const auto error_of = [](ChannelSettings channel) {
    MessengerSettings all;
    all.channels = {std::move(channel)};
    const auto made = Messenger::make(all);
    return made ? std::string() : made.error();
  };
  ChannelSettings channel = smtp(25);
  channel.smtp.from_mail = "nobody";
  EXPECT_EQ(error_of(channel), "the channel mail: its sender is not a mail address");
  channel.kind = ChannelSettings::Kind::url;
  channel.url.url = "ftp://x";
  EXPECT_EQ(error_of(channel), "the channel mail: its url begins with https:// or http://");
  channel.url.url = "https://x/{whom}";
  EXPECT_EQ(error_of(channel).substr(0, 60),
            "the channel mail: its url has the unknown placeholder {whom}");
  channel.kind = ChannelSettings::Kind::command;
  channel.command.command = {"send"};
  EXPECT_EQ(error_of(channel), "the channel mail: its command begins with an absolute path");
}

}  // namespace
}  // namespace sallyport::verify
