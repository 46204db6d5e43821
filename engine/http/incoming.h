#pragma once
// A visitor's connection before it is known what he speaks: a PROXY header, then TLS, then HTTP/1
// or HTTP/2. Then another takes its place. One thread.

#include <cstdint>

#include "engine/http/connection.h"

namespace sallyport::http_door {

class Door;

class Incoming final : public Connection {
 public:
  Incoming(Door& door, ring::StreamId stream, const Peer& peer);
  void begin();

  void stream_event(const ring::StreamEvent& event) override;
  void timer(std::uint64_t now_ms) override;
  void drain() override;

 private:
  enum class State : std::uint8_t {
    proxy_header,
    tls,
    preface,  ///< plain: the first octets tell HTTP/2 (RFC 9113 §3.4) from HTTP/1
    closed,
  };
  void next();
  void read_proxy_header();
  void read_preface();
  void hand_over(bool http2);
  void close();
  void set_timer(std::uint32_t after_ms);

  Door& door_;
  const ring::StreamId stream_;
  Peer peer_;
  State state_ = State::preface;
  bool begun_ = false;  ///< preface: an octet has come
};

}  // namespace sallyport::http_door
