#include "engine/config/checks.h"

#include <gtest/gtest.h>

namespace sallyport::config {
namespace {

TEST(Checks, WhatArrivesAtOurselves) {
  struct Case {
    const char* listen;
    const char* to;
    bool arrives;
  };
  for (const Case& c : {Case{"192.0.2.1", "192.0.2.1", true}, Case{"192.0.2.1", "192.0.2.2", false},
                        Case{"127.0.0.1", "127.0.0.1", true}, Case{"127.0.0.1", "127.0.0.2", false},
                        Case{"0.0.0.0", "127.0.0.2", true}, Case{"0.0.0.0", "192.0.2.1", false},
                        Case{"0.0.0.0", "0.0.0.0", true}, Case{"127.0.0.1", "0.0.0.0", true},
                        Case{"127.0.0.2", "0.0.0.0", false}, Case{"::", "::1", true},
                        Case{"::1", "::", true}, Case{"::1", "127.0.0.1", false}}) {
    const Endpoint listen{.address = *IpAddress::parse(c.listen), .port = 1812};
    EXPECT_EQ(arrives_at(listen, *IpAddress::parse(c.to), 1812), c.arrives)
        << c.to << " at " << c.listen;
    EXPECT_FALSE(arrives_at(listen, *IpAddress::parse(c.to), 1813));
  }
}

}  // namespace
}  // namespace sallyport::config
