#include "tests/protocol/radius/wire.h"

#include <algorithm>
#include <stdexcept>

#include <openssl/hmac.h>
#include <openssl/md5.h>

namespace sallyport::radius::wire {
namespace {

constexpr std::size_t kBlock = 16;

void append(Bytes& to, Octets octets) { to.insert(to.end(), octets.begin(), octets.end()); }

std::size_t message_authenticator_at(const Bytes& packet) {
  for (std::size_t at = 20; at < packet.size(); at += packet[at + 1]) {
    if (packet[at] == 80) return at + 2;
  }
  return 0;
}

void put(Bytes& packet, std::size_t at, const Authenticator& value) {
  std::ranges::copy(value.octets, packet.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

Bytes hex(std::string_view digits) {
  std::string packed;
  std::ranges::copy_if(digits, std::back_inserter(packed), [](char c) { return c != ' '; });
  Bytes out;
  for (std::size_t i = 0; i + 1 < packed.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoul(packed.substr(i, 2), nullptr, 16)));
  }
  return out;
}

Bytes text(std::string_view characters) { return {characters.begin(), characters.end()}; }

Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) append(out, part);
  return out;
}

Bytes zeros(std::size_t octets) { return Bytes(octets, 0); }

Bytes filled(std::size_t octets, std::uint8_t value) { return Bytes(octets, value); }

Bytes attribute(int type, const Bytes& value) {
  Bytes out{static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(value.size() + 2)};
  append(out, value);
  return out;
}

Bytes attribute(Type type, const Bytes& value) { return attribute(static_cast<int>(type), value); }

Bytes vendor_specific(std::uint32_t vendor, const Bytes& value) {
  Bytes out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(vendor >> shift));
  }
  append(out, value);
  return attribute(Type::vendor_specific, out);
}

Bytes packet(Code code, std::uint8_t identifier, const Authenticator& authenticator,
             std::span<const Bytes> attributes) {
  Bytes out{static_cast<std::uint8_t>(code), identifier, 0, 0};
  append(out, authenticator.octets);
  for (const Bytes& each : attributes) append(out, each);
  out[2] = static_cast<std::uint8_t>(out.size() >> 8);
  out[3] = static_cast<std::uint8_t>(out.size());
  return out;
}

Bytes packet(Code code, std::uint8_t identifier, const Authenticator& authenticator,
             std::initializer_list<Bytes> attributes) {
  return packet(code, identifier, authenticator,
                std::span<const Bytes>(attributes.begin(), attributes.size()));
}

std::vector<Bytes> attributes_of(const PacketView& view) {
  std::vector<Bytes> out;
  for (const Attribute each : view) out.emplace_back(each.whole.begin(), each.whole.end());
  return out;
}

std::vector<Bytes> attributes_of(const Bytes& packet) { return attributes_of(parsed(packet)); }

PacketView parsed(const Bytes& datagram) {
  const auto view = PacketView::parse(datagram);
  if (!view) throw std::runtime_error(to_text(view.error()));
  return *view;
}

Authenticator authenticator_of(std::uint8_t first) {
  Authenticator out;
  for (std::uint8_t& octet : out.octets) octet = first++;
  return out;
}

Authenticator md5(const Bytes& octets) {
  Authenticator out;
  MD5(octets.data(), octets.size(), out.octets.data());
  return out;
}

Authenticator hmac_md5(std::string_view secret, const Bytes& octets) {
  Authenticator out;
  unsigned length = 0;
  HMAC(EVP_md5(), secret.data(), secret.size(), octets.data(), octets.size(), out.octets.data(),
       &length);
  return out;
}

void sign_computed(Bytes& packet, std::string_view secret, const Authenticator& header) {
  put(packet, 4, header);
  if (const std::size_t at = message_authenticator_at(packet); at != 0) {
    put(packet, at, Authenticator{});
    put(packet, at, hmac_md5(secret, packet));
  }
  put(packet, 4, md5(join({packet, text(secret)})));
}

void sign_random(Bytes& packet, std::string_view secret) {
  if (const std::size_t at = message_authenticator_at(packet); at != 0) {
    put(packet, at, Authenticator{});
    put(packet, at, hmac_md5(secret, packet));
  }
}

Bytes hide_password(const Bytes& clear, std::string_view secret, const Authenticator& authenticator,
                    const Bytes& salt) {
  Bytes padded = clear;
  padded.resize(std::max(kBlock, (clear.size() + kBlock - 1) / kBlock * kBlock));
  Bytes out;
  Bytes chain = join({{authenticator.octets.begin(), authenticator.octets.end()}, salt});
  while (out.size() < padded.size()) {
    const Authenticator pad = md5(join({text(secret), chain}));
    chain.clear();
    for (const std::uint8_t octet : pad.octets) {
      chain.push_back(static_cast<std::uint8_t>(padded[out.size() + chain.size()] ^ octet));
    }
    append(out, chain);
  }
  return out;
}

Bytes reveal_password(const Bytes& hidden, std::string_view secret,
                      const Authenticator& authenticator, const Bytes& salt) {
  Bytes out;
  Bytes chain = join({{authenticator.octets.begin(), authenticator.octets.end()}, salt});
  while (out.size() < hidden.size()) {
    const Authenticator pad = md5(join({text(secret), chain}));
    const auto block = hidden.begin() + static_cast<std::ptrdiff_t>(out.size());
    chain.assign(block, block + kBlock);
    for (std::size_t i = 0; i < kBlock; ++i) {
      out.push_back(static_cast<std::uint8_t>(chain[i] ^ pad.octets[i]));
    }
  }
  return out;
}

Bytes hide_salted(const Bytes& clear, const Bytes& salt, std::string_view secret,
                  const Authenticator& authenticator) {
  const Bytes with_length = join({{static_cast<std::uint8_t>(clear.size())}, clear});
  return join({salt, hide_password(with_length, secret, authenticator, salt)});
}

Bytes reveal_salted(const Bytes& value, std::string_view secret,
                    const Authenticator& authenticator) {
  const Bytes salt(value.begin(), value.begin() + 2);
  const Bytes padded =
      reveal_password(Bytes(value.begin() + 2, value.end()), secret, authenticator, salt);
  if (padded.at(0) >= padded.size()) throw std::runtime_error("length octet beyond the value");
  return {padded.begin() + 1, padded.begin() + 1 + padded[0]};
}

Bytes ascend_secret(const Bytes& value, std::string_view secret,
                    const Authenticator& authenticator) {
  const Authenticator pad =
      md5(join({{authenticator.octets.begin(), authenticator.octets.end()}, text(secret)}));
  Bytes out = value;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] ^= pad.octets[i];
  return out;
}

std::uint64_t SeededRandom::next() noexcept {
  // SplitMix64: every seed is a good one.
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void SeededRandom::fill(MutableOctets out) noexcept {
  for (std::uint8_t& octet : out) octet = static_cast<std::uint8_t>(next());
}

Bytes SeededRandom::bytes(std::size_t octets) {
  Bytes out(octets);
  fill(out);
  return out;
}

}  // namespace sallyport::radius::wire
