#include "verify/gate/core.h"

#include <algorithm>
#include <chrono>

#include <fmt/chrono.h>
#include <fmt/core.h>

#include "protocol/ascii.h"
#include "verify/plain_name.h"

namespace sallyport::verify {
namespace {

/// Windows of the limits that are kept: some 16 MiB.
constexpr std::size_t kLimitEntries = std::size_t{1} << 17;

std::unique_ptr<Limits> limits_of(const GateSettings& settings) {
  return std::make_unique<Limits>(
      std::vector<LimitRates>(settings.limits.begin(), settings.limits.end()), settings.ipv6_prefix,
      kLimitEntries);
}

std::string_view find(const std::vector<std::pair<std::string, std::string>>& fields,
                      std::string_view name) noexcept {
  const auto found = std::ranges::find(fields, name, &std::pair<std::string, std::string>::first);
  return found == fields.end() ? std::string_view{} : std::string_view(found->second);
}

}  // namespace

Core::Core(GateSettings settings, GateWorld its_world)
    : world(std::move(its_world)),
      settings_(std::make_shared<const GateSettings>(std::move(settings))),
      limits_(limits_of(*settings_)) {}

std::shared_ptr<const GateSettings> Core::settings() const {
  const std::scoped_lock lock(mutex_);
  return settings_;
}

void Core::use(GateSettings settings) {
  auto next = std::make_shared<const GateSettings>(std::move(settings));
  const std::scoped_lock lock(mutex_);
  // Nobody begins at zero again because of somebody's reload.
  if (next->limits != settings_->limits || next->ipv6_prefix != settings_->ipv6_prefix) {
    limits_ = limits_of(*next);
  }
  settings_ = std::move(next);
}

LimitedBy Core::take(Limited what, const IpAddress& address, std::string_view user,
                     std::uint64_t now_ms) {
  const std::scoped_lock lock(mutex_);
  return limits_->take(what, address, user, now_ms);
}

bool Core::forget_limits(std::string_view user) {
  const std::scoped_lock lock(mutex_);
  return limits_->forget_user(user);
}

void Core::audit(std::string_view what, std::string_view user, const IpAddress& address,
                 std::string_view detail) const {
  if (world.audit) {
    world.audit({.what = what, .user = user, .address = address, .detail = detail});
  }
}

void Core::store_failed(StoreError error) const { audit("store_failed", {}, {}, to_text(error)); }

Outcome<std::optional<User>> Core::find_user(std::string_view id) const {
  auto found = world.directory.find(id);
  if (found) return std::move(*found);
  audit("directory_failed", id, {}, found.error());
  return std::unexpected(GateError::unavailable);
}

std::string_view Turn::form(std::string_view name) const noexcept {
  return find(request.form, name);
}

std::string_view Turn::query(std::string_view name) const noexcept {
  return find(request.query, name);
}

Outcome<> Turn::limit(Limited what, std::string_view user) const {
  const LimitedBy by = core->take(what, request.visitor, subject_of(user), now_ms());
  if (by == LimitedBy::none) return {};
  audit("limited", user, to_text(by));
  return std::unexpected(GateError::too_often);
}

std::string subject_of(std::string_view user) { return lower_case(PlainName(user).view()); }

bool is_denied_user(const GateSettings& settings, std::string_view user) {
  return std::ranges::any_of(settings.denied_users, [&](const std::string& denied) {
    return subject_of(denied) == subject_of(user);
  });
}

Prefix prefix_of(const IpAddress& address, std::uint8_t ipv6_prefix) noexcept {
  Prefix prefix{.address = address, .length = 128};
  if (address.is_v4()) return prefix;
  prefix.length = ipv6_prefix;
  for (unsigned bit = ipv6_prefix; bit < 128; ++bit) {
    std::uint8_t& octet = prefix.address.octets[bit / 8];
    octet = static_cast<std::uint8_t>(octet & ~(0x80U >> bit % 8));
  }
  return prefix;
}

std::string time_text(std::uint64_t unix_ms) {
  const auto time = std::chrono::system_clock::time_point(
      std::chrono::milliseconds(static_cast<std::int64_t>(unix_ms)));
  return fmt::format("{:%Y-%m-%d %H:%M} UTC",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::string minutes_text(std::uint64_t duration_ms) {
  return std::to_string(std::max<std::uint64_t>(1, (duration_ms + kMinute - 1) / kMinute));
}

}  // namespace sallyport::verify
