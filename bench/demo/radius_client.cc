#include "bench/demo/radius_client.h"

#include <algorithm>
#include <array>

#include <sys/socket.h>

#include "protocol/check.h"
#include "protocol/radius/packet.h"

namespace sallyport::lab {
namespace {

constexpr std::size_t kBlock = 16;
/// Message-Authenticator stands first: right after the header, its type and its length.
constexpr std::size_t kSignatureOffset = radius::kHeaderOctets + 2;

/// User-Password as RFC 2865 §5.2 hides it.
std::vector<std::uint8_t> hide(std::string_view password, const radius::HopKey& key,
                               const radius::Authenticator& authenticator) {
  std::vector<std::uint8_t> hidden(password.begin(), password.end());
  hidden.resize(std::max<std::size_t>(1, (hidden.size() + kBlock - 1) / kBlock) * kBlock);
  radius::Authenticator pad = key.pad(authenticator.octets);
  for (std::size_t at = 0; at < hidden.size(); at += kBlock) {
    for (std::size_t i = 0; i < kBlock; ++i) hidden[at + i] ^= pad.octets[i];
    pad = key.pad(Octets(hidden).subspan(at, kBlock));
  }
  return hidden;
}

}  // namespace

RadiusClient::RadiusClient(const Endpoint& server, const Secret& secret) : key_(secret) {
  sockaddr_storage address{};
  const socklen_t length = server.fill(address);
  socket_ = Descriptor(::socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket_ && ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
    socket_.reset();
}

void RadiusClient::send_status() {
  begin(radius::Code::status_server);
  finish_and_send();
}

void RadiusClient::send_login(std::string_view user, std::string_view password) {
  begin(radius::Code::access_request);
  add(radius::Type::user_name, as_octets(user));
  add(radius::Type::user_password, hide(password, key_, authenticator_));
  add(radius::Type::nas_identifier, as_octets("sallyport-lab"));
  add(radius::Type::calling_station_id, as_octets("198.51.100.7"));
  finish_and_send();
}

std::optional<RadiusAnswer> RadiusClient::receive() {
  std::array<std::uint8_t, radius::kMaxPacketOctets> buffer;
  for (;;) {
    const ssize_t length = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (length < 0) return std::nullopt;  // nothing there, or nobody listens yet
    const auto answer =
        radius::PacketView::parse(Octets(buffer).first(static_cast<std::size_t>(length)));
    if (!answer || answer->identifier() != identifier_) continue;
    if (radius::verify_response(*answer, key_, authenticator_) != radius::Authenticity::authentic)
      continue;
    const auto message = answer->find(radius::Type::reply_message).value_or(Octets{});
    return RadiusAnswer{.code = answer->code(), .reply_message = std::string(as_text(message))};
  }
}

void RadiusClient::begin(radius::Code code) {
  ++identifier_.value;
  random_.fill(authenticator_.octets);
  packet_ = {static_cast<std::uint8_t>(code), identifier_.value, 0, 0};
  packet_.insert(packet_.end(), authenticator_.octets.begin(), authenticator_.octets.end());
  add(radius::Type::message_authenticator, std::array<std::uint8_t, 16>{});
}

void RadiusClient::add(radius::Type type, Octets value) {
  CHECK(value.size() <= radius::kMaxAttributeValueOctets);
  packet_.push_back(static_cast<std::uint8_t>(type));
  packet_.push_back(static_cast<std::uint8_t>(value.size() + 2));
  packet_.insert(packet_.end(), value.begin(), value.end());
}

void RadiusClient::finish_and_send() {
  packet_[2] = static_cast<std::uint8_t>(packet_.size() >> 8);
  packet_[3] = static_cast<std::uint8_t>(packet_.size());
  const auto signature = key_.message_authenticator(packet_, authenticator_, kSignatureOffset);
  std::ranges::copy(signature.octets, packet_.begin() + kSignatureOffset);
  // Lost, or refused because nobody listens yet: the caller asks again.
  ::send(socket_.get(), packet_.data(), packet_.size(), MSG_NOSIGNAL);
}

}  // namespace sallyport::lab
