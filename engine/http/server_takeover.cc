// One process takes over from another: what the old one does with its sockets and visitors.

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/http/server_core.h"
#include "engine/ring/descriptor_copy.h"

namespace sallyport::http_door {
namespace {

using Clock = std::chrono::steady_clock;

/// A visitor's connection that asks nothing for so long is closed: until then the answer to its
/// next request tells it, which is safer than an end that crosses the request.
constexpr std::chrono::milliseconds kAskAtMost{5'000};
/// For connections that the kernel has given us and that are not known yet.
constexpr std::chrono::milliseconds kAcceptAtMost{1'000};
constexpr std::chrono::milliseconds kLook{5};

/// False: the time came first.
template <class Condition>
bool wait_until(Clock::time_point deadline, Condition condition) {
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kLook);
  }
  return true;
}

}  // namespace

std::expected<void, std::string> HttpServer::share_store() {
  if (impl_->kept.store != nullptr) return impl_->kept.store->share();
  if (impl_->book.size() == 0) return {};
  return std::unexpected("grants without a [store] are in the memory of one process");
}

std::expected<std::vector<InheritedSockets>, std::string> HttpServer::listeners() const {
  return copies_of(impl_->sockets);
}

ring::FileDescriptor HttpServer::copy_of_control() const {
  if (!impl_->control_socket) return {};
  return ring::copy_of(impl_->control_socket->fd());
}

void HttpServer::step_back() {
  {
    // A command that is being carried out ends first.
    const std::scoped_lock obeying(impl_->obedience);
    impl_->obeys.store(false);
  }
  impl_->left = true;
  for (const auto& door : impl_->doors) post_surely(*door, StopListening{});
  static_cast<void>(wait_until(Clock::now() + kAcceptAtMost, [this] {
    return std::ranges::none_of(impl_->doors, [](const auto& door) { return door->accepting(); });
  }));
}

void HttpServer::step_forth() {
  for (const auto& door : impl_->doors) post_surely(*door, ListenAgain{});
  impl_->left = false;
  impl_->obeys.store(true);
}

void HttpServer::retire(std::chrono::milliseconds most) {
  const auto deadline = Clock::now() + most;
  if (impl_->control_socket) impl_->control_socket->leave();
  if (impl_->gate != nullptr) impl_->gate->let_go();
  for (const auto& door : impl_->doors) post_surely(*door, Retire{});
  const auto is_done = [this] {
    return std::ranges::all_of(impl_->doors, [](const auto& door) { return door->busy() == 0; });
  };
  static_cast<void>(wait_until(std::min(deadline, Clock::now() + kAskAtMost), is_done));
  for (const auto& door : impl_->doors) post_surely(*door, Drain{});
  static_cast<void>(wait_until(deadline, [&] {
    return is_done() && (impl_->gate == nullptr || !impl_->gate->asks_phones());
  }));
}

}  // namespace sallyport::http_door
