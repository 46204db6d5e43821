#pragma once
// Grants as the gate and operators see them. The HTTP door keeps them: durable in the store, and as
// a snapshot for its shards.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ip_address.h"
#include "verify/gate/view.h"

namespace sallyport::verify {

/// An address opened for a user until a time. Immutable; a change makes another of the same id.
struct Grant {
  std::uint64_t id = 0;         ///< never used again, over restarts and other nodes
  IpAddress address;            ///< the visitor's, as it was when it was opened
  std::string user;             ///< 1..253 octets, as all texts here no control characters
  std::uint64_t since_ms = 0;   ///< Unix time of the confirmation
  std::uint64_t until_ms = 0;   ///< Unix time; open before, closed from then on
  std::string by;               ///< "push", "otp", "operator"; what routes ask for
  std::string reason;           ///< may be empty
  std::string session;          ///< hash that names the session it belongs to; empty: none
  std::uint64_t slides_ms = 0;  ///< each use makes it last at least so long from then; 0: fixed
  std::uint64_t latest_ms = 0;  ///< sliding: never beyond

  bool operator==(const Grant&) const = default;
};

enum class GrantFailure : std::uint8_t {
  unavailable,  ///< the store did not confirm it: it may still come about, as a later change
  full,         ///< as many grants are open as may be
  bad,          ///< a text or time that cannot be
  unknown,      ///< no grant of this id
};

class GrantKeeper {
 public:
  virtual ~GrantKeeper() = default;
  // Any thread but a shard's. What they return as done is in the store, and the shards go by it.

  /// `grant.id` is given by the keeper. The same user, factor and session at the same address
  /// again: his grant keeps its id and lasts until the later of both ends.
  virtual std::expected<Grant, GrantFailure> open(const Grant& grant) = 0;
  virtual std::expected<void, GrantFailure> end(std::uint64_t id, std::string_view why) = 0;
  virtual std::expected<std::uint32_t, GrantFailure> end_session(std::string_view session,
                                                                 std::string_view why) = 0;
  [[nodiscard]] virtual std::vector<Grant> of_user(std::string_view user) const = 0;
};

}  // namespace sallyport::verify
