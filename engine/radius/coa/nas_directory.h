#pragma once
// Which client a CoA-Request or Disconnect-Request is for, and where it takes them (RFC 5176 §3,
// RFC 8559 §3). Immutable once built; any thread.

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/config.h"
#include "engine/radius/client_table.h"
#include "protocol/ip_address.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"

namespace sallyport::radius_door {

/// Views into the directory and its table.
struct Nas {
  Endpoint address;
  std::string_view name;                ///< the client's
  const radius::HopKey* key = nullptr;  ///< never null
};

enum class NasMiss : std::uint8_t {
  unnamed,   ///< no attribute names a NAS
  unknown,   ///< none is known by these attributes, or one of several addresses is meant
  mismatch,  ///< they name different ones
};

class NasDirectory {
 public:
  /// `clients` was made of `configured` and `rows`. Nothing of those two is kept but copies.
  NasDirectory(std::shared_ptr<const ClientTable> clients,
               const std::vector<config::Client>& configured, const config::ClientRows* rows);

  /// An address goes before a name; what names nobody is left to the NAS, as long as something else
  /// names one of ours.
  [[nodiscard]] std::expected<Nas, NasMiss> find(const radius::PacketView& request) const;

 private:
  /// A [[client]] that says more than the default.
  struct Settings {
    Secret client_secret;  ///< of the [[client]]: lines of a clients file may have its name
    std::uint16_t port = config::kCoaPort;
    std::optional<IpAddress> address;
    std::unique_ptr<const radius::HopKey> key;  ///< null: the client's
  };
  /// A client of a clients file that has a single address.
  struct Row {
    std::uint64_t name_hash = 0;
    IpAddress address;
  };

  void add(const config::Client& client);
  [[nodiscard]] std::optional<Nas> at(const IpAddress& address) const;
  [[nodiscard]] std::optional<Nas> named(std::string_view identifier) const;

  std::shared_ptr<const ClientTable> clients_;
  std::map<std::string, Settings, std::less<>> settings_;    ///< by the client's name
  std::map<std::string, IpAddress, std::less<>> addresses_;  ///< by NAS-Identifier; in `clients_`
  std::vector<Row> rows_;                                    ///< by hash
};

}  // namespace sallyport::radius_door
