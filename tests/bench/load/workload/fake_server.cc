#include "tests/bench/load/workload/fake_server.h"

#include <array>

#include <gtest/gtest.h>

namespace sallyport::lab::testing {

namespace wire = radius::wire;

WorkloadSettings settings_of(Method method) {
  WorkloadSettings settings;
  settings.method = method;
  settings.secret = Secret(kSecret);
  settings.users = 10;
  settings.password = Secret(kPassword);
  return settings;
}

std::unique_ptr<Workload> made(const WorkloadSettings& settings) {
  auto workload = Workload::make(settings);
  EXPECT_TRUE(workload.has_value()) << workload.error();
  return std::move(*workload);
}

std::string refusal(const WorkloadSettings& settings) {
  const auto workload = Workload::make(settings);
  return workload ? "" : workload.error();
}

Bytes written(Workload& workload, const Session& session, std::uint8_t identifier) {
  Bytes out(workload.max_request_octets());
  out.resize(workload.write(session, identifier, out));
  return out;
}

Bytes reply_to(const Bytes& request, Code code, std::vector<Bytes> attributes,
               const Signing& signing) {
  if (signing.message_authenticator)
    attributes.insert(attributes.begin(), wire::attribute(80, wire::zeros(16)));
  const auto authenticator = wire::parsed(request).authenticator();
  Bytes reply = wire::packet(code, request[1], authenticator, attributes);
  wire::sign_computed(reply, signing.secret, authenticator);
  return reply;
}

Bytes value_of(const Bytes& packet, int type) {
  const auto value = wire::parsed(packet).find(static_cast<radius::Type>(type));
  EXPECT_TRUE(value.has_value()) << "no attribute of type " << type;
  return value ? Bytes(value->begin(), value->end()) : Bytes{};
}

std::string text_of(const Bytes& packet, int type) {
  const Bytes value = value_of(packet, type);
  return {value.begin(), value.end()};
}

std::uint32_t number_of(const Bytes& packet, int type) {
  const Bytes value = value_of(packet, type);
  EXPECT_EQ(value.size(), 4U);
  std::uint32_t number = 0;
  for (const std::uint8_t octet : value) number = number << 8 | octet;
  return number;
}

}  // namespace sallyport::lab::testing
