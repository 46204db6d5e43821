#pragma once
// What a contract test needs of an implementation: stores on the same data, opened again and again.

#include <functional>
#include <memory>
#include <string>

#include "verify/store/store.h"

namespace sallyport::verify {

class StoreWorld {
 public:
  virtual ~StoreWorld() = default;
  /// Another process' view of the same data, or after a restart. Never null.
  [[nodiscard]] virtual std::unique_ptr<Store> open() = 0;
};

/// A folder that goes with all that is in it.
class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

struct Implementation {
  const char* name;
  std::unique_ptr<StoreWorld> (*make)();
};

[[nodiscard]] std::unique_ptr<StoreWorld> sqlite_world();

/// Until `condition` holds; false after ten seconds, which fails the test that waits.
[[nodiscard]] bool eventually(const std::function<bool()>& condition);

}  // namespace sallyport::verify
