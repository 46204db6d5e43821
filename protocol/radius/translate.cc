#include "protocol/radius/translate.h"

#include <algorithm>
#include <array>

#include "protocol/check.h"
#include "protocol/radius/packet_writer.h"
#include "protocol/radius/rehide.h"
#include "protocol/radius/unhide.h"

namespace sallyport::radius {
namespace {

constexpr std::size_t kBlock = 16;
constexpr std::size_t kMaxUserPasswordOctets = 128;
constexpr std::size_t kChapPasswordOctets = 17;  // CHAP Ident and the digest

/// Replies that must carry a Message-Authenticator whatever the other hop sent: without it they can
/// be forged (CVE-2024-3596).
bool needs_message_authenticator(Code code) {
  return code == Code::access_accept || code == Code::access_reject ||
         code == Code::access_challenge || code == Code::protocol_error || code == Code::coa_ack ||
         code == Code::coa_nak || code == Code::disconnect_ack || code == Code::disconnect_nak;
}

/// Requests likewise. Accounting-Requests need none, and old servers expect none. But EAP-Message
/// never goes without (RFC 3579 §3.2), and RADIUS/1.1, where it does, tells nothing about that.
bool wants_message_authenticator(const PacketView& request) {
  const Code code = request.code();
  return code == Code::access_request || code == Code::coa_request ||
         code == Code::disconnect_request || request.has(Type::message_authenticator) ||
         request.has(Type::eap_message);
}

Untranslatable to_untranslatable(BadHiding bad) {
  return bad == BadHiding::user_password ? Untranslatable::bad_user_password
                                         : Untranslatable::bad_salted_attribute;
}

/// Copies attributes in runs as long as can be, and moves what is hidden in them to the next hop's
/// secret, or out of hiding or into it. Leaves out Message-Authenticator, and Proxy-State where
/// that is asked for; `user_name` and `password` take the place of the packet's, if set.
class Carrier {
 public:
  using Outcome = std::expected<void, Untranslatable>;

  Carrier(PacketWriter& writer, const HidingEnd& from, const HidingEnd& to,
          std::uint16_t first_salt, const HidingPads* password_pads,
          std::optional<Octets> password = {})
      : writer_(writer),
        to_(to),
        password_(password),
        from_hides_(from.key.hides()),
        to_hides_(to.key.hides()),
        rehider_(from, to, first_salt, password_pads),
        unhider_(from, to, first_salt) {}

  Outcome carry(const PacketView& packet, bool without_proxy_states,
                std::optional<std::string_view> user_name = {}) {
    run_ = packet.attributes().first(0);
    for (const Attribute attribute : packet) {
      Outcome carried;
      const bool renamed = user_name && attribute.type == Type::user_name;
      if (renamed || attribute.type == Type::message_authenticator ||
          (without_proxy_states && attribute.type == Type::proxy_state)) {
        carried = leave_out(attribute);
        if (carried && renamed && !writer_.add(Type::user_name, as_octets(*user_name)))
          carried = std::unexpected(Untranslatable::too_long);
      } else if (password_ && attribute.type == Type::user_password) {
        carried = replace_password(attribute, *password_);
      } else if (!may_hide(attribute.type) || (!from_hides_ && !to_hides_)) {
        run_ = Octets(run_.data(), run_.size() + attribute.whole.size());
        ++count_;
      } else {
        carried = from_hides_ && to_hides_ ? rehide(attribute) : rewrite(attribute);
      }
      if (!carried) return carried;
    }
    return flush();
  }

 private:
  /// Empty: there was nothing to copy, or no room.
  MutableOctets copy_run() { return run_.empty() ? MutableOctets() : writer_.copy(run_, count_); }
  /// The next run begins behind this attribute.
  void begin_behind(const Attribute& attribute) {
    run_ = Octets(attribute.whole.data() + attribute.whole.size(), 0);
    count_ = 0;
  }
  Outcome flush() {
    if (copy_run().size() != run_.size()) return std::unexpected(Untranslatable::too_long);
    return {};
  }
  Outcome leave_out(const Attribute& attribute) {
    const Outcome flushed = flush();
    begin_behind(attribute);
    return flushed;
  }
  Outcome rehide(const Attribute& attribute) {
    run_ = Octets(run_.data(), run_.size() + attribute.whole.size());
    ++count_;
    const MutableOctets copy = copy_run();
    if (copy.empty()) return std::unexpected(Untranslatable::too_long);
    const auto rehidden = rehider_.rehide(attribute, copy.last(attribute.value.size()));
    if (!rehidden) return std::unexpected(to_untranslatable(rehidden.error()));
    begin_behind(attribute);
    return {};
  }
  Outcome rewrite(const Attribute& attribute) {
    if (const Outcome flushed = leave_out(attribute); !flushed) return flushed;
    std::array<std::uint8_t, kMaxAttributeValueOctets> value;
    const auto octets = unhider_.rewrite(attribute, value);
    Outcome outcome;
    if (!octets) {
      outcome = std::unexpected(to_untranslatable(octets.error()));
    } else if (!writer_.add(attribute.type, Octets(value).first(*octets))) {
      outcome = std::unexpected(Untranslatable::too_long);
    }
    wipe(value);
    return outcome;
  }

  Outcome replace_password(const Attribute& attribute, Octets password) {
    if (const Outcome flushed = leave_out(attribute); !flushed) return flushed;
    std::array<std::uint8_t, kMaxUserPasswordOctets> hidden;
    Octets value = password;
    if (to_hides_)
      value =
          Octets(hidden).first(hide_user_password(password, to_.key, to_.authenticator, hidden));
    if (!writer_.add(Type::user_password, value)) return std::unexpected(Untranslatable::too_long);
    return {};
  }

  PacketWriter& writer_;
  const HidingEnd& to_;
  const std::optional<Octets> password_;
  const bool from_hides_;
  const bool to_hides_;
  Rehider rehider_;
  Unhider unhider_;
  Octets run_;  ///< of the packet, not copied yet
  std::size_t count_ = 0;
};

std::expected<void, Untranslatable> check_credentials(const PacketView& request) {
  if (!request.has(Type::chap_password)) return {};
  if (request.has(Type::user_password)) {
    return std::unexpected(Untranslatable::conflicting_passwords);
  }
  for (const Attribute attribute : request) {
    if (attribute.type == Type::chap_password && attribute.value.size() != kChapPasswordOctets) {
      return std::unexpected(Untranslatable::bad_chap_password);
    }
  }
  return {};
}

std::uint16_t big_endian16(Octets octets) {
  return static_cast<std::uint16_t>(octets[0] << 8 | octets[1]);
}

/// Fresh only where something may need it.
std::uint16_t first_salt(const PacketView& reply, RandomSource& random) {
  if (!reply.has(Type::tunnel_password) && !reply.has(Type::vendor_specific)) return 0;
  std::array<std::uint8_t, 2> salt{};
  random.fill(salt);
  return big_endian16(salt);
}

}  // namespace

std::expected<UnsignedPacket, Untranslatable> write_request(const PacketView& request,
                                                            const RequestHop& hop,
                                                            MutableOctets out) noexcept {
  const Role role = role_of(request.code());
  if (role != Role::access_request && role != Role::signed_request) {
    return std::unexpected(Untranslatable::wrong_code);
  }
  const bool access = role == Role::access_request;
  if (access) {
    if (const auto checked = check_credentials(request); !checked) {
      return std::unexpected(checked.error());
    }
  }

  PacketWriter writer(out, request.code(), hop.identifier);
  if (hop.downstream.hides() && wants_message_authenticator(request) &&
      !writer.add_message_authenticator()) {
    return std::unexpected(Untranslatable::too_long);
  }
  // The new authenticator is random, so salts that count up from it are as good as drawn ones.
  const HidingEnd to{hop.downstream, access ? hop.authenticator : Authenticator{}};
  Carrier carrier(writer, {hop.client, access ? request.authenticator() : Authenticator{}}, to,
                  big_endian16(hop.authenticator.octets), hop.password_pads, hop.password);
  if (const auto carried = carrier.carry(request, false, hop.user_name); !carried) {
    return std::unexpected(carried.error());
  }
  // RFC 2865 §2.3: the authenticator that we replace was the challenge.
  if (access && request.has(Type::chap_password) && !request.has(Type::chap_challenge)) {
    if (!hop.client.hides()) return std::unexpected(Untranslatable::bad_chap_password);
    if (!writer.add(Type::chap_challenge, request.authenticator().octets)) {
      return std::unexpected(Untranslatable::too_long);
    }
  }
  if (!hop.proxy_state.empty() && !writer.add(Type::proxy_state, hop.proxy_state)) {
    return std::unexpected(Untranslatable::too_long);
  }
  if (!hop.downstream.hides()) return writer.finish_with_token(hop.authenticator);
  return access ? writer.finish_access_request(hop.downstream, hop.authenticator)
                : writer.finish(hop.downstream, Authenticator{});
}

std::size_t room_for(const PacketView& packet, const HopKey& from, const HopKey& to,
                     std::size_t more) noexcept {
  if (from.hides() != to.hides()) return kMaxPacketOctets;  // what is hidden changes its length
  return std::min(packet.octets().size() + kMaxGrowthOctets + more, kMaxPacketOctets);
}

std::expected<std::size_t, Untranslatable> translate_request(const PacketView& request,
                                                             const RequestHop& hop,
                                                             MutableOctets out) noexcept {
  const auto written = write_request(request, hop, out);
  if (!written) return std::unexpected(written.error());
  return written->sign();
}

std::expected<UnsignedPacket, Untranslatable> write_reply(const PacketView& reply,
                                                          const ReplyHop& hop,
                                                          MutableOctets out) noexcept {
  if (role_of(reply.code()) != Role::reply) {
    return std::unexpected(Untranslatable::wrong_code);
  }
  PacketWriter writer(out, reply.code(), hop.client_identifier);
  if (hop.client.hides() &&
      (needs_message_authenticator(reply.code()) || reply.has(Type::message_authenticator) ||
       reply.has(Type::eap_message)) &&
      !writer.add_message_authenticator()) {
    return std::unexpected(Untranslatable::too_long);
  }
  const HidingEnd to{hop.client, hop.client_authenticator};
  Carrier carrier(writer, {hop.downstream, hop.downstream_authenticator}, to,
                  first_salt(reply, hop.random), nullptr);
  // The downstream's echo of Proxy-State is not trusted: the client gets its own list back.
  if (const auto carried = carrier.carry(reply, true); !carried) {
    return std::unexpected(carried.error());
  }
  if (!writer.copy_all(hop.client_proxy_states)) return std::unexpected(Untranslatable::too_long);
  if (!hop.client.hides()) return writer.finish_with_token(hop.client_authenticator);
  return writer.finish(hop.client, hop.client_authenticator);
}

std::expected<std::size_t, Untranslatable> translate_reply(const PacketView& reply,
                                                           const ReplyHop& hop,
                                                           MutableOctets out) noexcept {
  const auto written = write_reply(reply, hop, out);
  if (!written) return std::unexpected(written.error());
  return written->sign();
}

namespace {

/// The longest beginning that is at most 253 octets and does not cut a UTF-8 character in two.
std::string_view fitting(std::string_view text) {
  if (text.size() <= kMaxAttributeValueOctets) return text;
  std::size_t end = kMaxAttributeValueOctets;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

std::size_t write_local_reply(const LocalReply& reply, MutableOctets out) noexcept {
  PacketWriter writer(out, reply.code, reply.client_identifier);
  if (reply.client.hides() && needs_message_authenticator(reply.code)) {
    CHECK(writer.add_message_authenticator());
  }
  if (reply.eap_failure_identifier) {
    // RFC 3748 §4.2: Code 4 (Failure), Identifier, Length 4.
    const std::array<std::uint8_t, 4> failure{4, *reply.eap_failure_identifier, 0, 4};
    CHECK(writer.add(Type::eap_message, failure));
  }
  if (reply.error_cause != ErrorCause::none) {
    const auto cause = static_cast<std::uint32_t>(reply.error_cause);
    const std::array<std::uint8_t, 4> value{
        static_cast<std::uint8_t>(cause >> 24), static_cast<std::uint8_t>(cause >> 16),
        static_cast<std::uint8_t>(cause >> 8), static_cast<std::uint8_t>(cause)};
    CHECK(writer.add(Type::error_cause, value));
  }
  // Proxy-States must return, the Reply-Message need not: it yields when there is no room for both.
  const std::string_view message = fitting(reply.reply_message);
  const std::size_t states = count_attributes(reply.client_proxy_states);
  const bool room = writer.fits(2 + message.size() + reply.client_proxy_states.size(), 1 + states);
  if (!message.empty() && room) CHECK(writer.add(Type::reply_message, as_octets(message)));
  if (!writer.copy_all(reply.client_proxy_states)) return 0;
  if (!reply.client.hides()) return writer.finish_with_token(reply.client_authenticator).size();
  return writer.sign(reply.client, reply.client_authenticator);
}

std::size_t copy_proxy_states(const PacketView& packet, bool skip_last,
                              MutableOctets out) noexcept {
  if (!packet.has(Type::proxy_state)) return 0;
  std::size_t used = 0;
  std::size_t last = 0;  // where the last one began
  for (const Attribute attribute : packet) {
    if (attribute.type != Type::proxy_state) continue;
    CHECK(attribute.whole.size() <= out.size() - used);
    copy_octets(attribute.whole, out.subspan(used));
    last = used;
    used += attribute.whole.size();
  }
  return skip_last ? last : used;
}

std::optional<std::size_t> reveal_user_password(Octets hidden, const HopKey& key,
                                                const Authenticator& request_authenticator,
                                                MutableOctets out) noexcept {
  if (hidden.empty() || hidden.size() % kBlock != 0 || hidden.size() > kMaxUserPasswordOctets ||
      hidden.size() > out.size()) {
    return std::nullopt;
  }
  Octets chain = request_authenticator.octets;
  for (std::size_t at = 0; at < hidden.size(); at += kBlock) {
    const Authenticator pad = key.pad(chain);
    for (std::size_t i = 0; i < kBlock; ++i) {
      out[at + i] = static_cast<std::uint8_t>(hidden[at + i] ^ pad.octets[i]);
    }
    chain = hidden.subspan(at, kBlock);
  }
  std::size_t length = hidden.size();
  while (length > 0 && out[length - 1] == 0) --length;
  return length;
}

std::size_t hide_user_password(Octets clear, const HopKey& key,
                               const Authenticator& request_authenticator,
                               MutableOctets out) noexcept {
  CHECK(!clear.empty() && clear.size() <= kMaxUserPasswordOctets &&
        out.size() >= kMaxUserPasswordOctets);
  const std::size_t octets = (clear.size() + kBlock - 1) / kBlock * kBlock;
  Octets chain = request_authenticator.octets;
  for (std::size_t at = 0; at < octets; at += kBlock) {
    const Authenticator pad = key.pad(chain);
    for (std::size_t i = 0; i < kBlock; ++i) {
      const std::uint8_t octet = at + i < clear.size() ? clear[at + i] : 0;
      out[at + i] = static_cast<std::uint8_t>(octet ^ pad.octets[i]);
    }
    chain = out.subspan(at, kBlock);
  }
  return octets;
}

const char* to_text(Untranslatable reason) noexcept {
  switch (reason) {
    case Untranslatable::too_long: return "too_long";
    case Untranslatable::bad_user_password: return "bad_user_password";
    case Untranslatable::bad_chap_password: return "bad_chap_password";
    case Untranslatable::conflicting_passwords: return "conflicting_passwords";
    case Untranslatable::bad_salted_attribute: return "bad_salted_attribute";
    case Untranslatable::wrong_code: return "wrong_code";
  }
  return "unknown";
}

}  // namespace sallyport::radius
