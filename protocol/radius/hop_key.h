#pragma once
// All that one shared secret is used for on one hop: authenticators, Message-Authenticator, hidden
// attributes. A hop of RADIUS/1.1 has no secret, and nothing is signed or hidden on it. The HMAC
// pads are computed once for each secret: they halve the blocks hashed for a request. Each digest
// can be had at once, or added to a batch that computes many side by side.

#include <cstdint>
#include <span>

#include "protocol/md5/batch.h"
#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/packet.h"
#include "protocol/secret.h"

namespace sallyport::radius {

/// HMAC-MD5 after the two pads of a secret (RFC 2104 §2). Key material: the owner wipes.
struct HmacPads {
  md5::State inner{};
  md5::State outer{};
};

/// The pads of many secrets, computed side by side. `out` has a place for each.
void compute_hmac_pads(std::span<const Octets> secrets, std::span<HmacPads> out) noexcept;

/// Immutable after construction; may be used by many threads at once.
class HopKey {
 public:
  /// Keeps a copy of the secret, wiped when destroyed.
  explicit HopKey(const Secret& secret) noexcept;
  /// For tables of many: the secret stays where it is, outlives the key, and is wiped by its owner.
  HopKey(Octets secret, const HmacPads& pads) noexcept;
  ~HopKey();
  HopKey(const HopKey&) = delete;
  HopKey& operator=(const HopKey&) = delete;

  /// Of every hop that speaks RADIUS/1.1 (RFC 9765 §3): TLS does what a secret would. Nothing may
  /// be computed with it.
  [[nodiscard]] static const HopKey& none() noexcept;
  /// Whether packets are signed and attributes hidden on this hop.
  [[nodiscard]] bool hides() const noexcept { return secret_ != nullptr; }

  /// The octets themselves. Never for a log, an error or a metric.
  [[nodiscard]] Octets secret() const noexcept { return {secret_, secret_octets_}; }

  /// MD5(Code+ID+Length+header_authenticator+Attributes+S): Response Authenticator (RFC 2865 §3)
  /// with the request's authenticator; Accounting/CoA/Disconnect Request Authenticator (RFC 2866
  /// §3, 5176 §2.3) with zeros.
  [[nodiscard]] Authenticator response_authenticator(Octets packet,
                                                     const Authenticator& header) const noexcept;

  /// HMAC-MD5 over the packet with `header` as authenticator and zeros as Message-Authenticator
  /// (RFC 3579 §3.2). `offset`: where the 16 value octets stand.
  [[nodiscard]] Authenticator message_authenticator(Octets packet, const Authenticator& header,
                                                    std::size_t offset) const noexcept;

  /// HMAC-MD5 of any octets (RFC 2104).
  [[nodiscard]] Authenticator hmac_md5(Octets octets) const noexcept;

  /// MD5(S + a + b): the pad that hides User-Password and salted attributes.
  [[nodiscard]] Authenticator pad(Octets a, Octets b = {}) const noexcept;

  /// MD5(authenticator + S): the pad that hides Ascend-Send-Secret and Ascend-Receive-Secret.
  [[nodiscard]] Authenticator ascend_pad(const Authenticator& authenticator) const noexcept;

  // The same in a batch. The octets are copied; this key must live, and `out` stay where it is,
  // until the batch has run.
  void add_response_authenticator(md5::Batch& batch, Octets packet, const Authenticator& header,
                                  Authenticator& out) const noexcept;
  void add_message_authenticator(md5::Batch& batch, Octets packet, const Authenticator& header,
                                 std::size_t offset, Authenticator& out) const noexcept;
  void add_pad(md5::Batch& batch, Octets a, Authenticator& out) const noexcept;
  /// MD5(octets + S).
  void add_keyed_md5(md5::Batch& batch, Octets octets, md5::Batch::Digest out) const noexcept;
  void add_hmac_md5(md5::Batch& batch, Octets octets, md5::Batch::Digest out) const noexcept;

 private:
  HopKey() noexcept : secret_(nullptr), secret_octets_(0), owns_secret_(false) {}

  HmacPads pads_;  ///< wiped when destroyed
  const std::uint8_t* secret_;
  std::uint16_t secret_octets_;
  bool owns_secret_;
};

/// What the authenticators of a received packet say.
enum class Authenticity : std::uint8_t {
  authentic,                  ///< every check that the packet allows has passed
  bad_message_authenticator,  ///< present and wrong
  bad_authenticator,  ///< Request Authenticator (accounting, CoA) or Response Authenticator wrong
};

/// Access-Request and Status-Server prove themselves by Message-Authenticator only (none present:
/// authentic, and the caller applies its policy); Accounting, CoA and Disconnect by their Request
/// Authenticator as well. A packet of RADIUS/1.1 is proved by the connection it came on; a response
/// of it by its Token.
[[nodiscard]] Authenticity verify_request(const PacketView& request, const HopKey& key) noexcept;
/// `request_authenticator`: of the request as we sent it on this hop.
[[nodiscard]] Authenticity verify_response(const PacketView& response, const HopKey& key,
                                           const Authenticator& request_authenticator) noexcept;

/// The same in a batch: add, run the batch, then judge. What the packet's authenticators must be.
struct Proof {
  Authenticator authenticator;
  Authenticator message_authenticator;
};
void add_request_proof(const PacketView& request, const HopKey& key, md5::Batch& batch,
                       Proof& proof) noexcept;
[[nodiscard]] Authenticity judge_request(const PacketView& request, const Proof& proof) noexcept;
void add_response_proof(const PacketView& response, const HopKey& key,
                        const Authenticator& request_authenticator, md5::Batch& batch,
                        Proof& proof) noexcept;
[[nodiscard]] Authenticity judge_response(const PacketView& response, const Proof& proof) noexcept;

}  // namespace sallyport::radius
