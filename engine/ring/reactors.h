#pragma once
// The reactors of all shards, started and ended together. Main thread only.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/ring/reactor.h"

namespace sallyport::ring {

struct ReactorsPlan {
  std::uint32_t shards = 0;  ///< 0: one for each core this process may use
  std::uint32_t most = 64;
  bool pin = true;  ///< one shard, one core
  RingPlan ring;    ///< of each
};

class Reactors {
 public:
  /// An error is one line that says what to do.
  [[nodiscard]] static std::expected<std::unique_ptr<Reactors>, std::string> open(
      const ReactorsPlan& plan);
  ~Reactors();  ///< stops

  [[nodiscard]] std::size_t count() const noexcept { return reactors_.size(); }
  [[nodiscard]] Reactor& operator[](std::size_t shard) noexcept { return *reactors_[shard]; }

  /// Once all tenants are added.
  void start();
  /// Ends the threads. A second time: nothing happens.
  void stop();

 private:
  Reactors() = default;
  std::vector<std::unique_ptr<Reactor>> reactors_;
  bool running_ = false;
};

}  // namespace sallyport::ring
