#include "verify/store/make_store.h"

#include "protocol/check.h"
#include "verify/store/redis_store.h"
#include "verify/store/sqlite_store.h"

namespace sallyport::verify {

std::expected<std::unique_ptr<Store>, std::string> make_store(const StoreSettings& settings,
                                                              FileUse use) {
  switch (settings.kind) {
    case StoreSettings::Kind::none: return std::unexpected("no store is configured");
    case StoreSettings::Kind::sqlite: return SqliteStore::open(settings.sqlite, use);
    case StoreSettings::Kind::redis: return RedisStore::make(settings.redis);
  }
  CHECK(false);
}

}  // namespace sallyport::verify
