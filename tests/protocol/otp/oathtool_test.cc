// The same codes as oathtool's, which stands in for an authenticator app.

#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "protocol/otp/totp.h"

namespace sallyport::otp {
namespace {

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string output;
  for (int c = 0; pipe && (c = std::fgetc(pipe.get())) != EOF;) output += static_cast<char>(c);
  return output;
}

TEST(Oathtool, GivesTheSameCodes) {
  if (access("/usr/bin/oathtool", X_OK) != 0) GTEST_SKIP() << "oathtool is not installed";
  std::mt19937_64 random(1);
  for (const std::uint32_t digits : {6U, 7U, 8U}) {
    std::vector<std::uint8_t> secret(kSecretOctets);
    for (auto& octet : secret) octet = static_cast<std::uint8_t>(random());
    const std::uint64_t unix_s = random() % 4'000'000'000;
    // Twenty steps in a row (-w), a line each.
    const std::string theirs =
        output_of("/usr/bin/oathtool --totp --base32 -w 19 -d " + std::to_string(digits) +
                  " --now @" + std::to_string(unix_s) + " " + base32(secret));
    std::string ours;
    for (std::uint64_t step = step_at(unix_s); step < step_at(unix_s) + 20; ++step) {
      const Code code = code_of(secret, step, digits);
      ours.append(code.data(), digits);
      ours += '\n';
    }
    EXPECT_EQ(ours, theirs);
  }
}

}  // namespace
}  // namespace sallyport::otp
