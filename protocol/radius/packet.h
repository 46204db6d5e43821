#pragma once
// A validated view of one RADIUS packet in a receive buffer: nothing is copied, nothing is parsed
// twice. RFC 2865 §3 and §5; discard rules in docs/radius.md.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/codes.h"

namespace sallyport::radius {

/// Why a datagram is not a RADIUS packet. Each is a drop counter of its own.
enum class Malformed : std::uint8_t {
  too_short,                                    ///< fewer than 20 octets
  unknown_code,                                 ///< a Code that is not in codes.h
  length_below_minimum,                         ///< Length < 20
  length_above_maximum,                         ///< Length > 4096
  length_beyond_datagram,                       ///< Length > octets received
  attribute_header_truncated,                   ///< one octet left over after the last attribute
  attribute_type_zero,                          ///< type 0 is not assigned
  attribute_length_below_two,                   ///< would never advance
  attribute_beyond_packet,                      ///< attribute reaches past Length
  too_many_attributes,                          ///< more than kMaxAttributes
  message_authenticator_length,                 ///< Message-Authenticator that is not 18 octets
  message_authenticator_twice,                  ///< more than one
  eap_without_message_authenticator,            ///< RFC 3579 §3.1
  status_server_without_message_authenticator,  ///< RFC 5997 §3
};
inline constexpr std::size_t kMalformedReasons = 14;
inline constexpr std::size_t kMaxAttributes = 255;

/// Stable, lower-case text for logs and metric labels, e.g. "attribute_type_zero".
[[nodiscard]] const char* to_text(Malformed reason) noexcept;

struct Attribute {
  Type type;
  Octets value;  ///< without type and length; 0..253 octets
  Octets whole;  ///< with them
};

/// Valid as long as the buffer it was parsed from. Cheap to copy.
class PacketView {
 public:
  /// Octets past Length are padding and not part of the view. In a packet of RADIUS/1.1 a
  /// Message-Authenticator counts for nothing, as if it were not there (RFC 9765 §5.2).
  [[nodiscard]] static std::expected<PacketView, Malformed> parse(
      Octets datagram, Version version = Version::v1_0) noexcept;

  [[nodiscard]] Code code() const noexcept { return static_cast<Code>(octets_[0]); }
  [[nodiscard]] Version version() const noexcept { return version_; }
  /// RADIUS/1.1: 0, whatever is in the reserved field.
  [[nodiscard]] Identifier identifier() const noexcept {
    return {version_ == Version::v1_0 ? octets_[1] : std::uint8_t{0}};
  }
  /// RADIUS/1.1: the Token and zeros, whatever is in the reserved field.
  [[nodiscard]] Authenticator authenticator() const noexcept;
  [[nodiscard]] Octets octets() const noexcept { return octets_; }
  [[nodiscard]] Octets attributes() const noexcept { return octets_.subspan(kHeaderOctets); }

  class Iterator {
   public:
    explicit Iterator(Octets rest) : rest_(rest) {}
    Attribute operator*() const noexcept {
      const Octets whole = rest_.first(rest_[1]);
      return {static_cast<Type>(whole[0]), whole.subspan(2), whole};
    }
    Iterator& operator++() noexcept {
      rest_ = rest_.subspan(rest_[1]);
      return *this;
    }
    bool operator==(const Iterator& other) const noexcept {
      return rest_.size() == other.rest_.size();
    }

   private:
    Octets rest_;
  };
  [[nodiscard]] Iterator begin() const noexcept { return Iterator(attributes()); }
  [[nodiscard]] Iterator end() const noexcept { return Iterator(octets_.last(0)); }

  /// Value of the first attribute of this type.
  [[nodiscard]] std::optional<Octets> find(Type type) const noexcept;
  [[nodiscard]] bool has(Type type) const noexcept { return seen(static_cast<std::uint8_t>(type)); }
  /// How many attributes there are.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// Offset of the Message-Authenticator's 16 value octets from the packet's start; 0 when there is
  /// none.
  [[nodiscard]] std::size_t message_authenticator_offset() const noexcept {
    return message_authenticator_;
  }

 private:
  [[nodiscard]] bool seen(std::uint8_t type) const noexcept {
    return (seen_[type >> 6] >> (type & 63)) & 1;
  }

  Octets octets_;
  std::uint64_t seen_[4] = {};  ///< one bit for each attribute type present
  std::uint16_t message_authenticator_ = 0;
  std::uint16_t count_ = 0;
  Version version_ = Version::v1_0;
};

/// Of attributes that stand one behind the other, as PacketView has validated them.
[[nodiscard]] std::size_t count_attributes(Octets attributes) noexcept;

}  // namespace sallyport::radius
