#pragma once
// Who may send CoA-Requests and Disconnect-Requests.

#include <expected>
#include <memory>
#include <string>

#include "engine/config/config.h"
#include "engine/radius/client_table.h"
#include "engine/radius/host_addresses.h"

namespace sallyport::radius_door {

/// The [[coa.client]]s and, where they may, the downstream servers. `addresses`: resolved for this
/// configuration. An error is one line that says what to do.
[[nodiscard]] std::expected<std::shared_ptr<const ClientTable>, std::string> make_askers(
    const config::Config& config, const HostAddresses& addresses);

}  // namespace sallyport::radius_door
