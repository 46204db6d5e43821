#include "engine/radius/packet_store.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

TEST(PacketStore, EveryBlockMayBeOfAnyClass) {
  for (const std::size_t octets : PacketStore::kClassOctets) {
    PacketStore store(16);
    std::vector<PacketStore::Handle> handles;
    for (int i = 0; i < 16; ++i) handles.push_back(store.take(octets));
    EXPECT_EQ(store.held(), 16u);
    for (const auto handle : handles) store.give_back(handle);
    EXPECT_EQ(store.held(), 0u);
  }
}

TEST(PacketStore, TakesTheSmallestThatFits) {
  PacketStore store(4);
  EXPECT_EQ(store.block(store.take(1)).size(), 256u);
  EXPECT_EQ(store.block(store.take(256)).size(), 256u);
  EXPECT_EQ(store.block(store.take(257)).size(), 1'024u);
  EXPECT_EQ(store.block(store.take(4'608)).size(), 4'608u);
}

TEST(PacketStore, BlocksKeepTheirOctetsWhateverOthersDo) {
  constexpr std::size_t kBlocks = 64;
  PacketStore store(kBlocks);
  std::mt19937 random(1);
  struct Held {
    PacketStore::Handle handle;
    std::size_t octets = 0;
    std::uint8_t fill = 0;
  };
  std::vector<Held> held;
  for (int step = 0; step < 20'000; ++step) {
    if (held.size() < kBlocks && random() % 2 == 0) {
      Held block{
          .handle = {}, .octets = 1 + random() % 4'608, .fill = static_cast<std::uint8_t>(step)};
      block.handle = store.take(block.octets);
      std::ranges::fill(store.block(block.handle).first(block.octets), block.fill);
      held.push_back(block);
    } else if (!held.empty()) {
      const std::size_t which = random() % held.size();
      const Held block = held[which];
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
      ASSERT_TRUE(std::ranges::all_of(store.block(block.handle).first(block.octets),
                                      [&](std::uint8_t octet) { return octet == block.fill; }));
      store.give_back(block.handle);
    }
  }
}

}  // namespace
}  // namespace sallyport::radius_door
