#pragma once
// Rules between settings, of a configuration whose single values are good: addresses that two
// clients claim, settings that exclude or need each other, and what is allowed but unwise. The same
// for a file and for NtkP's options.

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/config.h"
#include "engine/config/mistake.h"
#include "engine/config/notes.h"
#include "engine/config/settings.h"

namespace sallyport::config {

/// Where one element of a [[section]] and its keys stand.
struct ElementPlaces {
  struct Key {
    std::string_view key;
    Position where;                  ///< of the value
    std::vector<Position> elements;  ///< of a list, side by side with the field's
  };
  Position header;
  std::vector<Key> keys;

  [[nodiscard]] bool given(std::string_view key) const { return find(key) != nullptr; }
  /// Of what is absent, the header.
  [[nodiscard]] Position of(std::string_view key) const {
    const Key* found = find(key);
    return found == nullptr ? header : found->where;
  }
  [[nodiscard]] Position in_list(std::string_view key, std::size_t index) const {
    const Key* found = find(key);
    return found != nullptr && index < found->elements.size() ? found->elements[index] : of(key);
  }

 private:
  [[nodiscard]] const Key* find(std::string_view key) const {
    const auto found = std::ranges::find(keys, key, &Key::key);
    return found == keys.end() ? nullptr : &*found;
  }
};

/// Where in the file the values stand. Not needed: what is absent has no place.
struct Places {
  std::map<std::string, Position, std::less<>> keys = {};  ///< "notakey.host" → where
  std::array<std::vector<ElementPlaces>, kSections> elements = {};

  [[nodiscard]] bool given(std::string_view key) const { return keys.contains(key); }
  [[nodiscard]] Position of(std::string_view key) const {
    const auto found = keys.find(key);
    return found == keys.end() ? Position{} : found->second;
  }
  [[nodiscard]] std::vector<ElementPlaces>& of_section(Section section) {
    return elements[static_cast<std::size_t>(section)];
  }
  [[nodiscard]] ElementPlaces of_element(Section section, std::size_t index) const {
    const auto& all = elements[static_cast<std::size_t>(section)];
    return index < all.size() ? all[index] : ElementPlaces{};
  }
};

/// Of every door that the configuration has.
void check_rules(const Config& config, const Places& places, Notes& notes);

}  // namespace sallyport::config
