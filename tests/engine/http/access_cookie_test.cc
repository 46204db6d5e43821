#include "engine/http/access_cookie.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

AccessKey key(std::uint8_t octet) {
  AccessKey key;
  key.fill(octet);
  return key;
}

TEST(AccessCookie, NamesAGrant) {
  const std::vector<AccessKey> keys{key(2), key(1)};
  for (const std::uint64_t grant : {std::uint64_t{1}, std::uint64_t{17}, ~std::uint64_t{0}}) {
    EXPECT_EQ(open_access(seal_access(grant, key(2)), keys), grant);
    EXPECT_EQ(open_access(seal_access(grant, key(1)), keys), grant) << "an older key's";
    EXPECT_EQ(open_access(seal_access(grant, key(3)), keys), 0u);
    EXPECT_EQ(open_access(seal_access(grant, key(2)), {}), 0u);
  }
  EXPECT_EQ(seal_access(17, key(0)).size(), 46u);
}

/// RFC 2104 by another hand: Python's hmac over b"sallyport access 17" with 32 octets 0x0b.
TEST(AccessCookie, IsHmacSha256) {
  EXPECT_EQ(seal_access(17, key(0x0b)), "17.03lKESvMqdWm00YRIJkpI6CLK3F5ppemVM9IN_NIsZs");
}

TEST(AccessCookie, WhateverIsChangedNamesNone) {
  const std::vector<AccessKey> keys{key(1)};
  const std::string good = seal_access(1234, key(1));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char c : {'1', '0', '.', 'A', '_', '\0', '\xff'}) {
      std::string changed = good;
      if (changed[i] == c) continue;
      changed[i] = c;
      // The last character's two lowest bits say nothing; text is compared, so they count too.
      EXPECT_EQ(open_access(changed, keys), 0u) << changed;
    }
    EXPECT_EQ(open_access(good.substr(0, i), keys), 0u);
    EXPECT_EQ(open_access(good.substr(i + 1), keys), 0u);
  }
  const std::string mac = good.substr(4);
  for (const std::string& changed : {good + "A", "0" + good, " " + good, "+" + good, mac,
                                     "00000000000000000000001234" + mac, std::string()}) {
    EXPECT_EQ(open_access(changed, keys), 0u) << changed;
  }
}

}  // namespace
}  // namespace sallyport::http_door
