#include "engine/config/environment_text.h"

#include <optional>

namespace sallyport::config {
namespace {

class Filler {
 public:
  explicit Filler(const Environment& environment) : environment_(environment) {}

  void fill(TomlValue& value) {
    if (auto* text = std::get_if<std::string>(&value.value)) {
      *text = filled(*text, value.where);
    } else if (auto* list = std::get_if<TomlArray>(&value.value)) {
      for (TomlValue& element : *list) fill(element);
    } else if (auto* table = std::get_if<TomlTable>(&value.value)) {
      for (TomlEntry& entry : table->entries) fill(entry.value);
    }
  }
  [[nodiscard]] const std::optional<UnsetVariable>& unset() const { return unset_; }

 private:
  std::string filled(std::string_view text, Position where) {
    std::string out;
    for (auto at = text.find(kEnvironmentMark); at != std::string_view::npos;
         at = text.find(kEnvironmentMark)) {
      const auto end = text.find('}', at);
      if (end == std::string_view::npos) break;
      out += text.substr(0, at);
      const auto name_at = at + kEnvironmentMark.size();
      const std::string_view name = text.substr(name_at, end - name_at);
      const auto found = environment_.find(name);
      if (found == environment_.end()) {
        if (!unset_) unset_ = {.name = std::string(name), .where = where};
      } else {
        out += found->second;
      }
      text.remove_prefix(end + 1);
    }
    return out += text;
  }

  const Environment& environment_;
  std::optional<UnsetVariable> unset_;
};

}  // namespace

std::expected<TomlValue, UnsetVariable> with_environment(const TomlValue& value,
                                                         const Environment& environment) {
  TomlValue out = value;
  Filler filler(environment);
  filler.fill(out);
  if (filler.unset()) return std::unexpected(*filler.unset());
  return out;
}

}  // namespace sallyport::config
