#include "engine/http/audit_event.h"

#include <utility>

namespace sallyport::http_door {

AuditEvent audit_event_of(const verify::GateEvent& event, std::string_view who,
                          std::uint64_t now_unix_ms) {
  return {.at_unix_ms = now_unix_ms,
          .event = std::string(event.what),
          .grant = 0,
          .user = std::string(event.user),
          .address = event.address,
          .by = {},
          .until_ms = 0,
          .who = std::string(who),
          .detail = std::string(event.detail)};
}

void AuditEvents::turn(bool on) {
  const std::scoped_lock lock(mutex_);
  on_ = on;
}

bool AuditEvents::has_room() const {
  const std::scoped_lock lock(mutex_);
  return events_.size() < kMost;
}

void AuditEvents::push(AuditEvent event) {
  const std::scoped_lock lock(mutex_);
  if (on_) events_.push_back(std::move(event));
}

bool AuditEvents::try_pop(AuditEvent& event) {
  const std::scoped_lock lock(mutex_);
  if (events_.empty()) return false;
  event = std::move(events_.front());
  events_.pop_front();
  return true;
}

}  // namespace sallyport::http_door
