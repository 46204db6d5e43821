#pragma once
// The settings that exchanges began with, each kept until the last of its exchanges is gone. A few
// places; while all are in use a reload waits for one. One thread.

#include <array>
#include <cstdint>
#include <memory>

#include "engine/radius/door.h"

namespace sallyport::radius_door {

class SettingsHistory {
 public:
  static constexpr std::uint8_t kPlaces = 8;

  explicit SettingsHistory(std::shared_ptr<const DoorSettings> settings);

  [[nodiscard]] std::uint8_t current() const noexcept { return current_; }
  /// Of the current ones: each that comes into effect has another.
  [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
  [[nodiscard]] const DoorSettings& operator[](std::uint8_t place) const noexcept {
    return *places_[place].settings;
  }

  /// Takes effect at once, or at the first settle() after a place has become free. Only the newest
  /// offer waits.
  void offer(std::shared_ptr<const DoorSettings> settings) noexcept;
  /// Lets go of settings that no exchange uses and puts a waiting offer into effect. Whoever wants
  /// their destructor off this thread keeps a reference of his own.
  void settle() noexcept;
  [[nodiscard]] bool unsettled() const noexcept { return unsettled_; }

  void hold(std::uint8_t place) noexcept { ++places_[place].exchanges; }
  void drop(std::uint8_t place) noexcept;

 private:
  struct Place {
    std::shared_ptr<const DoorSettings> settings;
    std::uint32_t exchanges = 0;
  };
  void occupy(std::uint8_t place, std::shared_ptr<const DoorSettings> settings) noexcept;

  std::array<Place, kPlaces> places_;
  std::uint8_t current_ = 0;
  std::uint32_t number_ = 0;
  bool unsettled_ = false;  ///< settle() has something to do
  std::shared_ptr<const DoorSettings> waiting_;
};

}  // namespace sallyport::radius_door
