#pragma once
// A grant as the store keeps it (verify/store/fields.h). Its end is the record's. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "verify/gate/grant_keeper.h"
#include "verify/store/store.h"

namespace sallyport::http_door {

[[nodiscard]] verify::RecordKey grant_key(std::uint64_t id);
/// 0: this is no grant's id.
[[nodiscard]] std::uint64_t grant_id_of(std::string_view record_id) noexcept;
[[nodiscard]] std::string grant_value(const verify::Grant& grant);
/// Nothing: this is no grant that can be.
[[nodiscard]] std::optional<verify::Grant> read_grant(std::uint64_t id,
                                                      const verify::Record& record);

}  // namespace sallyport::http_door
