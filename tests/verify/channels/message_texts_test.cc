#include "verify/channels/message_texts.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <openssl/base64.h>

#include "tests/verify/users/folder.h"
#include "verify/channels/mail.h"

namespace sallyport::verify {
namespace {

MessengerSettings settings() {
  MessengerSettings all;
  all.issuer = "Example & Co";
  all.imprint_url = "https://example.net/imprint";
  return all;
}

Message token(std::string language) {
  Message message;
  message.to.id = "alice";
  message.to.name = "Alice <A>";
  message.to.mail = "alice@example.net";
  message.language = std::move(language);
  message.values = {{"code", "123456"}, {"spaced_code", "1-2-3-4-5-6"}, {"minutes", "1"}};
  return message;
}

TEST(MessageTexts, EveryKindInBothLanguagesHasAllItsTexts) {
  const auto texts = MessageTexts::make(settings());
  ASSERT_TRUE(texts) << texts.error();
  for (const char* language : {"en", "de"}) {
    for (std::size_t kind = 0; kind < kMessageKinds; ++kind) {
      Message message = token(language);
      message.kind = static_cast<MessageKind>(kind);
      const MessageText text = texts->render(message);
      for (const std::string& one : {text.subject, text.text, text.html, text.brief}) {
        EXPECT_NE(one.find("Example &"), std::string::npos) << language << kind;
        EXPECT_EQ(one.find('{'), std::string::npos) << one;
      }
    }
  }
}

TEST(MessageTexts, TheCodeIsSpacedInShortMessagesOnly) {
  const MessageText text = MessageTexts::make(settings())->render(token("en"));
  EXPECT_EQ(text.brief, "Example & Co: 1-2-3-4-5-6 is your login code");
  EXPECT_NE(text.text.find("    123456\n"), std::string::npos);
  EXPECT_NE(text.text.find("https://example.net/imprint"), std::string::npos);
}

TEST(MessageTexts, HtmlIsEscapedAndTextIsNot) {
  const MessageText text = MessageTexts::make(settings())->render(token("de"));
  EXPECT_NE(text.html.find("Alice &lt;A&gt;"), std::string::npos);
  EXPECT_NE(text.html.find("<html lang=\"de\">"), std::string::npos);
  EXPECT_NE(text.text.find("Guten Tag Alice <A>"), std::string::npos);
}

TEST(MessageTexts, TheLanguageOfTheMessageThenTheUsersThenTheDefault) {
  const auto texts = MessageTexts::make(settings());
  Message message = token("fr");
  EXPECT_EQ(texts->render(message).text.substr(0, 5), "Hello");
  message.to.language = "de";
  EXPECT_EQ(texts->render(message).text.substr(0, 5), "Guten");
  message.language = "en";
  EXPECT_EQ(texts->render(message).text.substr(0, 5), "Hello");
}

class OwnTexts : public testing::Test {
 protected:
  std::expected<MessageTexts, std::string> make() {
    MessengerSettings all = settings();
    all.template_folder = folder_.path(".");
    return MessageTexts::make(all);
  }
  void write(const std::string& language, const std::string& file, const std::string& text) {
    std::filesystem::create_directory(folder_.path(language));
    folder_.write(language + "/" + file, text);
  }
  Folder folder_;
};

TEST_F(OwnTexts, AFileTakesTheBuiltInsPlace) {
  write("en", "token.short.txt", "Code {code}\n");
  const auto texts = make();
  ASSERT_TRUE(texts) << texts.error();
  EXPECT_EQ(texts->render(token("en")).brief, "Code 123456");
  EXPECT_EQ(texts->render(token("en")).text.substr(0, 5), "Hello");
}

TEST_F(OwnTexts, ANewLanguageNeedsAllOfThem) {
  write("fr", "token.short.txt", "Code {code}");
  EXPECT_EQ(make().error(),
            folder_.path("./fr/token.subject.txt") + " is missing: this language is not built in");
  for (const char* kind : {"token", "link", "registration", "changed"}) {
    for (const char* part : {"subject.txt", "text.txt", "html", "short.txt"}) {
      write("fr", std::string(kind) + "." + part, "Bonjour {name} {issuer}");
    }
  }
  const auto texts = make();
  ASSERT_TRUE(texts) << texts.error();
  EXPECT_EQ(texts->render(token("fr")).subject, "Bonjour Alice <A> Example & Co");
}

TEST_F(OwnTexts, AMistakeNamesTheFile) {
  write("en", "link.html", "<p>{lnik}</p>");
  EXPECT_EQ(make().error().substr(0, folder_.path("./en/link.html").size() + 28),
            folder_.path("./en/link.html") + " has the unknown placeholder");
}

TEST(MessageTexts, TheDefaultLanguageMustBeThere) {
  MessengerSettings all = settings();
  all.default_language = "fr";
  EXPECT_EQ(MessageTexts::make(all).error(), "there are no messages in the default language fr");
}

TEST(MailAddress, WhatSmtpTakesAsItIs) {
  for (const char* good : {"a@b", "alice+x@example.net", "a.b@[127.0.0.1"}) {
    EXPECT_EQ(is_mail_address(good), std::string(good).find('[') == std::string::npos) << good;
  }
  for (const char* bad : {"", "@", "a@", "@b", "a b@c", "a@b\r\nRCPT TO:<c>", "<a@b>", "a,b@c",
                          "\"a\"@b", "jörg@b", "alice"}) {
    EXPECT_FALSE(is_mail_address(bad)) << bad;
  }
}

class Zeros final : public RandomSource {
 public:
  void fill(MutableOctets out) noexcept override {
    for (std::uint8_t& octet : out) octet = 0;
  }
};

TEST(Mail, HeadersCannotBeAddedByAName) {
  Zeros random;
  const MessageText text{.subject = "Grüße", .text = "a", .html = "b", .brief = "c"};
  const std::string mail =
      mail_octets({.name = "Example", .mail = "noreply@example.net"},
                  {.name = "Eve\r\nBcc: all@example.net", .mail = "eve@example.net"}, text,
                  1'700'000'000, random);
  EXPECT_EQ(mail.find("\r\nBcc:"), std::string::npos);
  EXPECT_NE(mail.find("Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"), std::string::npos);
  EXPECT_NE(mail.find("Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::verify
