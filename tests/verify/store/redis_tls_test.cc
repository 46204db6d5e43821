// Redis over TLS, with client certificates and an ACL user who may do no more than the store needs.

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/verify/store/redis_process.h"
#include "verify/store/redis_store.h"

namespace sallyport::verify {
namespace {

using testing::HasSubstr;

const RecordKey kKey{.kind = RecordKind::grant, .group = "", .id = "a"};

/// Two certificate authorities; the first has signed the server and us.
class Certificates {
 public:
  Certificates() {
    authority("ca");
    authority("other");
    sign("server", "redis.test", "DNS:redis.test,IP:127.0.0.1");
    sign("client", "gate", "DNS:gate");
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }

 private:
  void run(const std::string& words) {
    const std::string command = "cd " + folder_.file("") + " && openssl " + words + " 2>/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
  void authority(const std::string& name) {
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" + name +
        " -keyout " + name + ".key -out " + name + ".pem");
  }
  void sign(const std::string& name, const std::string& subject, const std::string& alternatives) {
    run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + subject +
        " -addext subjectAltName=" + alternatives + " -keyout " + name + ".key -out " + name +
        ".csr");
    run("x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2" +
        " -copy_extensions copy -out " + name + ".pem");
  }
  ScratchFolder folder_;
};

class RedisTlsTest : public testing::Test {
 protected:
  // Made once a process: openssl takes its time.
  static const Certificates& certificates() {
    static const Certificates made;
    return made;
  }
  RedisTlsTest() {
    login_.tls = true;
    login_.ca_file = certificates().file("ca.pem");
    login_.certificate_file = certificates().file("client.pem");
    login_.key_file = certificates().file("client.key");
    process_.emplace(RedisProcess::Options{
        .sentinel = false,
        .arguments = {"--tls-ca-cert-file", certificates().file("ca.pem"), "--tls-cert-file",
                      certificates().file("server.pem"), "--tls-key-file",
                      certificates().file("server.key"), "--tls-auth-clients", "yes"},
        .file = {},
        .login = login_});
    login_.servers = {process_->server()};
    login_.timeout_ms = 5'000;
  }
  StoreResult<std::uint64_t> put(const RedisSettings& settings, std::string* health = nullptr) {
    const auto store = RedisStore::make(settings).value();
    auto done = store->put(kKey, "x", 0);
    if (health != nullptr) *health = store->health().text;
    return done;
  }

  RedisSettings login_;
  std::optional<RedisProcess> process_;
};

TEST_F(RedisTlsTest, BothSidesShowTheirCertificates) {
  EXPECT_TRUE(put(login_).has_value());
  RedisSettings named = login_;
  named.server_name = "redis.test";
  EXPECT_TRUE(put(named).has_value());
  RedisSettings anonymous = login_;
  anonymous.certificate_file.clear();
  EXPECT_EQ(put(anonymous).error(), StoreError::unavailable);
}

TEST_F(RedisTlsTest, AServerThatIsNotTheRightOneGetsNothing) {
  std::string health;
  RedisSettings other = login_;
  other.ca_file = certificates().file("other.pem");
  EXPECT_EQ(put(other, &health).error(), StoreError::unavailable);
  EXPECT_THAT(health, HasSubstr("TLS"));
  RedisSettings name = login_;
  name.server_name = "elsewhere.test";
  EXPECT_EQ(put(name, &health).error(), StoreError::unavailable);
  EXPECT_THAT(health, HasSubstr("ostname"));
  RedisSettings plain = login_;
  plain.tls = false;
  plain.timeout_ms = 500;
  EXPECT_EQ(put(plain).error(), StoreError::unavailable);
}

TEST_F(RedisTlsTest, ManyAndLargeRecordsPass) {
  const auto store = RedisStore::make(login_).value();
  const std::string large(kMaxValueOctets, 'v');
  for (int at = 0; at < 40; ++at) {
    const RecordKey key{.kind = RecordKind::grant, .group = "", .id = std::to_string(at)};
    ASSERT_TRUE(store->put(key, large, 0).has_value());
  }
  EXPECT_EQ(store->list(RecordKind::grant, "").value().size(), 40U);
}

TEST_F(RedisTlsTest, AnUserOfFewRightsIsEnough) {
  const RedisReply made = process_->ask(
      {"ACL",          "SETUSER",    "gate",        "on",       ">sesame",    "~sallyport:*",
       "&sallyport:*", "-@all",      "+eval",       "+evalsha", "+hget",      "+hgetall",
       "+hset",        "+hdel",      "+hrandfield", "+pttl",    "+pexpireat", "+persist",
       "+publish",     "+subscribe", "+ping",       "+select",  "+incr",      "+time"});
  ASSERT_EQ(made.text, "OK");
  RedisSettings gate = login_;
  gate.user = "gate";
  gate.password = Secret("sesame");
  std::atomic<int> resyncs{0};
  std::atomic<int> changes{0};
  const auto store = RedisStore::make(gate).value();
  store->watch({RecordKind::grant},
               {.changed = [&](const RecordChange&) { ++changes; }, .resync = [&] { ++resyncs; }});
  ASSERT_TRUE(eventually([&] { return resyncs == 1; }));
  const auto version = store->put(kKey, "x", 0);
  ASSERT_TRUE(version.has_value()) << store->health().text;
  EXPECT_EQ(store->replace(kKey, *version, "y", 4'000'000'000'000), true);
  EXPECT_EQ(store->add(kKey, "y", 0), false);
  EXPECT_EQ(store->list(RecordKind::grant, "").value().size(), 1U);
  EXPECT_TRUE(store->take(kKey).value().has_value());
  EXPECT_EQ(store->next_number("n"), 1U);
  EXPECT_TRUE(eventually([&] { return changes == 3; }));
}

}  // namespace
}  // namespace sallyport::verify
