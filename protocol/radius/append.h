#pragma once
// Attributes that are added to a reply which is written and signed already.

#include <cstddef>

#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/hop_key.h"

namespace sallyport::radius {

/// `buffer` begins with a signed reply of `octets`; `attributes` are whole ones. Adds them behind
/// all others, signs the packet anew and returns its length. 0: the buffer or the packet (4096
/// octets, 255 attributes) has no room for them; the reply is as it was.
[[nodiscard]] std::size_t append_attributes(MutableOctets buffer, std::size_t octets,
                                            Octets attributes, const HopKey& key,
                                            const Authenticator& request_authenticator) noexcept;

}  // namespace sallyport::radius
