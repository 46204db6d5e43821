#pragma once
// Carries a packet from one hop to the next: other secret, other authenticator, hidden attributes
// re-encrypted, Message-Authenticator first, Proxy-State last. A hop may be one of RADIUS/1.1 (RFC
// 9765): its key is HopKey::none(), its Identifier 0, its authenticator the Token and zeros.
// Everything unknown passes untouched (RFC 6929 §5.2).

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"
#include "protocol/radius/rehide.h"
#include "protocol/radius/unsigned_packet.h"
#include "protocol/random.h"

namespace sallyport::radius {

/// Why a packet cannot be carried over. The packet is dropped and counted; nothing is sent.
enum class Untranslatable : std::uint8_t {
  too_long,               ///< would exceed 4096 octets or kMaxAttributes with ours added
  bad_user_password,      ///< length not a multiple of 16 in 16..128 (RFC 2865 §5.2)
  bad_chap_password,      ///< length other than 17 (RFC 2865 §5.3), or no CHAP-Challenge where
                          ///< there is no authenticator to be one (RFC 9765 §5.1)
  conflicting_passwords,  ///< both User-Password and CHAP-Password (RFC 2865 §4.1)
  bad_salted_attribute,   ///< salted attribute whose length cannot be (RFC 2868 §3.5)
  wrong_code,             ///< a code that this direction does not carry
};
[[nodiscard]] const char* to_text(Untranslatable reason) noexcept;

/// Request: client's hop → downstream's hop.
struct RequestHop {
  const HopKey& client;         ///< secret of the client's hop
  const HopKey& downstream;     ///< secret of the downstream's hop
  Identifier identifier = {};   ///< towards the downstream
  Authenticator authenticator;  ///< random; towards the downstream. Accounting computes its own
  Octets proxy_state;           ///< our own Proxy-State value, added after all others (RFC 2865
                                ///< §5.33); empty: the request ends with it already
  /// Goes in the place of the request's User-Name, if set; at most 253 octets.
  std::optional<std::string_view> user_name = {};
  /// In clear, 1..128 octets: goes, hidden, in the place of the request's User-Password, if set.
  std::optional<Octets> password = {};
  /// Of this User-Password, where they were computed before; null: computed when needed.
  const HidingPads* password_pads = nullptr;
};

/// What a translated packet may be longer than the one it comes from, Proxy-States left aside:
/// Message-Authenticator and CHAP-Challenge.
inline constexpr std::size_t kMaxGrowthOctets = 18 + 18;
/// Room for `packet`, carried from one hop to the other, with `more` octets of Proxy-States.
[[nodiscard]] std::size_t room_for(const PacketView& packet, const HopKey& from, const HopKey& to,
                                   std::size_t more) noexcept;

/// Writes the packet to send downstream into `out`, which has room for the request, its growth and
/// our Proxy-State (4096 octets are always enough), and returns its length. Access-Request gets a
/// Message-Authenticator as its first attribute; a CHAP-Password without CHAP-Challenge gets the
/// old Request Authenticator as CHAP-Challenge (RFC 2865 §2.3). CoA-Request and Disconnect-Request
/// get a Message-Authenticator, too (RFC 5176 §3.6 allows one).
[[nodiscard]] std::expected<std::size_t, Untranslatable> translate_request(
    const PacketView& request, const RequestHop& hop, MutableOctets out) noexcept;
/// The same, not signed yet. Refers to hop.downstream.
[[nodiscard]] std::expected<UnsignedPacket, Untranslatable> write_request(
    const PacketView& request, const RequestHop& hop, MutableOctets out) noexcept;

/// Reply: downstream's hop → client's hop.
struct ReplyHop {
  const HopKey& downstream;
  Authenticator downstream_authenticator;  ///< Request Authenticator that we sent downstream
  const HopKey& client;
  Identifier client_identifier;        ///< of the client's request
  Authenticator client_authenticator;  ///< Request Authenticator of the client's request
  Octets client_proxy_states;  ///< the client's Proxy-State attributes whole, in order: they and
                               ///< only they return
  RandomSource& random;        ///< fresh salts (RFC 2868 §3.5: unique within a packet, top bit set)
};

/// Writes the reply for the client, signed, into `out`, which has room for the reply, its growth
/// and the client's Proxy-States (4096 octets are always enough), and returns its length.
[[nodiscard]] std::expected<std::size_t, Untranslatable> translate_reply(
    const PacketView& reply, const ReplyHop& hop, MutableOctets out) noexcept;
/// The same, not signed yet. Refers to hop.client.
[[nodiscard]] std::expected<UnsignedPacket, Untranslatable> write_reply(const PacketView& reply,
                                                                        const ReplyHop& hop,
                                                                        MutableOctets out) noexcept;

/// A reply of our own: reject after a verdict, answer to Status-Server, acknowledgement of stored
/// accounting, NAK to a request that cannot reach its NAS.
struct LocalReply {
  Code code;
  const HopKey& client;
  Identifier client_identifier;
  Authenticator client_authenticator;
  Octets client_proxy_states;
  std::string_view reply_message;  ///< empty: none; longer than 253 octets: cut at a UTF-8 boundary
  std::optional<std::uint8_t>
      eap_failure_identifier;  ///< set: EAP-Message EAP-Failure with it (RFC 3579 §2.2)
  ErrorCause error_cause = ErrorCause::none;  ///< of a CoA-NAK or Disconnect-NAK
};
/// Writes it, signed, and but for an Accounting-Response with a Message-Authenticator first, into
/// `out` (4096 octets) and returns its length. Without room for all the Reply-Message is left out.
/// 0: even so there is none. It cannot happen where the request was a Status-Server, or was carried
/// by translate_request (which made room for a Message-Authenticator and a Proxy-State of ours,
/// longer than an EAP-Failure).
[[nodiscard]] std::size_t write_local_reply(const LocalReply& reply, MutableOctets out) noexcept;

/// Copies the Proxy-State attributes of `packet`, whole and in order, into `out` (room for all of
/// them: at most packet.attributes().size() octets); returns the octets written. `skip_last`:
/// leaves out the last one (our own, when reading back what we sent downstream).
[[nodiscard]] std::size_t copy_proxy_states(const PacketView& packet, bool skip_last,
                                            MutableOctets out) noexcept;

/// User-Password in clear (RFC 2865 §5.2), trailing zeros stripped, into `out` (128 octets). For
/// the credentials' fingerprint; wipe it after use.
[[nodiscard]] std::optional<std::size_t> reveal_user_password(
    Octets hidden, const HopKey& key, const Authenticator& request_authenticator,
    MutableOctets out) noexcept;

/// Hides a User-Password of 1..128 octets (RFC 2865 §5.2) into `out` (128 octets); returns the
/// octets written, a multiple of 16.
[[nodiscard]] std::size_t hide_user_password(Octets clear, const HopKey& key,
                                             const Authenticator& request_authenticator,
                                             MutableOctets out) noexcept;

}  // namespace sallyport::radius
