#pragma once
// The other end for tests of the workload: answers made octet by octet with the tests' own
// formulae.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/workload/workload.h"
#include "tests/protocol/radius/wire.h"

namespace sallyport::lab::testing {

using radius::Code;
using radius::wire::Bytes;

inline constexpr std::string_view kSecret = "secret of the tests";
inline constexpr std::string_view kPassword = "a password of more than sixteen octets";

/// Settings with that secret and password, ten users.
WorkloadSettings settings_of(Method method);
/// Fails the test when the settings are refused.
std::unique_ptr<Workload> made(const WorkloadSettings& settings);
std::string refusal(const WorkloadSettings& settings);

Bytes written(Workload& workload, const Session& session, std::uint8_t identifier = 7);

/// How an answer is made wrong.
struct Signing {
  std::string_view secret = kSecret;
  bool message_authenticator = true;
};
Bytes reply_to(const Bytes& request, Code code, std::vector<Bytes> attributes = {},
               const Signing& signing = {});

std::string text_of(const Bytes& packet, int type);  ///< the first attribute's value
Bytes value_of(const Bytes& packet, int type);
std::uint32_t number_of(const Bytes& packet, int type);

}  // namespace sallyport::lab::testing
