#pragma once
// One accepted TCP connection: socket, TLS if the listener has it, and the protocol that the client
// turned out to speak (ALPN, or the HTTP/2 preface on a plain connection). Owned by the server's
// thread.

#include <cstdint>
#include <memory>
#include <string>

#include "bench/simulators/descriptor.h"
#include "bench/simulators/http_session.h"
#include "bench/simulators/tls.h"

namespace sallyport::lab {

class Connection {
 public:
  /// `tls` may be null: plain.
  Connection(Descriptor socket, const TlsContext* tls, std::uint32_t max_streams);

  /// Reads all there is. False: the connection is over.
  [[nodiscard]] bool receive(Arrivals& arrivals);
  /// Writes what can be written. False: the connection is over.
  [[nodiscard]] bool flush(Arrivals& arrivals);
  /// Null until the protocol is known.
  [[nodiscard]] HttpSession* session() { return session_.get(); }
  [[nodiscard]] bool wants_write() const { return !output_.empty() || tls_wants_write_; }
  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] bool is_http2() const { return http2_; }

 private:
  enum class Io : std::uint8_t { done, later, over };
  struct IoResult {
    Io io;
    std::size_t octets;
  };
  IoResult read(MutableOctets buffer);
  IoResult write(Octets octets);
  [[nodiscard]] bool take(Octets octets, Arrivals& arrivals);
  void choose_protocol(bool http2);

  Descriptor socket_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  std::unique_ptr<HttpSession> session_;
  std::string preface_;  ///< first octets of a plain connection, until they tell the protocol
  std::string output_;
  std::uint32_t max_streams_;
  bool http2_ = false;
  bool broken_ = false;  ///< the peer's octets made no sense: flush, then close
  bool tls_wants_write_ = false;
};

}  // namespace sallyport::lab
