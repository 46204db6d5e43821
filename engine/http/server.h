#pragma once
// The HTTP door as a whole: its sockets, its part of every shard, and the control thread that owns
// the grants, reads lists and certificates anew, and tells the shards. The only part of engine/http
// that the daemon knows.

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/http/access_record.h"
#include "engine/http/metrics.h"
#include "engine/ring/reactors.h"

namespace sallyport::http_door {

class Grants;

/// Main thread, but where another is named.
class HttpServer {
 public:
  /// Binds every socket, reads every file, takes the shards' memory. An error is one line that says
  /// what to do. `access` outlives the server, which outlives the threads of
  /// `reactors`.
  [[nodiscard]] static std::expected<std::unique_ptr<HttpServer>, std::string> open(
      const config::Config& config, ring::Reactors& reactors, AccessQueue& access);
  ~HttpServer();

  /// Starts the control thread.
  void start();
  /// All or nothing: everything but the listeners' addresses and the memory bounds.
  [[nodiscard]] std::expected<void, std::string> reload(const config::Config& config);
  /// Takes no new connection, and waits at most `grace` for what is under way. While the reactors
  /// run. Ends the control thread.
  void drain(std::chrono::milliseconds grace);

  /// Runs `change` on the grants, and cuts off whom nothing lets in afterwards. Any thread.
  void change_grants(const std::function<void(Grants&)>& change);

  [[nodiscard]] std::vector<const HttpMetrics*> metrics() const;
  [[nodiscard]] std::size_t grants_open() const;  ///< any thread
  /// Addresses actually bound (port 0 resolved), in the order of the configuration.
  [[nodiscard]] std::vector<std::string> listening() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::http_door
