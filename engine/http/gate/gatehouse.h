#pragma once
// The gate and all that it works with: directories, messages, pushes, the desk's threads, and the
// keys of its cookies. Made, replaced and ended as one. The store and the grants are the server's.

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/config.h"
#include "engine/http/access_cookie.h"
#include "engine/http/gate/desk.h"
#include "engine/http/gate/front.h"
#include "engine/http/gate/status.h"
#include "protocol/secret.h"
#include "verify/channels/messenger.h"
#include "verify/gate/gate.h"
#include "verify/pool.h"
#include "verify/store/sealer.h"
#include "verify/store/store.h"
#include "verify/users/directory.h"

namespace sallyport::http_door {

/// All outlive the gatehouse. The functions are called on its threads.
struct GatehouseWorld {
  verify::Store& store;
  const verify::Sealer& sealer;
  verify::GrantKeeper& grants;
  std::function<void(const verify::GateEvent& event)> audit;
  std::function<bool(GateErrand* errand)> deliver;  ///< as Desk::Work::deliver
  std::function<void()> keys_changed;               ///< access_keys() gives others now
};

/// Main thread, but where another is named.
class Gatehouse {
 public:
  /// `push`: how phones are asked; unused where no Notakey service is configured. An error is one
  /// line that says what to mend.
  [[nodiscard]] static std::expected<std::unique_ptr<Gatehouse>, std::string> open(
      const config::Config& config, verify::PoolSettings push, GatehouseWorld world);
  ~Gatehouse();  ///< stops

  void start();
  /// Answers all that is held; the doors are about to end.
  void let_go();
  /// After the doors have ended.
  void stop();

  /// What a changed configuration comes to; nothing is in use yet.
  struct Parts {
    verify::GateSettings settings;
    std::vector<Secret> configured_keys;
    std::shared_ptr<const GateFront> front;
    std::shared_ptr<verify::Directory> directory;
    std::shared_ptr<verify::Messenger> messenger;  ///< none: no channel is configured
  };
  [[nodiscard]] static std::expected<Parts, std::string> prepare(const config::Config& config);
  void use(Parts parts);

  [[nodiscard]] Desk& desk() noexcept;
  [[nodiscard]] verify::Gate&
  gate() noexcept;  ///< for operators' commands; any thread but a shard's
  [[nodiscard]] verify::Directory& directory() noexcept;   ///< the same; follows a reload
  [[nodiscard]] verify::MessageSink& messages() noexcept;  ///< the same
  /// Before start(): is told of each visit whose record changes, by whomever, and "" when any may
  /// have. On several threads.
  void watch(std::function<void(std::string_view visit)> watcher);

  // Any thread.

  [[nodiscard]] std::shared_ptr<const GateFront> front() const;
  [[nodiscard]] std::vector<AccessKey> access_keys() const;  ///< newest first, never none
  /// For the store's watcher.
  void changed(const verify::RecordChange& change);
  void resync();
  /// Now and then: rotates keys, frees what was replaced. Does not wait.
  void look(std::uint64_t now_unix_ms);
  [[nodiscard]] GateStatus status() const;
  [[nodiscard]] std::optional<MessageStatus> message_status() const;  ///< none: no channel
  /// Whether a phone is being asked.
  [[nodiscard]] bool asks_phones() const;

 private:
  struct Impl;
  explicit Gatehouse(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::http_door
