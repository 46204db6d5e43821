// The LDAP directory against Debian's slapd, over plain TCP, StartTLS and LDAPS.

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/verify/users/folder.h"
#include "verify/file_descriptor.h"
#include "verify/process.h"
#include "verify/users/directory.h"

extern char** environ;

namespace sallyport::verify {
namespace {

constexpr ProcessBounds kBounds{.timeout_ms = 60'000, .max_output = 1 << 20};

/// Three files of an authority and a server's certificate for 127.0.0.1.
void make_certificates(const Folder& folder) {
  const std::string script =
      "cd " + folder.path("") +
      " && exec 2>/dev/null && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
      "-nodes "
      "-days 2 -subj /CN=authority -keyout ca.key -out ca.pem && openssl req -newkey ec -pkeyopt "
      "ec_paramgen_curve:P-256 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr && "
      "printf 'subjectAltName=IP:127.0.0.1\\n' > san && openssl x509 -req -in server.csr -CA "
      "ca.pem "
      "-CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem";
  ASSERT_TRUE(run_process({"/bin/sh", "-c", script}, {}, kBounds));
}

std::uint16_t free_port() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t octets = sizeof(address);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), octets), 0);
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &octets), 0);
  return ntohs(address.sin_port);
}

bool accepts(std::uint16_t port) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

constexpr const char* kEntries = R"(dn: dc=example
objectClass: dcObject
objectClass: organization
o: example
dc: example

dn: uid=alice,dc=example
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: A
displayName: Alice A.
mail: alice@example.net
mail: second@example.net
mobile: +49 (151) 123-4567
telephoneNumber: 030/123
preferredLanguage: de-DE
employeeType: cn=staff,ou=groups,dc=example
employeeType: plain

dn: uid=bob\2c jr,dc=example
objectClass: inetOrgPerson
uid: bob*)(uid=alice
cn: Bob
sn: B

dn: cn=one,dc=example
objectClass: inetOrgPerson
uid: twice
cn: one
sn: T

dn: cn=two,dc=example
objectClass: inetOrgPerson
uid: twice
cn: two
sn: T
)";

class Slapd {
 public:
  Slapd() : port_(free_port()), tls_port_(free_port()) {
    make_certificates(folder_);
    std::filesystem::create_directory(folder_.path("data"));
    config_ = folder_.write("slapd.conf",
                            "include /etc/ldap/schema/core.schema\n"
                            "include /etc/ldap/schema/cosine.schema\n"
                            "include /etc/ldap/schema/inetorgperson.schema\n"
                            "modulepath /usr/lib/ldap\nmoduleload back_mdb\n"
                            "pidfile " +
                                folder_.path("pid") +
                                "\n"
                                "TLSCACertificateFile " +
                                folder_.path("ca.pem") +
                                "\n"
                                "TLSCertificateFile " +
                                folder_.path("server.pem") +
                                "\n"
                                "TLSCertificateKeyFile " +
                                folder_.path("server.key") +
                                "\n"
                                "database mdb\nsuffix dc=example\n"
                                "directory " +
                                folder_.path("data") +
                                "\n"
                                "rootdn cn=admin,dc=example\nrootpw hunter2\n"
                                "access to * by dn=cn=admin,dc=example write by * auth\n");
    const std::string entries = folder_.write("entries.ldif", kEntries);
    const auto added =
        run_process({"/usr/sbin/slapadd", "-q", "-f", config_, "-l", entries}, {}, kBounds);
    EXPECT_TRUE(added) << added.error();
    start();
  }
  ~Slapd() { stop(); }

  void start() {
    const std::string urls = plain() + " " + tls();
    std::vector<const char*> words{"/usr/sbin/slapd", "-d", "0",          "-f",
                                   config_.c_str(),   "-h", urls.c_str(), nullptr};
    ASSERT_EQ(::posix_spawn(&child_, words[0], nullptr, nullptr, const_cast<char**>(words.data()),
                            environ),
              0);
    for (int i = 0; i < 3000 && !(accepts(port_) && accepts(tls_port_)); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(accepts(port_));
  }
  void stop() {
    if (child_ == 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }
  [[nodiscard]] pid_t process() const { return child_; }

  [[nodiscard]] std::string plain() const { return "ldap://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string tls() const { return "ldaps://127.0.0.1:" + std::to_string(tls_port_); }
  [[nodiscard]] std::string authority() const { return folder_.path("ca.pem"); }

 private:
  Folder folder_;
  std::uint16_t port_;
  std::uint16_t tls_port_;
  std::string config_;
  pid_t child_ = 0;
};

class LdapDirectoryTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new Slapd; }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  static LdapDirectorySettings settings(std::vector<std::string> urls) {
    LdapDirectorySettings all;
    all.urls = std::move(urls);
    all.ca_file = server_->authority();
    all.bind_dn = "cn=admin,dc=example";
    all.bind_password = Secret("hunter2");
    all.search_base = "dc=example";
    all.telephone_attribute = "telephoneNumber";
    all.group_attribute = "employeeType";
    all.timeout_ms = 20'000;
    return all;
  }
  static std::expected<std::optional<User>, std::string> find(const LdapDirectorySettings& all,
                                                              std::string_view id) {
    return make_directory(all).value()->find(id);
  }

  static Slapd* server_;
};
Slapd* LdapDirectoryTest::server_ = nullptr;

TEST_F(LdapDirectoryTest, MapsAttributes) {
  const auto found = find(settings({server_->plain()}), "alice");
  ASSERT_TRUE(found) << found.error();
  ASSERT_TRUE(*found);
  const User expected{.id = "alice",
                      .name = "Alice A.",
                      .mail = "alice@example.net",
                      .mobile = "+491511234567",
                      .telephone = "030123",
                      .language = "de",
                      .groups = {"staff", "plain"}};
  EXPECT_EQ(**found, expected);
}

TEST_F(LdapDirectoryTest, TheIdIsAsTheDirectorySpellsIt) {
  EXPECT_EQ(find(settings({server_->plain()}), "ALICE").value()->id, "alice");
}

TEST_F(LdapDirectoryTest, FilterCharactersAreText) {
  const auto all = settings({server_->plain()});
  for (const char* id : {"*", "ali*", "alice)(objectClass=*", "a\\2a", "nobody"}) {
    const auto found = find(all, id);
    ASSERT_TRUE(found) << id << ": " << found.error();
    EXPECT_FALSE(*found) << id;
  }
  // And one whose id has them is found by them.
  EXPECT_EQ(find(all, "bob*)(uid=alice").value()->id, "bob*)(uid=alice");
}

TEST_F(LdapDirectoryTest, TwoEntriesOfOneIdAreNobody) {
  const auto found = find(settings({server_->plain()}), "twice");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error(), "several entries are of one user id");
}

TEST_F(LdapDirectoryTest, AFurtherConditionMustHold) {
  auto all = settings({server_->plain()});
  all.filter = "(employeeType=plain)";
  EXPECT_TRUE(find(all, "alice").value());
  all.filter = "(employeeType=other)";
  EXPECT_FALSE(find(all, "alice").value());
}

TEST_F(LdapDirectoryTest, StartTlsAndLdapsWithAnAuthorityOfOnesOwn) {
  auto all = settings({server_->plain()});
  all.start_tls = true;
  EXPECT_TRUE(find(all, "alice").value());
  EXPECT_TRUE(find(settings({server_->tls()}), "alice").value());
}

TEST_F(LdapDirectoryTest, AnUnknownAuthorityIsRefused) {
  auto all = settings({server_->tls()});
  all.ca_file.clear();
  EXPECT_FALSE(find(all, "alice"));
  all.verify_certificate = false;
  EXPECT_TRUE(find(all, "alice").value());
}

TEST_F(LdapDirectoryTest, AWrongPasswordIsAnErrorWithoutIt) {
  auto all = settings({server_->plain()});
  all.bind_password = Secret("wrong-password");
  const auto found = find(all, "alice");
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().find("bind: Invalid credentials"), std::string::npos) << found.error();
  EXPECT_EQ(found.error().find("wrong-password"), std::string::npos);
}

TEST_F(LdapDirectoryTest, TheNextServerIsAskedWhenOneIsDown) {
  const std::string nobody = "ldap://127.0.0.1:" + std::to_string(free_port());
  EXPECT_TRUE(find(settings({nobody, server_->plain()}), "alice").value());
  EXPECT_FALSE(find(settings({nobody}), "alice"));
}

TEST_F(LdapDirectoryTest, AConnectionThatBrokeIsReplaced) {
  Slapd own;
  auto all = settings({own.plain()});
  all.ca_file = own.authority();
  const auto directory = make_directory(all).value();
  ASSERT_TRUE(directory->find("alice").value());
  own.stop();
  EXPECT_FALSE(directory->find("alice"));
  own.start();
  EXPECT_TRUE(directory->find("alice").value());
}

TEST_F(LdapDirectoryTest, OneThatHangsIsNotWaitedForLonger) {
  Slapd own;
  auto all = settings({own.plain()});
  all.timeout_ms = 3'000;
  const auto directory = make_directory(all).value();
  ASSERT_TRUE(directory->find("alice").value());
  ::kill(own.process(), SIGSTOP);
  siginfo_t stopped{};  // all of its threads: one could still answer
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(own.process()), &stopped, WSTOPPED), 0);
  EXPECT_FALSE(directory->find("alice"));
  ::kill(own.process(), SIGCONT);
}

TEST_F(LdapDirectoryTest, ManyAskAtOnce) {
  auto all = settings({server_->plain()});
  all.connections = 2;
  const auto directory = make_directory(all).value();
  std::vector<std::thread> threads;
  std::atomic<int> found = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n) {
        const auto user = directory->find("alice");
        if (user && *user) ++found;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(found, 160);
}

TEST_F(LdapDirectoryTest, BringsNoOpenSslIntoTheProcess) {
  ASSERT_TRUE(find(settings({server_->tls()}), "alice").value());
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    EXPECT_EQ(line.find("libcrypto.so.3"), std::string::npos) << line;
    EXPECT_EQ(line.find("sasl2/"), std::string::npos) << line;
  }
}

TEST(LdapSettings, MistakesAreNamed) {
  LdapDirectorySettings all;
  EXPECT_EQ(make_directory(all).error(), "an LDAP directory names no url");
  all.urls = {"http://example.net"};
  EXPECT_EQ(make_directory(all).error(), "http://example.net is no LDAP URL (ldaps://host:636)");
  all.urls = {"ldap://127.0.0.1"};
  all.user_attribute = "uid)(x";
  EXPECT_EQ(make_directory(all).error(), "user_attribute is not the name of an attribute");
  all.user_attribute = "uid";
  all.filter = "memberOf=x";
  EXPECT_FALSE(make_directory(all));
}

}  // namespace
}  // namespace sallyport::verify
