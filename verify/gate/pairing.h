#pragma once
// A device has two addresses, IPv4 and IPv6, and shows one of them at a time. "My access" leads to
// a name of the gate that the other one reaches, with a token: sealed, short-lived, good once. No
// cookie goes along, and making one changes nothing. Any thread.

#include <string>

#include "verify/gate/core.h"
#include "verify/gate/sessions.h"

namespace sallyport::verify {

/// Where the device's other address joins. Empty: nowhere.
[[nodiscard]] std::string pair_url_of(const Turn& turn, const SignedIn& who);

}  // namespace sallyport::verify
