#pragma once
// What the gate has decided, as HTTP: status, fields, cookies, and the page or JSON. Pure; any
// thread.

#include <cstdint>
#include <string_view>

#include "engine/http/gate/errand.h"
#include "engine/http/gate/front.h"
#include "engine/http/own_pages.h"
#include "verify/gate/view.h"

namespace sallyport::http_door {

/// Fills in `errand.answer` by its reply. A reply that holds says that nothing is new.
void write_reply(GateErrand& errand);

/// A page of the gate with its fields; as JSON for a script of ours.
void write_view(const GateFront& front, const verify::View& view, std::uint16_t status, bool script,
                OwnAnswer& answer);

/// What every page of the gate says to browsers. Its forms have to tell us where they come from:
/// with Referrer-Policy no-referrer their Origin would be "null" (Fetch §3.1), so it is
/// same-origin, which tells other hosts as little.
void add_gate_fields(const GateFront& front, http::Fields& fields);

/// Style, script or logo. `query`: of the target; `known`: If-None-Match, or empty.
void write_asset(const PageAsset& asset, std::string_view query, std::string_view known,
                 OwnAnswer& answer);

}  // namespace sallyport::http_door
