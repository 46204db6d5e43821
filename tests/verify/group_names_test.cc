#include "verify/group_names.h"

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

TEST(GroupNames, AreFoundInAnyCaseAndStandOnce) {
  const GroupNames names({"Staff", "vpn users", "STAFF", "admins"});
  EXPECT_EQ(names.size(), 3u);
  EXPECT_TRUE(names.find("staff").has_value());
  EXPECT_EQ(names.find("sTaFf"), names.find("Staff"));
  EXPECT_NE(names.find("admins"), names.find("staff"));
  for (const char* other : {"", "staf", "staffs", "zoo"})
    EXPECT_EQ(names.find(other), std::nullopt) << other;
}

TEST(FoundGroups, HoldsEachOnceAndSaysWhenItIsFull) {
  FoundGroups found;
  for (std::uint32_t group = 0; group < FoundGroups::kMax; ++group)
    EXPECT_TRUE(found.add(1'000 + group));
  EXPECT_TRUE(found.add(1'000)) << "it is there already";
  EXPECT_FALSE(found.add(2'000));
  EXPECT_EQ(found.all().size(), FoundGroups::kMax);
  EXPECT_EQ(found.all().front(), 1'000u);
}

}  // namespace
}  // namespace sallyport::verify
