#include "engine/radius/sender_note.h"

#include <cstring>

#include <arpa/inet.h>

namespace sallyport::radius_door {
namespace {

/// An address attribute as text, without the heap; empty when its length is wrong.
void assign_address(verify::ShortText<64>& text, Octets value) noexcept {
  char buffer[INET6_ADDRSTRLEN];
  const int family = value.size() == 4 ? AF_INET : AF_INET6;
  if (value.size() != 4 && value.size() != 16) return;
  if (inet_ntop(family, value.data(), buffer, sizeof(buffer)) != nullptr)
    text.assign(std::string_view(buffer));
}

std::size_t write_text(std::string_view text, MutableOctets out) noexcept {
  out[0] = static_cast<std::uint8_t>(text.size());
  if (!text.empty()) std::memcpy(&out[1], text.data(), text.size());
  return 1 + text.size();
}

std::string_view read_text(Octets& octets) noexcept {
  const std::size_t length = octets[0];
  const std::string_view text = as_text(octets.subspan(1, length));
  octets = octets.subspan(1 + length);
  return text;
}

}  // namespace

SenderNote SenderNote::of(const radius::PacketView& request, std::string_view user) noexcept {
  SenderNote note;
  note.user.assign(user);
  if (const auto station = request.find(radius::Type::calling_station_id))
    note.calling_station.assign(*station);
  if (const auto identifier = request.find(radius::Type::nas_identifier)) {
    note.nas.assign(*identifier);
  } else if (const auto address = request.find(radius::Type::nas_ip_address)) {
    assign_address(note.nas, *address);
  } else if (const auto address_v6 = request.find(radius::Type::nas_ipv6_address)) {
    assign_address(note.nas, *address_v6);
  }
  return note;
}

std::size_t SenderNote::write(MutableOctets out) const noexcept {
  std::size_t octets = write_text(user.view(), out);
  octets += write_text(calling_station.view(), out.subspan(octets));
  octets += write_text(nas.view(), out.subspan(octets));
  return octets;
}

SenderNote SenderNote::read(Octets octets) noexcept {
  SenderNote note;
  note.user.assign(read_text(octets));
  note.calling_station.assign(read_text(octets));
  note.nas.assign(read_text(octets));
  return note;
}

}  // namespace sallyport::radius_door
