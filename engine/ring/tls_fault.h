#pragma once
// Why a peer's certificate was refused, as far as somebody can do something about it.

#include <cstdint>

namespace sallyport::ring {

enum class TlsCertificateFault : std::uint8_t {
  none,
  untrusted,  ///< nobody whom we trust has signed it
  expired,    ///< it, or one of those that sign it, is not valid now
  name,       ///< it is for another name or address
  other,
};

}  // namespace sallyport::ring
