// DuplicateTable: is this request new? Half full, as it is under load.

#include <memory>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/micro/fixed_random.h"
#include "bench/micro/hot_function.h"
#include "engine/radius/duplicate_table.h"
#include "protocol/check.h"

namespace sallyport::micro {
namespace {

using radius_door::DuplicateTable;
using radius_door::RequestKey;

constexpr std::uint32_t kEntries = 16'384;

RequestKey key(std::uint32_t n) {
  return {.source = {.address = IpAddress::v4(0xc000'0200 | n >> 14),
                     .port = static_cast<std::uint16_t>(1024 + (n >> 8))},
          .local = IpAddress::v4(0xc000'0201),
          .socket = 0,
          .identifier = {static_cast<std::uint8_t>(n)}};
}

struct Table {
  Table() : duplicates(kEntries, random) {
    for (std::uint32_t n = 0; n < kEntries / 2; ++n) {
      keys.push_back(key(n));
      duplicates.insert(duplicates.hash(keys[n]), n);
    }
  }
  FixedRandom random;
  DuplicateTable duplicates;
  std::vector<RequestKey> keys;  ///< by slot
};

Calls find_present() {
  auto table = std::make_unique<Table>();
  return [table = std::move(table), n = std::uint32_t{0}](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      n = (n + 5'003) % (kEntries / 2);
      const RequestKey& wanted = table->keys[n];
      const auto slot = table->duplicates.find(
          table->duplicates.hash(wanted),
          [&](std::uint32_t candidate) { return table->keys[candidate] == wanted; });
      CHECK(slot == n);
    }
  };
}

/// A new request's way: looked for, put in; and out when its window ends.
Calls find_insert_erase() {
  auto table = std::make_unique<Table>();
  return [table = std::move(table), n = std::uint32_t{0}](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      n = (n + 5'003) % kEntries;
      const RequestKey wanted = key(kEntries + n);
      const std::uint32_t hash = table->duplicates.hash(wanted);
      CHECK(!table->duplicates.find(
          hash, [&](std::uint32_t candidate) { return table->keys[candidate] == wanted; }));
      table->duplicates.insert(hash, kEntries);
      CHECK(table->duplicates.size() == kEntries / 2 + 1);
      table->duplicates.erase(hash, kEntries);
    }
  };
}

}  // namespace

void add_duplicate_table(HotFunctions& all) {
  all.push_back({"duplicate_table/find", [] { return find_present(); }});
  all.push_back({"duplicate_table/find_insert_erase", [] { return find_insert_erase(); }});
}

}  // namespace sallyport::micro
