#pragma once
// What the tests of HTTP/2 share: buffers, a wire into memory, an exchange that notes down what it
// is told, and a peer that speaks HTTP/2 by nghttp2 or in frames made by hand.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include "engine/http/h2_wire.h"
#include "engine/http/sides.h"
#include "engine/ring/buffer_pool.h"
#include "engine/ring/ring.h"

namespace sallyport::http_door {

using FieldList = std::vector<std::pair<std::string, std::string>>;

/// A ring and its buffers; at its end all of them must have come home.
class H2Buffers {
 public:
  H2Buffers();
  ~H2Buffers() { EXPECT_EQ(pool_->in_use(), before_); }
  ring::BufferPool& pool() { return *pool_; }
  /// Slices that hold `octets`, each as long as a buffer allows.
  std::vector<ring::Slice> slices(std::string_view octets, std::size_t most = SIZE_MAX);
  std::string take(ring::Slice slice);  ///< releases it
  std::uint32_t in_use() const { return pool_->in_use() - before_; }

 private:
  std::unique_ptr<ring::Ring> ring_;
  std::unique_ptr<ring::BufferPool> pool_;
  std::uint32_t before_ = 0;
};

class MemoryWire final : public H2Wire {
 public:
  explicit MemoryWire(H2Buffers& buffers) : buffers_(buffers) {}
  void send(Octets octets) override { sent += as_text(octets); }
  void send(ring::Slice slice) override { sent += buffers_.take(slice); }
  bool writable() const override { return sent.size() < limit; }
  std::string take() { return std::exchange(sent, {}); }

  std::string sent;
  std::size_t limit = SIZE_MAX;

 private:
  H2Buffers& buffers_;
};

/// Notes down what it is told; does what a test hangs in.
class NotingExchange final : public ExchangeEvents {
 public:
  explicit NotingExchange(H2Buffers& buffers) : buffers_(buffers) {}
  void request_body(ring::Slice slice) override { body += buffers_.take(slice); }
  void request_end(const http::Fields* fields) override {
    ended = true;
    note_trailers(fields);
  }
  void client_writable() override { ++writable; }
  void client_broken(Broken why) override { broken = why; }
  void response_head(http::ResponseHead& head) override {
    (head.interim() ? interim : answers).push_back(head);
  }
  void response_body(ring::Slice slice) override { body += buffers_.take(slice); }
  void response_end(const http::Fields* fields) override { request_end(fields); }
  void upstream_writable() override { ++writable; }
  void upstream_broken(Broken why) override {
    broken = why;
    upstream = nullptr;
  }
  void release() { std::exchange(upstream, nullptr)->release(); }

  http::RequestHead request;
  std::vector<http::ResponseHead> interim;
  std::vector<http::ResponseHead> answers;
  std::string body;
  std::string trailers;  ///< "name: value\n" each
  bool ended = false;
  int writable = 0;
  Broken broken = Broken::none;
  ClientSide* side = nullptr;
  UpstreamSide* upstream = nullptr;
  bool has_body = false;
  std::uint16_t refused = 0;

 private:
  void note_trailers(const http::Fields* fields);
  H2Buffers& buffers_;
};

std::string text_of(const http::Fields& fields);  ///< "name: value\n" each

/// One frame in octets (RFC 9113 §4.1).
std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload);
std::string big_endian(std::uint32_t value, int octets = 4);
/// Encodes field blocks, with one table for all of them.
class Hpack {
 public:
  Hpack() { nghttp2_hd_deflate_new(&deflater_, 4096); }
  ~Hpack() { nghttp2_hd_deflate_del(deflater_); }
  Hpack(const Hpack&) = delete;
  Hpack& operator=(const Hpack&) = delete;
  std::string block(const FieldList& fields);

 private:
  nghttp2_hd_deflater* deflater_ = nullptr;
};
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline const FieldList kGet = {
    {":method", "GET"}, {":scheme", "https"}, {":authority", "example.net"}, {":path", "/"}};

/// What a peer has seen of one stream.
struct SeenStream {
  std::vector<FieldList> heads;
  FieldList trailers;
  std::string body;
  bool ended = false;
  bool closed = false;
  std::uint32_t error = 0;
};

/// nghttp2 at the other end, in either role.
class H2Peer {
 public:
  explicit H2Peer(bool server, std::vector<nghttp2_settings_entry> settings = {},
                  bool auto_window = true);
  ~H2Peer() { nghttp2_session_del(session_); }
  H2Peer(const H2Peer&) = delete;
  H2Peer& operator=(const H2Peer&) = delete;

  std::string output();  ///< all that it has to send
  ssize_t input(std::string_view octets);
  /// With no `body` the message ends with its head.
  std::int32_t request(const FieldList& fields, const std::string* body = nullptr,
                       const FieldList& trailers = {});
  void respond(std::int32_t id, const FieldList& fields, const std::string* body = nullptr,
               const FieldList& trailers = {});
  void interim(std::int32_t id, const FieldList& fields);
  void reset(std::int32_t id, std::uint32_t error);
  nghttp2_session* raw() { return session_; }

  std::map<std::int32_t, SeenStream> streams;
  std::vector<std::uint32_t> goaways;  ///< their errors
  std::vector<std::int32_t> goaway_last;
  std::size_t pings = 0;
  bool settings_acknowledged = false;

 private:
  struct Callbacks;
  struct Outgoing {
    std::string body;
    FieldList trailers;
    std::size_t at = 0;
  };
  nghttp2_data_provider provider(const std::string& body, const FieldList& trailers);

  nghttp2_session* session_ = nullptr;
  std::deque<Outgoing> outgoing_;
};

}  // namespace sallyport::http_door
