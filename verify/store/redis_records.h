#pragma once
// How records and changes are written in Redis. Pure; nothing that is read is trusted.

#include <optional>
#include <string>
#include <string_view>

#include "verify/store/store.h"

namespace sallyport::verify {

/// Of one (kind, group): "PREFIX{KIND:GROUP}".
[[nodiscard]] std::string redis_key(std::string_view prefix, RecordKind kind,
                                    std::string_view group);

/// "UNTIL_MS:VERSION:VALUE". Nothing: it is something else.
[[nodiscard]] std::optional<Record> read_redis_record(std::string_view kept);

/// The front of a change, before "+RECORD" or "-": group and id with their lengths.
[[nodiscard]] std::string redis_change_head(const RecordKey& key);
/// A whole one. Nothing: it is something else.
[[nodiscard]] std::optional<RecordChange> read_redis_change(RecordKind kind,
                                                            std::string_view message);

/// Where changes of a kind are told. Channels know no databases, so its number is in the name.
[[nodiscard]] std::string redis_channel(std::string_view prefix, std::uint32_t database,
                                        RecordKind kind);

}  // namespace sallyport::verify
