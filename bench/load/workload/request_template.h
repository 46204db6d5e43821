#pragma once
// A request made once and copied for each session: what differs between sessions is written over
// its copy, then the copy is signed. So no attribute is laid out while the load runs.

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "bench/load/workload/session.h"
#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/hop_key.h"

namespace sallyport::lab {

/// What the copies may grow by: a State, and an EAP-Message.
inline constexpr std::size_t kMaxAppendedOctets = 2 + Session::kMaxStateOctets + 255;
/// The longest request that can be asked for.
inline constexpr std::size_t kMaxRequestOctets = 3'700;
static_assert(kMaxRequestOctets + kMaxAppendedOctets <= radius::kMaxPacketOctets);

/// Laid out at construction of a workload, immutable after.
class RequestTemplate {
 public:
  /// Without `message_authenticator` there is none; else it is the first attribute.
  RequestTemplate(radius::Code code, bool message_authenticator);

  /// Where the value stands, from the packet's start. `value`: 1..253 octets.
  std::size_t add(std::uint8_t type, Octets value);
  std::size_t add(radius::Type type, Octets value) {
    return add(static_cast<std::uint8_t>(type), value);
  }
  std::size_t add_number(std::uint8_t type, std::uint32_t value);
  /// Vendor-Specific with one attribute (RFC 2865 §5.26); where that one's value stands.
  std::size_t add_vendor(std::uint32_t vendor, std::uint8_t type, Octets value);
  /// NAS-Identifier: the attribute that pad() lengthens first.
  void add_nas_identifier();
  /// Fills up to exactly `octets`; 0: as it is. `appended`: octets that each first request gets
  /// behind it. An error says how short a request can be.
  [[nodiscard]] std::expected<void, std::string> pad(std::size_t octets, std::size_t appended = 0);

  [[nodiscard]] std::size_t octets() const noexcept { return packet_.size(); }
  [[nodiscard]] MutableOctets text(std::size_t offset, std::size_t octets) noexcept {
    return MutableOctets(packet_).subspan(offset, octets);
  }

 private:
  friend class RequestCopy;
  std::vector<std::uint8_t> packet_;
  std::size_t nas_identifier_ = 0;  ///< where the attribute begins
  bool message_authenticator_;
};

/// One copy, being made into a request.
class RequestCopy {
 public:
  /// `out` holds the template and what is appended, and outlives the copy, as the template does.
  RequestCopy(const RequestTemplate& request, std::uint8_t identifier, MutableOctets out) noexcept;

  [[nodiscard]] MutableOctets at(std::size_t offset, std::size_t octets) noexcept {
    return out_.subspan(offset, octets);
  }
  void put_number(std::size_t offset, std::uint32_t value) noexcept;
  /// `value`: at most kMaxAppendedOctets in all.
  void append(std::uint8_t type, Octets value) noexcept;
  void append(radius::Type type, Octets value) noexcept {
    append(static_cast<std::uint8_t>(type), value);
  }

  void set_authenticator(const radius::Authenticator& authenticator) noexcept;
  /// Access-Request and Status-Server, whose authenticator has been set. The packet's length.
  [[nodiscard]] std::size_t sign_access(const radius::HopKey& key) noexcept;
  /// Accounting, CoA and Disconnect, whose authenticator is computed. The packet's length.
  [[nodiscard]] std::size_t sign_computed(const radius::HopKey& key) noexcept;

 private:
  void fill_length() noexcept;
  void fill_message_authenticator(const radius::HopKey& key) noexcept;

  MutableOctets out_;
  std::size_t used_;
  bool message_authenticator_;
};

/// User-Password of RFC 2865 §5.2 into `out`, as long as the padded password: a multiple of 16.
void hide_password(Octets password, const radius::HopKey& key,
                   const radius::Authenticator& authenticator, MutableOctets out) noexcept;
/// Octets of it: at least one block.
[[nodiscard]] constexpr std::size_t hidden_password_octets(std::size_t password) noexcept {
  return password == 0 ? 16 : (password + 15) / 16 * 16;
}

}  // namespace sallyport::lab
