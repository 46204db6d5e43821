#include "engine/http/gate/open_store.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace sallyport::http_door {
namespace {

namespace fs = std::filesystem;
using Kind = verify::StoreSettings::Kind;

class OpenStore : public testing::Test {
 protected:
  OpenStore() {
    std::string name = (fs::temp_directory_path() / "open-store-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~OpenStore() override { fs::remove_all(folder_); }
  OpenStore(const OpenStore&) = delete;
  OpenStore& operator=(const OpenStore&) = delete;

  [[nodiscard]] verify::StoreSettings sqlite() const {
    verify::StoreSettings settings;
    settings.kind = Kind::sqlite;
    settings.sqlite.path = folder_ / "gate.db";
    return settings;
  }
  fs::path folder_;
};

TEST_F(OpenStore, IsNoneUnlessConfigured) {
  const auto opened = open_store({});
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->store, nullptr);
  EXPECT_FALSE(opened->sealer.has_value());
}

TEST_F(OpenStore, MakesItsKeyForUsAloneAndKeepsIt) {
  const verify::RecordKey name{.kind = verify::RecordKind::otp, .group = {}, .id = "alice"};
  SystemRandom random;
  std::string sealed;
  {
    const auto opened = open_store(sqlite());
    ASSERT_TRUE(opened.has_value()) << opened.error();
    sealed = opened->sealer->seal(name, "secret", random);
  }
  EXPECT_EQ(fs::status(folder_ / "gate.db.key").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  const auto again = open_store(sqlite());
  ASSERT_TRUE(again.has_value()) << again.error();
  EXPECT_EQ(again->sealer->open(name, sealed), "secret");
}

TEST_F(OpenStore, RefusesAKeyFileThatIsNone) {
  verify::StoreSettings settings = sqlite();
  settings.key_file = folder_ / "key";
  std::ofstream(settings.key_file) << "not a key\n";
  fs::permissions(settings.key_file, fs::perms::owner_read);
  EXPECT_FALSE(open_store(settings).has_value());
  EXPECT_FALSE(fs::exists(settings.sqlite.path)) << "nothing is half made";
}

TEST_F(OpenStore, AsksForTheKeysThatNodesShare) {
  verify::StoreSettings settings;
  settings.kind = Kind::redis;
  settings.redis.servers = {{.host = "127.0.0.1", .port = 9}};
  EXPECT_FALSE(open_store(settings).has_value());
}

}  // namespace
}  // namespace sallyport::http_door
