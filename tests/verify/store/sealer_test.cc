#include "verify/store/sealer.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/verify/store/store_world.h"

namespace sallyport::verify {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kOld = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
const std::string kNew = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
const RecordKey kAnn{.kind = RecordKind::otp, .group = "", .id = "ann"};

Sealer sealer(const std::string& text) { return Sealer::from_text(text).value(); }

TEST(Sealer, OpensWhatItHasSealed) {
  SystemRandom random;
  const Sealer one = sealer("# ours\n  " + kOld + "  # the first\r\n\n");
  for (const std::string& plain :
       {std::string(), std::string("secret"), std::string(60'000, 's')}) {
    const std::string sealed = one.seal(kAnn, plain, random);
    EXPECT_EQ(one.open(kAnn, sealed), plain);
    EXPECT_TRUE(plain.empty() || sealed.find(plain) == std::string::npos);
    EXPECT_FALSE(one.is_old(sealed));
  }
  EXPECT_NE(one.seal(kAnn, "x", random), one.seal(kAnn, "x", random));
}

TEST(Sealer, ASealedValueBelongsToItsRecord) {
  SystemRandom random;
  const Sealer one = sealer(kOld);
  const std::string sealed = one.seal(kAnn, "secret", random);
  EXPECT_FALSE(one.open({.kind = RecordKind::otp, .group = "", .id = "bob"}, sealed));
  EXPECT_FALSE(one.open({.kind = RecordKind::key, .group = "", .id = "ann"}, sealed));
  // Not by joining the two: group "an", id "n" is another record.
  EXPECT_FALSE(one.open({.kind = RecordKind::otp, .group = "an", .id = "n"}, sealed));
}

TEST(Sealer, AnyChangedOctetIsSeen) {
  SystemRandom random;
  const Sealer one = sealer(kOld);
  const std::string sealed = one.seal(kAnn, "secret", random);
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    std::string changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(one.open(kAnn, changed).has_value()) << at;
    EXPECT_FALSE(one.open(kAnn, std::string_view(sealed).substr(0, at)).has_value()) << at;
  }
}

TEST(Sealer, KeysAreRotated) {
  SystemRandom random;
  const std::string sealed = sealer(kOld).seal(kAnn, "secret", random);
  const Sealer both = sealer(kNew + "\n" + kOld + "\n");
  EXPECT_EQ(both.open(kAnn, sealed), "secret");
  EXPECT_TRUE(both.is_old(sealed));
  const std::string again = both.seal(kAnn, "secret", random);
  EXPECT_FALSE(both.is_old(again));
  const Sealer only_new = sealer(kNew);
  EXPECT_EQ(only_new.open(kAnn, again), "secret");
  EXPECT_FALSE(only_new.open(kAnn, sealed).has_value());
  EXPECT_TRUE(both.is_old(""));
}

TEST(Sealer, TellsWhatIsWrongWithoutTheKey) {
  for (const std::string& text : {kOld.substr(1), kOld + "0", "x" + kOld.substr(1)}) {
    const auto wrong = Sealer::from_text("# a comment\n" + text + "\n");
    ASSERT_FALSE(wrong.has_value());
    EXPECT_THAT(wrong.error(), HasSubstr("line 2"));
    EXPECT_THAT(wrong.error(), Not(HasSubstr("112233")));
  }
  EXPECT_FALSE(Sealer::from_text("# nothing\n").has_value());
}

TEST(Sealer, MakesItsFileOnce) {
  const ScratchFolder folder;
  const std::string path = folder.file("key");
  EXPECT_THAT(Sealer::from_file(path, false).error(), HasSubstr(path));
  SystemRandom random;
  const std::string sealed = Sealer::from_file(path, true).value().seal(kAnn, "secret", random);
  struct ::stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(Sealer::from_file(path, true).value().open(kAnn, sealed), "secret");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.file("")), {}), 1);
}

TEST(Sealer, RefusesAFileThatOthersMayRead) {
  const ScratchFolder folder;
  const std::string path = folder.file("key");
  ASSERT_TRUE(Sealer::from_file(path, true).has_value());
  ASSERT_EQ(::chmod(path.c_str(), 0604), 0);
  EXPECT_THAT(Sealer::from_file(path, true).error(), HasSubstr("chmod 600"));
  EXPECT_FALSE(Sealer::from_file(folder.file(""), true).has_value());
}

}  // namespace
}  // namespace sallyport::verify
