#pragma once
// Addresses of a host's name, without waiting longer than one wants to: the C library's look-up
// has no time limit, so each runs on a thread of its own, and all who ask for the name meanwhile
// wait for the same one. Any thread.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "protocol/ip_address.h"

namespace sallyport::verify {

class Resolver {
 public:
  /// Empty: it has none, or the look-up is not done by `until_ms` (monotonic). An address is
  /// itself.
  [[nodiscard]] std::vector<Endpoint> find(const std::string& host, std::uint16_t port,
                                           std::uint64_t until_ms);

 private:
  struct LookUp;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<LookUp>> under_way_;
};

}  // namespace sallyport::verify
