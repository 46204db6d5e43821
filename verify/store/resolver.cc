#include "verify/store/resolver.h"

#include <chrono>
#include <condition_variable>
#include <system_error>
#include <thread>

#include <netdb.h>
#include <sys/socket.h>

#include "verify/clock.h"

namespace sallyport::verify {
namespace {

std::vector<IpAddress> look_up(const std::string& host) {
  ::addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  ::addrinfo* found = nullptr;
  std::vector<IpAddress> addresses;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return addresses;
  for (const ::addrinfo* one = found; one != nullptr; one = one->ai_next) {
    addresses.push_back(Endpoint::from(one->ai_addr).address);
  }
  ::freeaddrinfo(found);
  return addresses;
}

}  // namespace

/// Outlives the resolver when the network does not answer: its thread is nobody's.
struct Resolver::LookUp {
  std::mutex mutex;
  std::condition_variable finished;
  bool done = false;
  std::vector<IpAddress> addresses;
};

std::vector<Endpoint> Resolver::find(const std::string& host, std::uint16_t port,
                                     std::uint64_t until_ms) {
  if (const auto address = IpAddress::parse(host)) return {{.address = *address, .port = port}};
  std::shared_ptr<LookUp> look;
  {
    const std::scoped_lock lock(mutex_);
    std::shared_ptr<LookUp>& shared = under_way_[host];
    if (!shared) {
      shared = std::make_shared<LookUp>();
      try {
        std::thread([host, mine = shared] {
          std::vector<IpAddress> addresses = look_up(host);
          const std::scoped_lock done(mine->mutex);
          mine->addresses = std::move(addresses);
          mine->done = true;
          mine->finished.notify_all();
        }).detach();
      } catch (const std::system_error&) {  // no thread to be had now
        under_way_.erase(host);
        return {};
      }
    }
    look = shared;
  }
  std::vector<Endpoint> endpoints;
  {
    std::unique_lock lock(look->mutex);
    const std::uint64_t now_ms = monotonic_ms();
    const std::chrono::milliseconds left(until_ms > now_ms ? until_ms - now_ms : 0);
    if (!look->finished.wait_for(lock, left, [&look] { return look->done; })) return {};
    for (const IpAddress& address : look->addresses) endpoints.push_back({address, port});
  }
  // Once it is done the next who asks looks anew: the name may have moved.
  const std::scoped_lock lock(mutex_);
  if (const auto at = under_way_.find(host); at != under_way_.end() && at->second == look) {
    under_way_.erase(at);
  }
  return endpoints;
}

}  // namespace sallyport::verify
