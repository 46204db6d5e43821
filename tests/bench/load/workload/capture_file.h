#pragma once
// Capture files for tests, octet by octet.

#include <cstdint>

#include "tests/protocol/radius/wire.h"

namespace sallyport::lab::testing {

using radius::wire::Bytes;

Bytes udp(const Bytes& payload);  ///< with its header
Bytes ipv4(const Bytes& udp_datagram, std::uint16_t fragment_field = 0, std::uint8_t options = 0);
Bytes ipv6(const Bytes& udp_datagram);
Bytes ethernet(std::uint16_t ether_type, const Bytes& packet);

struct FileFormat {
  bool big_endian = false;
  bool nanoseconds = false;
  std::uint32_t link = 1;
};
/// Builds a file, record by record.
class CaptureFile {
 public:
  explicit CaptureFile(const FileFormat& format);
  /// `fraction`: micro- or nanoseconds, as the format has it. `cut`: octets that were not kept.
  CaptureFile& add(std::uint32_t seconds, std::uint32_t fraction, const Bytes& frame,
                   std::uint32_t cut = 0);
  [[nodiscard]] const Bytes& octets() const { return octets_; }

 private:
  void number(std::uint32_t value);
  FileFormat format_;
  Bytes octets_;
};

}  // namespace sallyport::lab::testing
