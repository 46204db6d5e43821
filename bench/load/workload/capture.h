#pragma once
// RADIUS requests read from a capture file (pcap: the classic format, microseconds or nanoseconds,
// either byte order; Ethernet with VLAN tags, Linux cooked v1 and v2, raw IP, BSD loopback). Of all
// packets the UDP payloads that parse as RADIUS requests are kept, others are counted.

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "protocol/octets.h"

namespace sallyport::lab {

/// Immutable once read; may be shared by threads.
class Capture {
 public:
  /// An error is one line that names the file and what is wrong with it.
  [[nodiscard]] static std::expected<Capture, std::string> read(const std::string& path);
  /// `file`: what a capture file holds.
  [[nodiscard]] static std::expected<Capture, std::string> parse(Octets file);

  [[nodiscard]] std::size_t size() const noexcept { return requests_.size(); }
  [[nodiscard]] Octets request(std::size_t index) const noexcept {
    return Octets(octets_).subspan(requests_[index].offset, requests_[index].length);
  }
  /// Nanoseconds after the first request; never falls.
  [[nodiscard]] std::uint64_t time_ns(std::size_t index) const noexcept {
    return requests_[index].time_ns;
  }
  /// Packets that were no RADIUS request over unfragmented UDP, or cut short by the capture.
  [[nodiscard]] std::uint64_t passed_over() const noexcept { return passed_over_; }

 private:
  struct Request {
    std::uint64_t time_ns;
    std::size_t offset;
    std::size_t length;
  };

  std::vector<std::uint8_t> octets_;
  std::vector<Request> requests_;
  std::uint64_t passed_over_ = 0;
};

}  // namespace sallyport::lab
