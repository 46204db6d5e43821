#include "protocol/radius/hidden_attributes.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::radius {
namespace {

/// What FreeRADIUS' dictionaries say of one hidden attribute.
struct DictionaryEntry {
  std::string where;
  std::string name;
  std::uint32_t vendor = 0;  ///< 0: standard space
  std::uint16_t type = 0;
  std::uint8_t nested = 0;
  Hiding hiding = Hiding::salted;
};

/// "type,length[,c]" of a vendor's VENDOR line.
VendorFormat parse_format(const std::string& text) {
  VendorFormat format;
  format.type_octets = static_cast<std::uint8_t>(text.at(0) - '0');
  format.length_octets = static_cast<std::uint8_t>(text.at(2) - '0');
  format.continuation = text.ends_with(",c");
  return format;
}

class Dictionaries {
 public:
  explicit Dictionaries(const std::filesystem::path& folder) {
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      if (file.path().filename().string().starts_with("dictionary")) read(file.path());
    }
  }

  std::vector<DictionaryEntry> hidden;
  std::map<std::uint32_t, VendorFormat> formats;

 private:
  void read(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::map<std::string, std::uint32_t> vendors;
    std::uint32_t vendor = 0;
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string keyword, first, second, third, flags;
      words >> keyword >> first >> second >> third;
      for (std::string word; words >> word;) flags += "," + word;
      if (keyword == "VENDOR") {
        vendors[first] = static_cast<std::uint32_t>(std::stoul(second));
        if (third.starts_with("format=")) formats[vendors[first]] = parse_format(third.substr(7));
      } else if (keyword == "BEGIN-VENDOR") {
        vendor = vendors[first];
      } else if (keyword == "END-VENDOR") {
        vendor = 0;
      } else if (keyword == "ATTRIBUTE" && flags.contains("encrypt=")) {
        hidden.push_back(entry(path.filename().string(), first, second, vendor, flags));
      }
    }
  }

  static DictionaryEntry entry(const std::string& where, const std::string& name,
                               const std::string& number, std::uint32_t vendor,
                               const std::string& flags) {
    const bool tagged = flags.contains("has_tag");
    const char method = flags.at(flags.find("encrypt=") + 8);
    DictionaryEntry out{.where = where, .name = name, .vendor = vendor};
    out.type = static_cast<std::uint16_t>(std::stoul(number));
    if (const auto dot = number.find('.'); dot != std::string::npos) {
      out.nested = static_cast<std::uint8_t>(std::stoul(number.substr(dot + 1)));
    }
    out.hiding = method == '1'   ? Hiding::user_password
                 : method == '3' ? Hiding::ascend_secret
                 : tagged        ? Hiding::tagged_salted
                                 : Hiding::salted;
    return out;
  }
};

constexpr const char* kFolder = "/usr/share/freeradius";

TEST(HiddenAttributes, CoverEveryHiddenAttributeOfTheDictionaries) {
  if (!std::filesystem::exists(kFolder)) GTEST_SKIP() << kFolder << " is not installed";
  const Dictionaries dictionaries(kFolder);
  ASSERT_GE(dictionaries.hidden.size(), 70U) << "the dictionaries were not understood";
  for (const DictionaryEntry& entry : dictionaries.hidden) {
    std::optional<Hiding> ours;
    if (entry.vendor == 0) {
      ours = hiding_of(static_cast<Type>(entry.type));
    } else if (const HiddenVendor* vendor = find_hidden_vendor(entry.vendor)) {
      ours = vendor->find(entry.type, entry.nested);
    }
    ASSERT_TRUE(ours.has_value()) << entry.where << ": " << entry.name << " is not in the table";
    EXPECT_EQ(*ours, entry.hiding) << entry.where << ": " << entry.name;
  }
}

TEST(HiddenAttributes, KnowTheFormatOfEveryVendor) {
  if (!std::filesystem::exists(kFolder)) GTEST_SKIP() << kFolder << " is not installed";
  const Dictionaries dictionaries(kFolder);
  for (const HiddenVendor& vendor : hidden_vendors()) {
    const auto found = dictionaries.formats.find(vendor.id);
    const VendorFormat theirs =
        found == dictionaries.formats.end() ? VendorFormat{} : found->second;
    EXPECT_EQ(vendor.format.type_octets, theirs.type_octets) << vendor.id;
    EXPECT_EQ(vendor.format.length_octets, theirs.length_octets) << vendor.id;
    EXPECT_EQ(vendor.format.continuation, theirs.continuation) << vendor.id;
  }
}

/// Newer than the dictionaries that Debian 12 carries.
TEST(HiddenAttributes, KnowLaterAdditions) {
  EXPECT_EQ(find_hidden_vendor(14823)->find(66), Hiding::user_password);  // Aruba-MPSK-Lookup-Info
  EXPECT_EQ(find_hidden_vendor(14823)->find(72), Hiding::salted);         // Aruba-DPP-Passphrase
  EXPECT_EQ(find_hidden_vendor(8742)->find(44), Hiding::salted);          // Alphion
  for (std::uint16_t type = 140; type <= 145; ++type) {
    EXPECT_EQ(find_hidden_vendor(50058)->find(type), Hiding::salted);  // RtBrick-LI-*
  }
}

TEST(HiddenAttributes, LeaveTheRestAlone) {
  EXPECT_FALSE(hiding_of(Type::user_name).has_value());
  EXPECT_FALSE(hiding_of(Type::chap_password).has_value());
  EXPECT_EQ(find_hidden_vendor(9), nullptr);  // Cisco hides nothing
  EXPECT_EQ(find_hidden_vendor(0), nullptr);
  EXPECT_EQ(find_hidden_vendor(0xffffffff), nullptr);
  EXPECT_FALSE(find_hidden_vendor(311)->find(1).has_value());
  EXPECT_TRUE(find_hidden_vendor(24757)->nests(86));
  EXPECT_FALSE(find_hidden_vendor(24757)->nests(5));
}

}  // namespace
}  // namespace sallyport::radius
