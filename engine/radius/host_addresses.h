#pragma once
// The names of the downstream side, and the addresses that they have now.

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "protocol/ip_address.h"

namespace sallyport::radius_door {

/// A name, and which of its addresses will do.
struct HostName {
  enum class Family : std::uint8_t { any, v4, v6 };
  std::string host;  ///< or an address
  Family family = Family::any;
  auto operator<=>(const HostName&) const = default;
  /// Of a server that we ask from `source`; empty: any of its addresses.
  [[nodiscard]] static HostName of(const std::string& host, const std::optional<IpAddress>& source);
};

/// A server as it is reached: what makes a link another one.
struct ReachedServer {
  std::string name;
  Endpoint address;
  std::optional<IpAddress> source;
  config::ServerTransport transport = config::ServerTransport::udp;
  bool operator==(const ReachedServer&) const = default;
};

class HostAddresses {
 public:
  HostAddresses() = default;
  /// Resolves (blocking) every name of [downstream] and [accounting]. A name that still has the
  /// address of `before` keeps it: of a name with several, each answer has another one in front. An
  /// error is one line that says what to do.
  [[nodiscard]] static std::expected<HostAddresses, std::string> resolve(
      const config::Config& config, const HostAddresses& before);

  /// Of a server of the configuration that this was resolved for.
  [[nodiscard]] Endpoint of(const config::DownstreamServer& server) const;
  /// All servers, in the order of servers_of().
  [[nodiscard]] std::vector<ReachedServer> reached(const config::Downstream& downstream) const;
  /// Those that may change: names, no addresses.
  [[nodiscard]] std::vector<HostName> names() const;
  /// "radius.example.net is 192.0.2.2 now, it was 192.0.2.1", for each that differs.
  [[nodiscard]] std::vector<std::string> changes_since(const HostAddresses& before) const;

  bool operator==(const HostAddresses&) const = default;

 private:
  std::map<HostName, IpAddress> addresses_;
};

}  // namespace sallyport::radius_door
