#pragma once
// The Notakey simulator as a whole: service, server, listeners and the thread they run on. For
// `sallyport-lab simulate notakey`, the demo and tests.

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "bench/simulators/http_server.h"
#include "bench/simulators/notakey_service.h"

namespace sallyport::lab {

struct NotakeyListening {
  Endpoint listen;                        ///< port 0: any
  std::shared_ptr<const TlsContext> tls;  ///< null: plain
  std::optional<Endpoint> phone_listen;   ///< extra plain listener
  std::uint32_t max_streams = 1000;       ///< of one HTTP/2 connection
};

class NotakeySimulator {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<NotakeySimulator>, std::string> start(
      NotakeySettings settings, const NotakeyListening& listening);
  ~NotakeySimulator();  ///< stops
  NotakeySimulator(const NotakeySimulator&) = delete;
  NotakeySimulator& operator=(const NotakeySimulator&) = delete;

  [[nodiscard]] const Endpoint& listening() const { return listening_; }
  [[nodiscard]] const Endpoint& phone() const { return phone_; }
  /// "https://127.0.0.1:443", for a client's configuration.
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::string phone_url() const;

 private:
  explicit NotakeySimulator(NotakeySettings settings, std::uint32_t max_streams);

  NotakeyService service_;
  HttpServer server_;
  Endpoint listening_;
  Endpoint phone_;
  bool tls_ = false;
  bool phone_tls_ = false;
  std::thread thread_;
};

}  // namespace sallyport::lab
