#pragma once
// A CoaDoor between one who asks and a few NASes, and packets for both that are not made by the
// code under test.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/radius/coa/coa_door.h"
#include "tests/engine/radius/packet_builder.h"

namespace sallyport::radius_door::testing {

using radius::Code;
using radius::HopKey;
using radius::PacketView;
using radius::Type;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

inline constexpr std::string_view kAskerSecret = "secret of the portal";
inline constexpr std::string_view kNasSecret = "secret of the gateway";
inline constexpr std::string_view kCoaSecret = "another one for CoA";
inline constexpr std::int64_t kNowUnixS = 1'800'000'000;

class CountingRandom final : public RandomSource {
 public:
  void fill(MutableOctets out) noexcept override {
    for (std::uint8_t& octet : out) octet = next_ = static_cast<std::uint8_t>(next_ * 5 + 1);
  }

 private:
  std::uint8_t next_ = 7;
};

struct ToNas {
  Endpoint nas;
  std::uint16_t port;
  Bytes octets;
};

class Outbox final : public CoaOutbox {
 public:
  void send_to_asker(const CoaPath& path, Octets datagram) noexcept override {
    paths.push_back(path);
    answers.emplace_back(datagram.begin(), datagram.end());
  }
  void send_to_nas(const Endpoint& nas, std::uint16_t port, Octets datagram) noexcept override {
    requests.push_back({nas, port, Bytes(datagram.begin(), datagram.end())});
  }
  bool audit(const CoaRecord& record) noexcept override {
    records.push_back(record);
    return true;
  }

  std::vector<CoaPath> paths;
  std::vector<Bytes> answers;
  std::vector<ToNas> requests;
  std::vector<CoaRecord> records;
};

inline IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
inline Endpoint endpoint(std::string_view text) { return *Endpoint::parse(text, 3799); }
inline Bytes be32(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
          static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

inline config::Client client(std::string name, std::vector<std::string> addresses,
                             std::string_view secret = kNasSecret) {
  config::Client out;
  out.name = std::move(name);
  for (const std::string& address : addresses) out.addresses.push_back(*Prefix::parse(address));
  out.secret = Secret(secret);
  return out;
}

inline std::vector<config::Client> nases() {
  config::Client moved = client("moved", {"10.2.0.0/16"});
  moved.coa.address = ip("10.9.9.9");
  moved.coa.port = 1700;
  moved.coa.secret = Secret(kCoaSecret);
  moved.coa.nas_identifiers = {"the-moved-one"};
  return {client("gateway", {"10.0.0.1"}), client("site", {"10.1.0.0/16"}), moved,
          client("dual", {"10.3.0.1", "2001:db8::1"})};
}

class CoaDoorTest : public ::testing::Test {
 protected:
  CoaDoorTest() { reset(); }

  static std::shared_ptr<CoaSettings> make_settings() {
    const auto clients = nases();
    auto table = std::make_shared<const ClientTable>(clients);
    const std::vector<config::Client> askers = {client("portal", {"10.7.0.0/24"}, kAskerSecret)};
    return std::make_shared<CoaSettings>(
        CoaSettings{.askers = std::make_shared<const ClientTable>(askers),
                    .nases = std::make_shared<const NasDirectory>(table, clients, nullptr)});
  }
  template <typename Change>
  void reset(Change change) {
    auto settings = make_settings();
    change(*settings);
    door = std::make_unique<CoaDoor>(std::move(settings), as_octets(kOwnState), outbox, random,
                                     metrics);
  }
  void reset() {
    reset([](CoaSettings&) {});
  }

  [[nodiscard]] CoaNow now() const {
    return {.monotonic_us = now_ms * 1'000,
            .unix_s = kNowUnixS + static_cast<std::int64_t>(now_ms / 1'000)};
  }
  PacketBuilder request(Code code = Code::coa_request, std::uint8_t identifier = 7) const {
    return std::move(PacketBuilder(code, identifier).add_message_authenticator());
  }
  /// One that can be carried to "gateway".
  Bytes good(Code code = Code::coa_request, std::uint8_t identifier = 7) const {
    return request(code, identifier)
        .add(Type::user_name, "alice")
        .add(Type::acct_session_id, "0001")
        .add(Type::nas_ip_address, Bytes{10, 0, 0, 1})
        .sign_request(asker_key);
  }
  void ask(const Bytes& octets) { door->asker_datagram(now(), path, octets); }
  void reply(const Bytes& octets, std::optional<Endpoint> from = {}) {
    const ToNas& asked = outbox.requests.back();
    door->nas_datagram(now(), from.value_or(asked.nas), asked.port, octets);
  }
  /// As the NAS would answer what it was sent last.
  PacketBuilder answer_of_nas(Code code) const {
    return PacketBuilder(code, outbox.requests.back().octets[1]);
  }
  radius::Authenticator sent_authenticator() const {
    radius::Authenticator out;
    copy_octets(Octets(outbox.requests.back().octets).subspan(4, 16), out.octets);
    return out;
  }
  Bytes ack(Code code = Code::coa_ack) const {
    return answer_of_nas(code).sign_response(nas_key, sent_authenticator());
  }
  std::uint64_t dropped(CoaDrop reason) const {
    return metrics.drops[static_cast<std::size_t>(reason)].value();
  }
  /// The only answer, checked in full against `octets`.
  void expect_answer(const Bytes& octets, Code code, std::uint32_t cause) const {
    ASSERT_THAT(outbox.answers, SizeIs(1));
    const auto view = PacketView::parse(outbox.answers.back());
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->code(), code);
    EXPECT_EQ(view->identifier().value, octets[1]);
    EXPECT_NE(view->message_authenticator_offset(), 0u);
    radius::Authenticator asked;
    copy_octets(Octets(octets).subspan(4, 16), asked.octets);
    EXPECT_EQ(radius::verify_response(*view, asker_key, asked), radius::Authenticity::authentic);
    const auto found = view->find(Type::error_cause);
    EXPECT_EQ(found.has_value(), cause != 0);
    if (cause == 0) return;
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(Bytes(found->begin(), found->end()), be32(cause));
  }
  void expect_refused(const Bytes& octets, Code code, std::uint32_t cause, CoaOutcome outcome) {
    ask(octets);
    EXPECT_THAT(outbox.requests, IsEmpty());
    expect_answer(octets, code, cause);
    ASSERT_THAT(outbox.records, SizeIs(1));
    EXPECT_EQ(outbox.records[0].outcome, outcome);
    EXPECT_EQ(outbox.records[0].error_cause, cause);
  }

  static constexpr std::string_view kOwnState = "ourstate";
  HopKey asker_key{Secret(kAskerSecret)};
  HopKey nas_key{Secret(kNasSecret)};
  HopKey coa_key{Secret(kCoaSecret)};
  Outbox outbox;
  CountingRandom random;
  CoaMetrics metrics;
  std::uint64_t now_ms = 1'000'000;
  CoaPath path{.source = endpoint("10.7.0.5:4000"), .local = ip("10.7.0.1"), .socket = 0};
  std::unique_ptr<CoaDoor> door;
};

}  // namespace sallyport::radius_door::testing
