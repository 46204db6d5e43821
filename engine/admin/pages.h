#pragma once
// What the admin listener serves: a path and a snapshot become a page. Pure. No page holds a
// secret, a user name or an address of a user.

#include <span>
#include <string>
#include <string_view>

#include "engine/admin/problems.h"
#include "engine/admin/snapshot.h"

namespace sallyport::admin {

struct Page {
  unsigned status = 200;
  std::string_view content_type;
  std::string body;
};

/// "/", "/metrics", "/health", "/status"; anything else is a 404.
[[nodiscard]] Page page_for(std::string_view path, const Snapshot& snapshot);

/// {"state","text","look_at","checked","next_check_ms","problems"}; "text" is the state in words.
[[nodiscard]] std::string health_json(const verify::Health& health,
                                      std::span<const Problem> problems = {});

/// The document behind `sallyport status`; its fields are in docs/operations.md.
[[nodiscard]] std::string status_json(const Snapshot& snapshot);

}  // namespace sallyport::admin
