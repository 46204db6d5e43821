#include "engine/ring/tls_files.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/engine/ring/tls_world.h"

namespace sallyport::ring {
namespace {

TEST(TlsFiles, NoticeWriteRenameComingAndGoing) {
  const TemporaryFolder folder;
  const std::string certificate = folder.write("certificate", "one");
  const std::string missing = folder.file("missing");
  TlsFiles files({certificate, missing});
  EXPECT_FALSE(files.changed());
  EXPECT_FALSE(files.changed());

  folder.write("certificate", "other length");
  EXPECT_TRUE(files.changed());
  EXPECT_FALSE(files.changed());

  // The same size and time of writing: the inode tells.
  folder.write("new", "other length");
  std::filesystem::last_write_time(folder.file("new"),
                                   std::filesystem::last_write_time(certificate));
  std::filesystem::rename(folder.file("new"), certificate);
  EXPECT_TRUE(files.changed());
  EXPECT_FALSE(files.changed());

  folder.write("missing", "");
  EXPECT_TRUE(files.changed());
  std::filesystem::remove(missing);
  EXPECT_TRUE(files.changed());
  EXPECT_FALSE(files.changed());
}

TEST(TlsFiles, FollowTheLinkThatAClientOfAnAuthorityTurns) {
  const TemporaryFolder folder;
  folder.write("first", "1");
  folder.write("second", "2");
  std::filesystem::create_symlink("first", folder.file("live"));
  TlsFiles files({folder.file("live")});
  std::filesystem::create_symlink("second", folder.file("turned"));
  std::filesystem::rename(folder.file("turned"), folder.file("live"));
  EXPECT_TRUE(files.changed());
}

}  // namespace
}  // namespace sallyport::ring
