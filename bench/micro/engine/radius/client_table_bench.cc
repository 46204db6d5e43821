// ClientTable: whose secret a datagram is checked with, and what a million clients cost.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/micro/hot_function.h"
#include "engine/config/clients_file.h"
#include "engine/radius/client_table.h"
#include "protocol/check.h"

namespace sallyport::micro {
namespace {

using radius_door::ClientTable;

constexpr std::uint32_t kMillion = 1'000'000;

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

std::string secret_of(std::uint32_t n) { return fmt::format("secret {:09}", n); }

std::vector<config::Client> make_clients(std::uint32_t count) {
  std::vector<config::Client> clients(count);
  for (std::uint32_t n = 0; n < count; ++n) {
    clients[n].name = fmt::format("client-{}", n);
    clients[n].addresses = {prefix(n)};
    clients[n].secret = Secret(secret_of(n));
  }
  return clients;
}

/// The same as a file; removed with the object.
class ClientsFile {
 public:
  explicit ClientsFile(std::uint32_t count) {
    ::close(::mkstemp(path_.data()));
    std::string text;
    for (std::uint32_t n = 0; n < count; ++n) {
      fmt::format_to(std::back_inserter(text), "{},client-{},{}\n", prefix(n).text(), n,
                     secret_of(n));
    }
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~ClientsFile() { std::remove(path_.c_str()); }
  ClientsFile(const ClientsFile&) = delete;
  ClientsFile& operator=(const ClientsFile&) = delete;

  [[nodiscard]] std::shared_ptr<const config::ClientRows> read() const {
    auto file = config::read_clients_file(path_, {});
    CHECK(file.has_value());
    return std::move(file->rows);
  }

 private:
  std::string path_ = "/tmp/clients-XXXXXX";
};

/// Senders jump about, so that the caches help as little as in life. Made before: what is timed is
/// the look-up alone.
class Senders {
 public:
  explicit Senders(std::uint32_t count) {
    std::uint32_t n = 1;
    for (IpAddress& address : addresses_) {
      n = n * 1'664'525 + 1'013'904'223;
      address = sender((n >> 8) % count);
    }
  }
  [[nodiscard]] const IpAddress& next() noexcept {
    return addresses_[next_++ & (addresses_.size() - 1)];
  }

 private:
  std::vector<IpAddress> addresses_ = std::vector<IpAddress>(1u << 20);
  std::size_t next_ = 0;
};

Calls find_known(std::uint32_t count) {
  auto table = std::make_unique<ClientTable>(make_clients(count));
  return [table = std::move(table), senders = Senders(count)](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) CHECK(table->find(senders.next()) != nullptr);
  };
}

/// As the door does it: all of a batch are asked of memory before the first is looked up.
Calls find_batch(std::uint32_t count) {
  auto table = std::make_unique<ClientTable>(make_clients(count));
  return [table = std::move(table), senders = Senders(count)](std::uint32_t calls) mutable {
    constexpr std::uint32_t kBatch = 64;
    std::array<IpAddress, kBatch> batch;
    for (std::uint32_t at = 0; at < calls; at += kBatch) {
      for (IpAddress& address : batch) {
        address = senders.next();
        table->prefetch(address);
      }
      for (const IpAddress& address : batch) CHECK(table->find(address) != nullptr);
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

void time_table(benchmark::State& state) {
  const ClientsFile file(kMillion);
  const std::shared_ptr<const config::ClientRows> rows = file.read();
  std::size_t octets = 0;
  for ([[maybe_unused]] auto each : state) octets = ClientTable({}, rows.get()).memory_octets();
  state.counters["octets_per_client"] = static_cast<double>(octets) / kMillion;
}

/// All that a reload does with the file: it is read, checked, made a table, and let go.
void time_reload(benchmark::State& state) {
  const ClientsFile file(kMillion);
  for ([[maybe_unused]] auto each : state) {
    const std::shared_ptr<const config::ClientRows> rows = file.read();
    CHECK(ClientTable({}, rows.get()).size() == kMillion);
  }
}

}  // namespace

void time_client_tables() {
  benchmark::RegisterBenchmark("client_table/make/1000000_clients", time_table)
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("client_table/reload/1000000_clients", time_reload)
      ->Unit(benchmark::kMillisecond);
}

void add_client_table(HotFunctions& all) {
  all.push_back({"client_table/find/10_clients", [] { return find_known(10); }});
  all.push_back({"client_table/find/1000_clients", [] { return find_known(1'000); }});
  all.push_back({.name = "client_table/find/1000000_clients",
                 .prepare = [] { return find_known(kMillion); },
                 .counted = false});
  all.push_back({.name = "client_table/find_batch/1000000_clients",
                 .prepare = [] { return find_batch(kMillion); },
                 .counted = false});
  all.push_back({"client_table/find/unknown_of_1000", [] { return find_unknown(1'000); }});
}

}  // namespace sallyport::micro
