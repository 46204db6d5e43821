#pragma once
// The shards' ways to the downstream servers: which server has which link, and what is shown of
// them. One thread at a time, but for read().

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/radius/downstream_board.h"
#include "engine/radius/host_addresses.h"
#include "engine/radius/shard.h"

namespace sallyport::radius_door {

class LinkPlaces {
 public:
  struct Place {
    ReachedServer server;
    std::vector<std::shared_ptr<LinkMetrics>> metrics;  ///< by shard; none: never taken
  };
  /// Ways to all servers: a server that has one keeps it.
  struct Laid {
    std::vector<std::uint16_t> links;         ///< by server
    std::vector<std::vector<NewLink>> fresh;  ///< by shard
    std::vector<Place> places;                ///< of all, once this is in force
  };

  /// `count`: links at once. `source_ports_each`: of a link, on one shard.
  void reserve(std::size_t count, std::uint32_t source_ports_each, std::size_t shards);

  /// Opens what is missing. `held`: settings that shards may still use, whose links stay taken. An
  /// error is one line that says what to do, and leaves all as it was.
  [[nodiscard]] std::expected<Laid, std::string> lay(
      const std::vector<ReachedServer>& servers,
      const std::vector<std::shared_ptr<const DoorSettings>>& held) const;
  /// Puts it in force, and shows it.
  void take(std::vector<Place> places, const std::vector<std::uint16_t>& links,
            const config::Downstream& downstream);

  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  [[nodiscard]] std::vector<DownstreamState> read() const { return board_.read(); }  ///< any thread

 private:
  std::uint32_t source_ports_each_ = 0;
  std::size_t shards_ = 0;
  std::vector<Place> places_;
  DownstreamBoard board_;
};

}  // namespace sallyport::radius_door
