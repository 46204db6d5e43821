#pragma once
// The thread that asks for the downstream's names in the background (NameSchedule says when), and
// tells when one has another address. It may hang in the resolver for as long as that likes: nobody
// waits for it.

#include <functional>
#include <memory>
#include <vector>

#include "engine/config/config.h"
#include "engine/radius/host_addresses.h"

namespace sallyport::radius_door {

/// What is watched: the parts of a configuration that have names. Its clients are left empty.
struct WatchedNames {
  config::Config config;
  HostAddresses addresses;  ///< in use
};

class NameWatcher {
 public:
  /// `moved` is called on the watcher's thread with addresses that differ from those in use, and
  /// not after stop() has returned. It calls watch() if they are taken.
  explicit NameWatcher(std::function<void(const HostAddresses& now)> moved);
  ~NameWatcher();  ///< stops

  /// Any thread, `moved` as well. An answer that was asked for before is forgotten.
  void watch(WatchedNames names);
  void start();
  /// Returns at once, or when a running `moved` has returned.
  void stop();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  ///< outlives us with a thread that hangs
};

}  // namespace sallyport::radius_door
