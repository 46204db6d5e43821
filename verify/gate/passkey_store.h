#pragma once
// Passkeys in the store: all of one is sealed. Any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/gate/core.h"

namespace sallyport::verify {

[[nodiscard]] Outcome<std::optional<Held<PasskeyRecord>>> load_passkey(const Core& core,
                                                                       const RecordKey& key);
struct ListedPasskey {
  std::string id;
  PasskeyRecord passkey;
};
[[nodiscard]] Outcome<std::vector<ListedPasskey>> list_passkeys(const Core& core,
                                                                std::string_view user);
[[nodiscard]] std::string sealed(const Core& core, const RecordKey& key,
                                 const PasskeyRecord& passkey);

/// Names the user to authenticators, and tells them nothing about him. Octets.
[[nodiscard]] std::string user_handle_of(std::string_view user);

}  // namespace sallyport::verify
