// ClientTable::find: whose secret a datagram is checked with.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/micro/hot_function.h"
#include "engine/radius/client_table.h"
#include "protocol/check.h"

namespace sallyport::micro {
namespace {

using radius_door::ClientTable;

/// The n-th client: of sixteen one is an IPv4 /24, one an IPv6 /56, the others are single hosts.
Prefix prefix(std::uint32_t n) {
  Prefix prefix;
  if (n % 16 == 0) {
    prefix = {.address = IpAddress::v4(0x4000'0000 + (n / 16 << 8)), .length = 120};
  } else if (n % 16 == 1) {
    prefix = {.address = {.octets = {0x20, 0x01, 0x0d, 0xb8}}, .length = 56};
    prefix.address.octets[4] = static_cast<std::uint8_t>(n >> 20);
    prefix.address.octets[5] = static_cast<std::uint8_t>(n >> 12);
    prefix.address.octets[6] = static_cast<std::uint8_t>(n >> 4);
  } else {
    prefix = {.address = IpAddress::v4(0x0a00'0000 + n), .length = 128};
  }
  return prefix;
}

/// Some address of that client.
IpAddress sender(std::uint32_t n) {
  IpAddress address = prefix(n).address;
  if (n % 16 < 2) address.octets[15] = 7;
  return address;
}

std::vector<config::Client> make_clients(std::uint32_t count) {
  std::vector<config::Client> clients(count);
  for (std::uint32_t n = 0; n < count; ++n) {
    const std::string name = "client-" + std::to_string(n);
    clients[n].name = name;
    clients[n].addresses = {prefix(n)};
    clients[n].secret = Secret("secret of " + name);
  }
  return clients;
}

Calls find_known(std::uint32_t count) {
  auto table = std::make_unique<ClientTable>(make_clients(count));
  return [table = std::move(table), count, n = std::uint32_t{1}](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      n = n * 1'664'525 +
          1'013'904'223;  // jumps about, so that the caches help as little as in life
      CHECK(table->find(sender((n >> 8) % count)) != nullptr);
    }
  };
}

Calls find_unknown(std::uint32_t count) {
  auto table = std::make_unique<ClientTable>(make_clients(count));
  return [table = std::move(table), n = std::uint32_t{1}](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      n = n * 1'664'525 + 1'013'904'223;
      CHECK(table->find(IpAddress::v4(0xc000'0000 | n >> 8)) == nullptr);
    }
  };
}

}  // namespace

void add_client_table(HotFunctions& all) {
  all.push_back({"client_table/find/10_clients", [] { return find_known(10); }});
  all.push_back({"client_table/find/1000_clients", [] { return find_known(1'000); }});
  all.push_back({.name = "client_table/find/1000000_clients",
                 .prepare = [] { return find_known(1'000'000); },
                 .counted = false});
  all.push_back({"client_table/find/unknown_of_1000", [] { return find_unknown(1'000); }});
}

}  // namespace sallyport::micro
