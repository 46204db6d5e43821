#pragma once
// The HTTP door as a whole: its sockets, its part of every shard, the grants, and the control
// thread that reads lists and certificates anew, obeys operators, and tells the shards. The only
// part of engine/http that the daemon knows.

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/http/access_record.h"
#include "engine/http/audit_event.h"
#include "engine/http/gate/status.h"
#include "engine/http/listening.h"
#include "engine/http/metrics.h"
#include "engine/http/operator_commands.h"
#include "engine/http/upstream_board.h"
#include "engine/ring/reactors.h"
#include "verify/pool.h"
#include "verify/store/sealer.h"
#include "verify/store/store.h"
#include "verify/users/directory.h"

namespace sallyport::http_door {

class Gatehouse;

/// What a process has that takes over: the sockets that visitors connect to, and the control socket
/// (invalid: none). The store is open in the process before it, too.
struct HttpHeritage {
  std::vector<InheritedSockets> sockets;
  ring::FileDescriptor control = {};
};

/// Main thread, but where another is named.
class HttpServer {
 public:
  /// Binds every socket, reads every file, takes the shards' memory. An error is one line that says
  /// what to do. `access` and `events` outlive the server, which outlives the threads of
  /// `reactors`. `push`: how the gate asks phones, if [notakey] is configured.
  [[nodiscard]] static std::expected<std::unique_ptr<HttpServer>, std::string> open(
      const config::Config& config, ring::Reactors& reactors, AccessQueue& access,
      AuditEvents& events, verify::PoolSettings push,
      std::optional<HttpHeritage> heritage = std::nullopt);
  ~HttpServer();

  /// What the RADIUS door's codes share with the gate: valid as long as the server. Null: there is
  /// none.
  struct Shared {
    verify::Store* store = nullptr;
    const verify::Sealer* sealer = nullptr;
    Gatehouse* gate = nullptr;
  };
  [[nodiscard]] Shared shared() noexcept;
  /// Before start(): who obeys operators' commands about users where there is no gate. Outlives the
  /// control thread.
  void use(UserCommands& users) noexcept;

  /// Starts the control thread.
  void start();
  /// All or nothing: everything but the listeners' addresses and the memory bounds.
  [[nodiscard]] std::expected<void, std::string> reload(const config::Config& config);
  /// Takes no new connection, and waits at most `grace` for what is under way. While the reactors
  /// run. Ends the control thread.
  void drain(std::chrono::milliseconds grace);

  // For a process that takes over.
  /// From now on it may have the store open, too. An error says why the daemon has to be restarted.
  [[nodiscard]] std::expected<void, std::string> share_store();
  /// All that it accepts from; ours stay ours. An error is one line.
  [[nodiscard]] std::expected<std::vector<InheritedSockets>, std::string> listeners() const;
  /// Invalid: there is none, or no descriptor is left.
  [[nodiscard]] ring::FileDescriptor copy_of_control() const;
  /// Accepts nobody any more, and obeys no operator. Who is here is served as ever.
  void step_back();
  /// That process has failed: all is as before.
  void step_forth();
  /// After step_back(): tells visitors with their next answer to come anew, closes connections that
  /// ask nothing, and waits at most `most` for what is under way, and for phones that are asked.
  /// Grants that end meanwhile cut streams off as ever. drain() is all that is left.
  void retire(std::chrono::milliseconds most);

  [[nodiscard]] std::vector<const HttpMetrics*> metrics() const;
  [[nodiscard]] std::size_t grants_open() const;                ///< any thread
  [[nodiscard]] std::optional<GateStatus> gate_status() const;  ///< any thread; none: no gate
  /// Any thread; none: there is no store.
  [[nodiscard]] std::optional<verify::StoreHealth> store_health() const;
  /// Any thread; none: no channel.
  [[nodiscard]] std::optional<MessageStatus> message_status() const;
  [[nodiscard]] std::vector<UpstreamState> upstreams() const;  ///< any thread
  /// Addresses actually bound (port 0 resolved), in the order of the configuration.
  [[nodiscard]] std::vector<std::string> listening() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::http_door
