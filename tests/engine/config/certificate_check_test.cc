#include "engine/config/certificate_check.h"

#include <ctime>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/config/certificate_testing.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using ::testing::HasSubstr;

class CertificateCheck : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<CertificateFinding> check(const std::string& certificate,
                                                      const std::string& private_key,
                                                      std::int64_t ahead_s = 0) const {
    return check_certificate(folder.write("c.pem", certificate), folder.write("k.pem", private_key),
                             std::time(nullptr) + ahead_s);
  }
  void expect_one(const std::vector<CertificateFinding>& findings, CertificateFinding::File file,
                  bool is_warning, const char* wrong) {
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].file, file);
    EXPECT_EQ(findings[0].is_warning, is_warning);
    EXPECT_THAT(findings[0].complaint.wrong, HasSubstr(wrong));
    EXPECT_FALSE(findings[0].complaint.mend.empty());
  }

  testing::TemporaryFolder folder;
  testing::Key key = testing::make_key();
  using File = CertificateFinding::File;
};

TEST_F(CertificateCheck, AcceptsAPair) {
  EXPECT_TRUE(check(testing::certificate_pem(key), testing::key_pem(key)).empty());
}

TEST_F(CertificateCheck, AcceptsBothInOneFile) {
  const std::string both = testing::key_pem(key) + testing::certificate_pem(key);
  EXPECT_TRUE(check(both, both).empty());
}

TEST_F(CertificateCheck, FindsTheKeyOfAnother) {
  expect_one(check(testing::certificate_pem(key), testing::key_pem(testing::make_key())), File::key,
             false, "is not the certificate's");
}

TEST_F(CertificateCheck, FindsFilesThatHoldSomethingElse) {
  expect_one(check("hello", testing::key_pem(key)), File::certificate, false, "PEM certificate");
  expect_one(check(testing::certificate_pem(key), "hello"), File::key, false, "no PEM private key");
  EXPECT_EQ(check(testing::key_pem(key), testing::certificate_pem(key)).size(), 2U);
}

TEST_F(CertificateCheck, FindsAPassphraseWithoutAskingForIt) {
  const std::string locked = testing::pem_of([&](BIO* out) {
    const auto* phrase = reinterpret_cast<const std::uint8_t*>("1234");
    PEM_write_bio_PrivateKey(out, key.get(), EVP_aes_128_cbc(), const_cast<std::uint8_t*>(phrase),
                             4, nullptr, nullptr);
  });
  expect_one(check(testing::certificate_pem(key), locked), File::key, false, "passphrase");
}

TEST_F(CertificateCheck, WarnsOfTimes) {
  expect_one(check(testing::certificate_pem(key, 30), testing::key_pem(key), 31 * 86'400),
             File::certificate, true, "has expired");
  expect_one(check(testing::certificate_pem(key, 30), testing::key_pem(key), -86'400),
             File::certificate, true, "is not valid yet");
}

TEST_F(CertificateCheck, WarnsOfAKeyThatEverybodyMayRead) {
  using std::filesystem::perms;
  const std::string open =
      folder.write("open.pem", testing::key_pem(key),
                   perms::owner_read | perms::owner_write | perms::others_read);
  expect_one(check_certificate(folder.write("c.pem", testing::certificate_pem(key)), open,
                               std::time(nullptr)),
             File::key, true, "everybody on this machine may read");
}

TEST_F(CertificateCheck, IsAskedByTheLoader) {
  folder.write("c.pem", testing::certificate_pem(key));
  folder.write("k.pem", testing::key_pem(testing::make_key()));
  const auto loaded = load_file(folder.write("t.toml", R"([[http.listener]]
listen = ["127.0.0.1:8443"]
tls = true
[[http.certificate]]
certificate_file = "c.pem"
key_file = "k.pem"
)"),
                                {});
  ASSERT_FALSE(loaded);
  EXPECT_THAT(testing::joined(loaded.error()),
              HasSubstr("t.toml:6:12: http.certificate.key_file: names a key that is not"));
}

}  // namespace
}  // namespace sallyport::config
