#include "engine/config/nearest.h"

#include <string>

#include <gtest/gtest.h>

namespace sallyport::config {
namespace {

TEST(Nearest, FindsWhatWasMeantOrNothing) {
  const std::string_view words[] = {"listen", "shards", "pin", "duplicate_window"};
  const struct {
    std::string_view word;
    std::string_view meant;
  } cases[] = {{"lisen", "listen"},
               {"listne", "listen"},
               {"Listen", "listen"},
               {"shard", "shards"},
               {"pni", "pin"},
               {"duplicate-window", "duplicate_window"},
               {"dup", "duplicate_window"},
               {"frobnicate", ""},
               {"", ""},
               {"xyz", ""}};
  for (const auto& [word, meant] : cases) EXPECT_EQ(nearest(word, words), meant) << word;
}

TEST(Nearest, LeavesVeryLongWordsAlone) {
  const std::string_view words[] = {"listen"};
  EXPECT_EQ(nearest(std::string(100'000, 'l'), words), "");
}

}  // namespace
}  // namespace sallyport::config
