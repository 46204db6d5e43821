// What every exchange takes and gives back: its slot, an Identifier, a block for its packet.

#include <memory>
#include <utility>

#include "bench/micro/hot_function.h"
#include "engine/radius/exchange.h"
#include "engine/radius/identifier_pool.h"
#include "engine/radius/packet_store.h"
#include "protocol/check.h"

namespace sallyport::micro {
namespace {

using radius_door::ExchangePool;
using radius_door::ExchangeState;
using radius_door::IdentifierPool;
using radius_door::PacketStore;

Calls use_identifier() {
  IdentifierPool pool(4);
  for (int port = 0; port < 4; ++port) pool.add_port();
  return [pool = std::move(pool)](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const auto channel = pool.take(i, 1'000);
      CHECK(channel && pool.owner(*channel) == i);
      pool.give_back(*channel);
    }
  };
}

Calls use_block() {
  auto store = std::make_unique<PacketStore>(1'024);
  return [store = std::move(store)](std::uint32_t calls) {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const PacketStore::Handle handle = store->take(140);
      CHECK(store->block(handle).size() == PacketStore::kClassOctets[0]);
      store->give_back(handle);
    }
  };
}

/// Free, forwarded, answered and free again, with others between.
Calls use_slot() {
  constexpr std::uint32_t kAnswered = 512;
  auto pool = std::make_unique<ExchangePool>(std::uint16_t{0}, 2 * kAnswered);
  return [pool = std::move(pool)](std::uint32_t calls) {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const auto slot = pool->next_free();
      CHECK(slot.has_value());
      pool->transition(*slot, ExchangeState::forwarded);
      CHECK(pool->find(pool->ticket(*slot)) == *slot);
      pool->transition(*slot, ExchangeState::answered);
      if (pool->count(ExchangeState::answered) > kAnswered)
        pool->transition(*pool->oldest_answered(), ExchangeState::free);
    }
  };
}

}  // namespace

void add_exchange_parts(HotFunctions& all) {
  all.push_back({"identifier_pool/take_give", [] { return use_identifier(); }});
  all.push_back({"packet_store/take_give", [] { return use_block(); }});
  all.push_back({"exchange_pool/life", [] { return use_slot(); }});
}

}  // namespace sallyport::micro
