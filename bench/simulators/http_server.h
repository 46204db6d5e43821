#pragma once
// The simulators' HTTP server: one thread, epoll, any number of listeners, HTTP/1.1 and HTTP/2,
// plain and TLS. A turn collects what has arrived, lets the handler work on all of it, and sends
// once. The handler may answer a request whenever it likes: 100,000 may be held.

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/simulators/connection.h"
#include "bench/simulators/http_message.h"
#include "protocol/ip_address.h"

namespace sallyport::lab {

/// All calls come on the server's thread.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void on_request(StreamKey key, HttpRequest&& request) = 0;
  /// The request's stream is no more, or all of the connection's (kAllStreams). Also comes after an
  /// answer was sent.
  virtual void on_gone(StreamKey key) = 0;
  /// When on_time is to be called next, monotonic.
  [[nodiscard]] virtual std::optional<std::uint64_t> next_deadline_ms() = 0;
  virtual void on_time(std::uint64_t now_ms) = 0;
};

struct HttpServerStats {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t http2_connections = 0;  ///< of those accepted
  std::uint64_t http2_streams = 0;      ///< requests that came over HTTP/2
  std::uint64_t http1_requests = 0;
};

class HttpServer {
 public:
  /// `handler` outlives the server.
  HttpServer(HttpHandler& handler, std::uint32_t max_streams);

  /// Returns the address with the port that was taken. Before run() only.
  [[nodiscard]] std::expected<Endpoint, std::string> listen(const Endpoint& endpoint,
                                                            std::shared_ptr<const TlsContext> tls);
  /// Until stop().
  void run();
  /// Any thread.
  void stop();

  /// For the handler, on the server's thread.
  void respond(StreamKey key, HttpReply&& reply);
  void append(StreamKey key, std::string_view text);
  [[nodiscard]] const HttpServerStats& stats() const { return stats_; }

 private:
  struct Listener {
    Descriptor socket;
    std::shared_ptr<const TlsContext> tls;
  };
  struct Slot {
    std::uint32_t generation = 0;
    bool dirty = false;          ///< has something to send
    bool watches_write = false;  ///< EPOLLOUT is armed
    std::unique_ptr<Connection> connection;
  };

  void accept_all(const Listener& listener);
  void read_from(std::uint32_t index);
  void hand_over(std::uint32_t index, Arrivals&& arrivals);
  void flush_dirty();
  void flush(std::uint32_t index);
  void close(std::uint32_t index);
  void mark_dirty(std::uint32_t index);
  [[nodiscard]] Connection* find(StreamKey key);
  [[nodiscard]] int wait_ms() const;

  HttpHandler& handler_;
  std::uint32_t max_streams_;
  Descriptor epoll_;
  Descriptor wake_;
  std::atomic<bool> stopping_{false};
  std::vector<Listener> listeners_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> dirty_;
  HttpServerStats stats_;
};

}  // namespace sallyport::lab
