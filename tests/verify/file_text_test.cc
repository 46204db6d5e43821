#include "verify/file_text.h"

#include <gtest/gtest.h>

#include "tests/verify/users/folder.h"

namespace sallyport::verify {
namespace {

TEST(FileText, IsAllThatTheFileHolds) {
  const Folder folder;
  EXPECT_EQ(read_file(folder.write("empty", "")).value(), "");
  const std::string much(200'000, 'x');
  EXPECT_EQ(read_file(folder.write("much", much)).value(), much);
}

TEST(FileText, ErrorsNameTheFileAndWhy) {
  const Folder folder;
  const std::string none = folder.path("none");
  EXPECT_EQ(read_file(none).error(), "cannot read " + none + ": No such file or directory");
  EXPECT_EQ(read_file(folder.path(".")).error(),
            "cannot read " + folder.path(".") + ": Is a directory");
}

}  // namespace
}  // namespace sallyport::verify
