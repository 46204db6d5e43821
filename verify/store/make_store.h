#pragma once
// The store that is configured.

#include <expected>
#include <memory>
#include <string>

#include "verify/store/settings.h"
#include "verify/store/sqlite_file.h"
#include "verify/store/store.h"

namespace sallyport::verify {

/// SQLite's file is opened, or made, at once. A Redis that does not answer yet is no error: its
/// calls are unavailable until it does. An error is a sentence for the operator without its full
/// stop and without any secret. `use`: of SQLite's file. StoreSettings::Kind::none is an error: ask
/// before.
[[nodiscard]] std::expected<std::unique_ptr<Store>, std::string> make_store(
    const StoreSettings& settings, FileUse use = FileUse::alone);

}  // namespace sallyport::verify
