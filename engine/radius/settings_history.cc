#include "engine/radius/settings_history.h"

#include <algorithm>
#include <utility>

#include "protocol/check.h"

namespace sallyport::radius_door {
SettingsHistory::SettingsHistory(std::shared_ptr<const DoorSettings> settings) {
  occupy(0, std::move(settings));
}

void SettingsHistory::offer(std::shared_ptr<const DoorSettings> settings) noexcept {
  waiting_ = std::move(settings);
  settle();
}

void SettingsHistory::settle() noexcept {
  unsettled_ = false;
  std::uint8_t free = kPlaces;
  for (std::uint8_t place = 0; place < kPlaces; ++place) {
    if (place == current_ || places_[place].exchanges > 0) continue;
    places_[place].settings.reset();
    free = place;
  }
  if (!waiting_) return;
  if (places_[current_].exchanges == 0) free = current_;
  if (free == kPlaces) return;  // drop() asks again
  const std::uint8_t before = current_;
  occupy(free, std::exchange(waiting_, nullptr));
  if (before != free && places_[before].exchanges == 0) places_[before].settings.reset();
}

void SettingsHistory::drop(std::uint8_t place) noexcept {
  CHECK(places_[place].exchanges > 0);
  if (--places_[place].exchanges == 0 && (place != current_ || waiting_)) unsettled_ = true;
}

void SettingsHistory::occupy(std::uint8_t place,
                             std::shared_ptr<const DoorSettings> settings) noexcept {
  CHECK(settings && settings->clients && !settings->plan.servers.empty());
  places_[place].settings = std::move(settings);
  current_ = place;
  ++number_;
}

}  // namespace sallyport::radius_door
