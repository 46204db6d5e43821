#pragma once
// What tells one simulated user from another in a request: User-Name, NAS-Port and
// Calling-Station-Id, all of fixed length.

#include <cstdint>
#include <expected>
#include <string>

#include "bench/load/workload/numbered_text.h"
#include "bench/load/workload/request_template.h"
#include "bench/load/workload/session.h"
#include "bench/load/workload/workload.h"

namespace sallyport::lab {

class UserFields {
 public:
  /// An error says what is wrong with the pattern, or that it names too few users.
  [[nodiscard]] static std::expected<UserFields, std::string> make(
      const WorkloadSettings& settings);

  [[nodiscard]] std::size_t name_octets() const noexcept { return name_.octets(); }
  /// Adds them, and the NAS-IP-Address of all.
  void add_to(RequestTemplate& request);
  /// Fills them in for the session's user.
  void fill(RequestCopy& request, const Session& session) const noexcept;
  /// The User-Name of a copy that was filled in.
  [[nodiscard]] Octets name(RequestCopy& request) const noexcept {
    return request.at(name_offset_, name_.octets());
  }

 private:
  UserFields(NumberedText name, std::uint64_t users) : name_(std::move(name)), users_(users) {}

  NumberedText name_;
  std::uint64_t users_;
  std::size_t name_offset_ = 0;
  std::size_t port_offset_ = 0;
  std::size_t station_offset_ = 0;
};

}  // namespace sallyport::lab
