#pragma once
// ADDRESS_SECRET_IN of Notakey's proxy: "192.0.2.1:secret", several with commas between. Addresses
// may be prefixes, IPv6 stands in brackets: "[2001:db8::1]:secret", "[2001:db8::/32]:secret". A
// secret may hold anything, commas and colons too: a comma begins a new pair only when an address
// and a colon follow it.

#include <string_view>
#include <vector>

#include "engine/config/mistake.h"
#include "protocol/ip_address.h"
#include "protocol/secret.h"

namespace sallyport::config {

struct AddressSecret {
  Prefix prefix;
  Secret secret;
};

struct AddressSecrets {
  std::vector<AddressSecret> pairs;
  std::vector<Complaint> mistakes;  ///< name pairs by their number: no text of theirs is repeated
  std::vector<Complaint> warnings;
};

[[nodiscard]] AddressSecrets parse_address_secrets(std::string_view text);

}  // namespace sallyport::config
