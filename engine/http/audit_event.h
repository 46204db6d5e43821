#pragma once
// What the HTTP door's own threads have for the audit log: grants opened, extended, ended; what
// came of a visitor's second factor; what an operator did. Rare beside requests, so texts are texts
// and the queue has a lock. Not for shards.

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "protocol/ip_address.h"
#include "verify/gate/gate.h"

namespace sallyport::http_door {

/// One line of the audit log. Never a secret. Empty texts, 0 and the any address are left out.
struct AuditEvent {
  std::uint64_t at_unix_ms = 0;
  std::string event;        ///< "grant_opened", "token_wrong"
  std::uint64_t grant = 0;  ///< id
  std::string user;
  IpAddress address;
  std::string by;              ///< factor of a grant, or "operator"
  std::uint64_t until_ms = 0;  ///< Unix time
  std::string who;             ///< who did it: "operator uid=0", "visitor", "another node"
  std::string detail;
};

/// What came of a second factor of `who`.
[[nodiscard]] AuditEvent audit_event_of(const verify::GateEvent& event, std::string_view who,
                                        std::uint64_t now_unix_ms);

/// Between the threads that tell and the one that writes. Any thread.
class AuditEvents {
 public:
  static constexpr std::size_t kMost = 65'536;

  /// Off ([log] audit): what is told is forgotten.
  void turn(bool on);
  /// False: full. Nothing that only the audit log would witness may then be begun.
  [[nodiscard]] bool has_room() const;
  /// What has happened is told, even a little beyond kMost: has_room() was asked before.
  void push(AuditEvent event);
  [[nodiscard]] bool try_pop(AuditEvent& event);

 private:
  mutable std::mutex mutex_;
  std::deque<AuditEvent> events_;
  bool on_ = true;
};

}  // namespace sallyport::http_door
