#pragma once
// `sallyport-lab demo`: the real daemon between both simulators, and what happens to each request,
// told live. With `once`, one login of its own, approved on the phone page's own way.

#include <cstdint>
#include <expected>
#include <string>

namespace sallyport::lab {

struct DemoOptions {
  std::string sallyport;        ///< the daemon's binary; empty: beside this one
  std::uint16_t port_base = 0;  ///< 0: free ports
  bool once = false;
};

/// Runs until SIGINT or SIGTERM, or with `once` until the login is over.
[[nodiscard]] std::expected<void, std::string> run_demo(const DemoOptions& options);

}  // namespace sallyport::lab
