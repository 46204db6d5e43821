#pragma once
// Names of groups that somebody looks for, and which of them a user directory puts a user into.
// What is found is a value of fixed size: of a user's groups, who may be in hundreds, those named
// alone.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::verify {

/// Immutable; any thread. The case of letters does not count.
class GroupNames {
 public:
  explicit GroupNames(std::vector<std::string> names);

  /// Where the name stands; the same for each way to write it.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const;
  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }

 private:
  std::vector<std::string> names_;  ///< in small letters, sorted, each once
};

class FoundGroups {
 public:
  /// More than anybody is in of those that policies name.
  static constexpr std::size_t kMax = 64;

  /// `group`: of GroupNames::find(). False: there is no room, so nobody may go by what is here.
  [[nodiscard]] bool add(std::uint32_t group) noexcept;
  [[nodiscard]] std::span<const std::uint32_t> all() const noexcept {
    return std::span(groups_).first(count_);
  }

  /// The directory spells the user octet for octet as he was asked for.
  bool spelled_alike = false;

 private:
  std::uint8_t count_ = 0;
  std::array<std::uint32_t, kMax> groups_{};
};

}  // namespace sallyport::verify
