#include "tests/verify/store/store_world.h"

#include <chrono>
#include <filesystem>
#include <thread>

#include <stdlib.h>

#include "protocol/check.h"
#include "verify/store/sqlite_store.h"

namespace sallyport::verify {
namespace {

class SqliteWorld final : public StoreWorld {
 public:
  std::unique_ptr<Store> open() override {
    auto store = SqliteStore::open({.path = folder_.file("state.db")});
    CHECK(store.has_value());
    return std::move(*store);
  }

 private:
  ScratchFolder folder_;
};

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "sallyport-store-XXXXXX").string();
  CHECK(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<StoreWorld> sqlite_world() { return std::make_unique<SqliteWorld>(); }

bool eventually(const std::function<bool()>& condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace sallyport::verify
