#include "engine/radius/settings_history.h"

#include <algorithm>
#include <utility>

#include <openssl/sha.h>

#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

IpAddress mark_of(const config::Downstream& downstream) noexcept {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, &downstream.port, sizeof(downstream.port));
  SHA256_Update(&context, downstream.host.data(), downstream.host.size());
  std::uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, &context);
  IpAddress mark;
  std::copy_n(digest, mark.octets.size(), mark.octets.begin());
  return mark;
}

}  // namespace

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
  CHECK(settings && settings->clients && settings->downstream_key);
  places_[place].downstream_mark = mark_of(settings->downstream);
  places_[place].settings = std::move(settings);
  current_ = place;
}

}  // namespace sallyport::radius_door
