#include "verify/group_names.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "protocol/ascii.h"

namespace sallyport::verify {
namespace {

std::string in_small_letters(std::string text) {
  std::ranges::transform(text, text.begin(), to_lower);
  return text;
}

}  // namespace

GroupNames::GroupNames(std::vector<std::string> names) : names_(std::move(names)) {
  for (std::string& name : names_) name = in_small_letters(std::move(name));
  std::ranges::sort(names_);
  const auto twice = std::ranges::unique(names_);
  names_.erase(twice.begin(), twice.end());
}

std::optional<std::uint32_t> GroupNames::find(std::string_view name) const {
  const std::string wanted = in_small_letters(std::string(name));
  const auto found = std::ranges::lower_bound(names_, wanted);
  if (found == names_.end() || *found != wanted) return std::nullopt;
  return static_cast<std::uint32_t>(found - names_.begin());
}

bool FoundGroups::add(std::uint32_t group) noexcept {
  if (std::ranges::find(all(), group) != all().end()) return true;
  if (count_ == kMax) return false;
  groups_[count_++] = group;
  return true;
}

}  // namespace sallyport::verify
