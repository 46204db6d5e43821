#pragma once
// The configured store, and the keys that seal what is secret in it.

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "verify/store/sealer.h"
#include "verify/store/settings.h"
#include "verify/store/sqlite_file.h"
#include "verify/store/store.h"

namespace sallyport::http_door {

struct OpenedStore {
  std::unique_ptr<verify::Store> store;  ///< null: none is configured
  std::optional<verify::Sealer> sealer;  ///< with a store
};

/// Makes the key file when it is missing, readable for us alone; without one in the configuration
/// it stands beside SQLite's file, and a store in memory has a key that goes with it. An error is
/// one line that says what to mend. `use`: of SQLite's file.
[[nodiscard]] std::expected<OpenedStore, std::string> open_store(
    const verify::StoreSettings& settings, verify::FileUse use = verify::FileUse::alone);

}  // namespace sallyport::http_door
