#pragma once
// Rules between the settings of the HTTP door, whose single values are good: listeners,
// certificates, pools, whitelists and what holds for the door as a whole. Routes are
// route_rules.h's.

#include "engine/config/config.h"
#include "engine/config/notes.h"
#include "engine/config/rules.h"

namespace sallyport::config {

/// Reads the certificates, and the whitelists that are files.
void check_http_rules(const Config& config, const Places& places, Notes& notes);

/// Notes about one [[http.…]], each at its own place.
class ElementNotes {
 public:
  ElementNotes(Section section, std::size_t index, const Places& places, Notes& notes)
      : section_(section), places_(places.of_element(section, index)), notes_(notes) {}

  void mistake(std::string_view key, Complaint complaint) {
    notes_.mistake(places_.of(key), name(key), std::move(complaint));
  }
  void warning(std::string_view key, Complaint complaint) {
    notes_.warning(places_.of(key), name(key), std::move(complaint));
  }
  void mistake_in_list(std::string_view key, std::size_t index, Complaint complaint) {
    notes_.mistake(places_.in_list(key, index), name(key), std::move(complaint));
  }
  void warning_in_list(std::string_view key, std::size_t index, Complaint complaint) {
    notes_.warning(places_.in_list(key, index), name(key), std::move(complaint));
  }
  [[nodiscard]] bool given(std::string_view key) const { return places_.given(key); }

 private:
  [[nodiscard]] std::string name(std::string_view key) const {
    return std::string(entry(section_).name) + (key.empty() ? "" : ".") + std::string(key);
  }

  Section section_;
  ElementPlaces places_;
  Notes& notes_;
};

}  // namespace sallyport::config
