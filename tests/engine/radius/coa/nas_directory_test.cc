// Which NAS a request is for, and what is said when there is none.

#include <cstdio>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include "engine/config/clients_file.h"
#include "tests/engine/radius/coa/coa_testing.h"

namespace sallyport::radius_door::testing {
namespace {

TEST_F(CoaDoorTest, FindsTheNasByEachOfItsNames) {
  const auto sent_to = [&](PacketBuilder builder) {
    outbox = {};
    reset();
    ask(builder.add(Type::user_name, "alice").sign_request(asker_key));
    return outbox.requests.empty() ? std::string("nowhere") : outbox.requests[0].nas.text();
  };
  EXPECT_EQ(sent_to(request().add(Type::nas_identifier, "gateway")), "10.0.0.1:3799");
  EXPECT_EQ(sent_to(request().add(Type::nas_ip_address, Bytes{10, 1, 4, 2})), "10.1.4.2:3799");
  EXPECT_EQ(sent_to(request().add(Type::nas_identifier, "the-moved-one")), "10.9.9.9:1700");
  EXPECT_EQ(sent_to(request().add(Type::nas_identifier, "moved")), "10.9.9.9:1700");
  EXPECT_EQ(sent_to(request().add(Type::nas_ip_address, Bytes{10, 2, 0, 1})), "10.9.9.9:1700");
  EXPECT_EQ(sent_to(request().add(Type::nas_ipv6_address, ip("2001:db8::1").octets)),
            "[2001:db8::1]:3799");
  // Both addresses of one client, and a name that is nobody's here.
  EXPECT_EQ(sent_to(request()
                        .add(Type::nas_ip_address, Bytes{10, 3, 0, 1})
                        .add(Type::nas_ipv6_address, ip("2001:db8::1").octets)
                        .add(Type::nas_identifier, "its own idea")),
            "10.3.0.1:3799");
  // Which of the site's addresses, or of the two?
  EXPECT_EQ(sent_to(request().add(Type::nas_identifier, "site")), "nowhere");
  EXPECT_EQ(sent_to(request().add(Type::nas_identifier, "dual")), "nowhere");
}

TEST_F(CoaDoorTest, SignsWithTheSecretForIt) {
  ask(request()
          .add(Type::user_name, "alice")
          .add(Type::nas_identifier, "moved")
          .sign_request(asker_key));
  const auto sent = PacketView::parse(outbox.requests.at(0).octets);
  EXPECT_EQ(radius::verify_request(*sent, coa_key), radius::Authenticity::authentic);
}

TEST_F(CoaDoorTest, ReadsOperatorNasIdentifierAndKeepsItFromTheNas) {
  Bytes value{8};  // 241.8, RFC 8559 §3.4
  value.insert(value.end(), {'g', 'a', 't', 'e', 'w', 'a', 'y'});
  ask(request()
          .add(Type::user_name, "alice")
          .add(Type::extended_1, value)
          .add(Type::extended_1, Bytes{9, 1})
          .sign_request(asker_key));
  ASSERT_THAT(outbox.requests, SizeIs(1));
  EXPECT_EQ(outbox.requests[0].nas, endpoint("10.0.0.1:3799"));
  const auto sent = PacketView::parse(outbox.requests[0].octets);
  EXPECT_EQ(radius::verify_request(*sent, nas_key), radius::Authenticity::authentic);
  std::vector<Bytes> extended;
  for (const radius::Attribute attribute : *sent)
    if (attribute.type == Type::extended_1)
      extended.emplace_back(attribute.value.begin(), attribute.value.end());
  EXPECT_THAT(extended, ElementsAre(Bytes{9, 1}));
}

TEST_F(CoaDoorTest, SaysWhyItCannotRoute) {
  const auto refused = [&](PacketBuilder builder, std::uint32_t cause, CoaOutcome outcome) {
    outbox = {};
    reset();
    expect_refused(builder.sign_request(asker_key), Code::coa_nak, cause, outcome);
  };
  refused(request().add(Type::user_name, "alice"), 402, CoaOutcome::no_nas);
  refused(request().add(Type::nas_ip_address, Bytes{10, 0, 0, 1}), 402, CoaOutcome::no_session);
  refused(request().add(Type::user_name, "alice").add(Type::nas_ip_address, Bytes{192, 0, 2, 9}),
          502, CoaOutcome::unknown_nas);
  refused(request().add(Type::user_name, "alice").add(Type::nas_ip_address, Bytes{10, 0, 0}), 502,
          CoaOutcome::unknown_nas);
  refused(request().add(Type::user_name, "alice").add(Type::nas_identifier, "nobody"), 502,
          CoaOutcome::unknown_nas);
  refused(request()
              .add(Type::user_name, "alice")
              .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
              .add(Type::nas_identifier, "moved"),
          403, CoaOutcome::mismatch);
  refused(request()
              .add(Type::user_name, "alice")
              .add(Type::nas_ip_address, Bytes{10, 1, 0, 1})
              .add(Type::nas_ip_address, Bytes{10, 1, 0, 2}),
          403, CoaOutcome::mismatch);
}

TEST(NasDirectory, FindsTheClientsOfAFileByNameUnlessSeveralHaveIt) {
  const std::string path = ::testing::TempDir() + "coa_clients." + std::to_string(::getpid());
  std::ofstream(path) << "10.0.0.1,one,secret of one\n10.0.0.2,two,secret of two\n"
                         "10.0.0.3,two,secret of two\n10.1.0.0/16,net,secret of net\n";
  ::chmod(path.c_str(), 0600);
  const auto file = config::read_clients_file(path, {});
  std::remove(path.c_str());
  ASSERT_TRUE(file.has_value());
  const NasDirectory nases(
      std::make_shared<const ClientTable>(std::vector<config::Client>{}, file->rows.get()), {},
      file->rows.get());
  const auto find = [&](std::string_view name) {
    const Bytes octets = PacketBuilder(Code::coa_request, 1)
                             .add(Type::nas_identifier, name)
                             .sign_request(HopKey{Secret(kNasSecret)});
    const auto nas = nases.find(*PacketView::parse(octets));
    return nas ? nas->address.text() : std::string("nowhere");
  };
  EXPECT_EQ(find("one"), "10.0.0.1:3799");
  EXPECT_EQ(find("two"), "nowhere");
  EXPECT_EQ(find("net"), "nowhere");
}

}  // namespace
}  // namespace sallyport::radius_door::testing
