#pragma once
// How one process takes over from another, both sallyport: the old one starts the new one with one
// end of a socket pair, gives it its listening sockets, and waits until it is ready; then it tells
// what it remembers, and the new one goes. Main thread of either.
//
//   old → new   a line of version, then "NAME" with descriptors, as often as need be, then "end":
//               "radius", "radsec", "coa", "http" and "admin ADDRESS", "control PATH", "returns",
//               and "generation NUMBER" without any
//   new → old   "ready", or "refused WHY" and it ends, or only the latter: the old one goes on
//   old → new   "go" with four descriptors of memory: marks of remembered requests, learned
//               clients, learned downstreams, marks of CoA-Requests (radius_door::Legacy)
// The old one's end stays open as long as it answers what it remembers.

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "engine/radius/server.h"
#include "engine/ring/file_descriptor.h"

namespace sallyport::daemon {

/// Descriptors under a name: "radius 192.0.2.1:1812", one for each shard. None: the name says all.
struct NamedSockets {
  std::string name;
  std::vector<ring::FileDescriptor> sockets;
};

/// The new process, as the old one sees it.
class Successor {
 public:
  /// Starts `program run --config CONFIG_PATH` and gives it copies of `sockets`. An error is one
  /// line.
  [[nodiscard]] static std::expected<Successor, std::string> start(
      const std::string& program, const std::string& config_path,
      const std::vector<NamedSockets>& sockets);

  /// Until it has everything open. `alive` is called every second. An error says how it ended.
  [[nodiscard]] std::expected<void, std::string> wait_ready(std::chrono::milliseconds at_most,
                                                            const std::function<void()>& alive);
  /// It begins to read. False: it has ended meanwhile.
  [[nodiscard]] bool go(const radius_door::Legacy& legacy);
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  Successor(pid_t pid, ring::FileDescriptor control) : pid_(pid), control_(std::move(control)) {}
  /// `last_words`: what it said instead of being ready; empty: nothing yet.
  [[nodiscard]] std::string how_it_ended(std::string last_words = {});

  pid_t pid_;
  ring::FileDescriptor control_;
};

/// The old process, as the new one sees it.
class Predecessor {
 public:
  /// Null: nobody has started us to take over. An error is one line.
  [[nodiscard]] static std::expected<std::unique_ptr<Predecessor>, std::string> find();

  /// Takes what it gives. An error is one line.
  [[nodiscard]] std::expected<void, std::string> receive();
  /// We end: so that its log says why, which is looked into sooner than what we write.
  void refuse(std::string_view why) const;

  /// All sockets of that name; none: empty. The name is gone then.
  [[nodiscard]] std::vector<ring::FileDescriptor> take(std::string_view name);
  /// The names of those not taken yet.
  [[nodiscard]] std::vector<std::string> names() const;
  /// Tells that we are ready, and waits for what it leaves us. An error: it is gone, and so are its
  /// memories.
  [[nodiscard]] std::expected<radius_door::Legacy, std::string> wait_go();
  /// It still answers what it remembers.
  [[nodiscard]] bool alive() const noexcept;

 private:
  explicit Predecessor(ring::FileDescriptor control) : control_(std::move(control)) {}

  ring::FileDescriptor control_;
  std::vector<NamedSockets> sockets_;
};

}  // namespace sallyport::daemon
