#include "engine/radius/spool/record.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <openssl/sha.h>

#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

class Hash {
 public:
  Hash() noexcept { SHA256_Init(&context_); }
  void add(Octets octets) noexcept { SHA256_Update(&context_, octets.data(), octets.size()); }
  void add(std::uint8_t octet) noexcept { add(Octets(&octet, 1)); }
  [[nodiscard]] std::array<std::uint8_t, SHA256_DIGEST_LENGTH> finish() noexcept {
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
    SHA256_Final(digest.data(), &context_);
    return digest;
  }

 private:
  SHA256_CTX context_;
};

/// What names a session beside the client's address (RFC 2866 §5.5: unique on one NAS).
constexpr radius::Type kNamesOfSession[] = {
    radius::Type::nas_ip_address, radius::Type::nas_ipv6_address, radius::Type::nas_identifier,
    radius::Type::acct_session_id};

constexpr std::size_t kDelayTimeValueOctets = 4;

std::uint32_t read_seconds(Octets value) noexcept {
  return std::uint32_t{value[0]} << 24 | std::uint32_t{value[1]} << 16 |
         std::uint32_t{value[2]} << 8 | value[3];
}

void write_seconds(std::uint64_t seconds, MutableOctets value) noexcept {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  const auto number = static_cast<std::uint32_t>(std::min(seconds, kMost));
  for (std::size_t i = 0; i < kDelayTimeValueOctets; ++i) {
    value[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  }
}

/// The record with its Acct-Delay-Time raised, in `out`; its length. Authenticators are not kept
/// up.
std::size_t write_delayed(const radius::PacketView& record, std::uint32_t waited_s,
                          MutableOctets out) noexcept {
  copy_octets(record.octets(), out);
  std::size_t octets = record.octets().size();
  std::size_t at = radius::kHeaderOctets;
  for (const radius::Attribute attribute : record) {
    at += attribute.whole.size();
    if (attribute.type != radius::Type::acct_delay_time ||
        attribute.value.size() != kDelayTimeValueOctets) {
      continue;
    }
    write_seconds(std::uint64_t{read_seconds(attribute.value)} + waited_s,
                  out.subspan(at - kDelayTimeValueOctets, kDelayTimeValueOctets));
    return octets;
  }
  out[octets] = static_cast<std::uint8_t>(radius::Type::acct_delay_time);
  out[octets + 1] = kDelayTimeOctets;
  write_seconds(waited_s, out.subspan(octets + 2, kDelayTimeValueOctets));
  octets += kDelayTimeOctets;
  out[2] = static_cast<std::uint8_t>(octets >> 8);
  out[3] = static_cast<std::uint8_t>(octets);
  return octets;
}

}  // namespace

RecordNames names_of(const IpAddress& client, const radius::PacketView& request) {
  Hash session;
  session.add(client.octets);
  for (const radius::Type type : kNamesOfSession) {
    const auto value = request.find(type);
    if (!value) continue;
    session.add(static_cast<std::uint8_t>(type));
    session.add(static_cast<std::uint8_t>(value->size()));
    session.add(*value);
  }
  Hash fingerprint;
  fingerprint.add(client.octets);
  fingerprint.add(request.identifier().value);
  fingerprint.add(request.authenticator().octets);

  RecordNames names{};
  const auto session_digest = session.finish();
  std::memcpy(&names.session, session_digest.data(), sizeof(names.session));
  names.session >>= 1;  // the database knows signed numbers alone
  const auto fingerprint_digest = fingerprint.finish();
  std::copy_n(fingerprint_digest.begin(), names.fingerprint.size(), names.fingerprint.begin());
  return names;
}

std::expected<std::size_t, radius::Untranslatable> write_delivery(const radius::PacketView& record,
                                                                  const DeliveryHop& hop,
                                                                  MutableOctets out) noexcept {
  const radius::RequestHop to_server{.client = hop.client,
                                     .downstream = hop.server,
                                     .identifier = hop.identifier,
                                     .authenticator = {},
                                     .proxy_state = hop.proxy_state};
  if (hop.waited_s == 0) return radius::translate_request(record, to_server, out);
  std::array<std::uint8_t, radius::kMaxPacketOctets + kDelayTimeOctets> delayed;
  const std::size_t octets = write_delayed(record, hop.waited_s, delayed);
  const auto view = radius::PacketView::parse(Octets(delayed).first(octets));
  if (!view) return std::unexpected(radius::Untranslatable::too_long);
  return radius::translate_request(*view, to_server, out);
}

}  // namespace sallyport::radius_door
