#pragma once
// A peer's certificate against rules of names and fingerprints. Pure.

#include <vector>

#include "engine/config/radsec.h"
#include "engine/ring/tls_peer.h"

namespace sallyport::radius_door {

/// Whether the certificate is what one of the rules says.
[[nodiscard]] bool fits_any(const std::vector<config::CertificateRule>& rules,
                            const ring::TlsPeer& peer) noexcept;

}  // namespace sallyport::radius_door
