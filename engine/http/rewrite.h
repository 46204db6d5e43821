#pragma once
// What a route changes on the way through: the target, and fields of the request and the answer.
// Built once from the configuration; immutable; any thread. What it writes goes into strings of the
// caller, whose memory is used again.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/http.h"
#include "engine/http/router_prefix.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

/// What placeholders stand for. Views that live as long as the call.
struct RewriteValues {
  std::string_view visitor;  ///< {visitor}: the address, as text
  std::string_view host;     ///< {host}: asked for, without port (HostName)
  std::string_view uri;      ///< {uri}: canonical path and query, as asked for
  std::string_view user;     ///< {user}: of the grant that lets him in; empty: none
};

/// Text with placeholders. Braces around anything else are text: JSON needs no escaping.
class TextTemplate {
 public:
  explicit TextTemplate(std::string_view text);
  /// Appends to `out`. Controls in values are left out: none can end a line or a field
  /// (RFC 9110 §5.5).
  void append(const RewriteValues& values, std::string& out) const;

 private:
  struct Piece {
    std::string text;  ///< comes first
    std::string_view RewriteValues::* value = nullptr;
  };
  std::vector<Piece> pieces_;
};

/// Header changes in their order: `add` appends a line, `set` replaces all of the name, `remove`
/// drops them.
class FieldPlan {
 public:
  explicit FieldPlan(const std::vector<config::HeaderChange>& changes);
  /// `scratch` is overwritten.
  void apply(const RewriteValues& values, http::Fields& fields, std::string& scratch) const;
  /// The same for a request, whose Host stands in its authority: `set` and `add` of Host replace
  /// it.
  void apply(const RewriteValues& values, http::RequestHead& head, std::string& scratch) const;
  [[nodiscard]] bool empty() const noexcept { return changes_.empty(); }
  /// Whether a field of this name, in any case, is added, set or removed.
  [[nodiscard]] bool writes(std::string_view name) const noexcept;
  /// Whether there is such a one whose name is another, but the same once it is made a variable.
  [[nodiscard]] bool imitated_by(std::string_view name) const noexcept;
  [[nodiscard]] bool writes_any(const http::Fields& fields) const noexcept;

 private:
  struct Change {
    config::HeaderChange::Kind kind;
    std::string name;
    TextTemplate value;
  };
  std::vector<Change> changes_;
};

class Rewrite {
 public:
  /// `route` has passed Router::make (its strip_prefix and add_prefix are paths).
  explicit Rewrite(const config::HttpRoute& route);

  [[nodiscard]] bool changes_target() const noexcept { return changes_target_; }
  /// Appends the target that the upstream is sent. `parts` is canonical, and so is the result. A
  /// path that does not begin with strip_prefix keeps what it has; "*" stays "*".
  void append_target(const TargetParts& parts, std::string& out) const;

  FieldPlan request_fields;
  FieldPlan response_fields;
  std::optional<TextTemplate> redirect;  ///< Location of the route's 308

 private:
  PathPrefix strip_;
  std::string add_;  ///< canonical, no slash at its end; empty: nothing
  bool changes_target_ = false;
};

}  // namespace sallyport::http_door
