#include "engine/http/incoming.h"

#include <algorithm>
#include <utility>

#include "engine/http/door.h"
#include "protocol/http/proxy_protocol.h"

namespace sallyport::http_door {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kMaxProxyHeader = http::kProxyFixedOctets + http::kMaxProxyRestOctets;

}  // namespace

Incoming::Incoming(Door& door, ring::StreamId stream, const Peer& peer)
    : door_(door), stream_(stream), peer_(peer) {}

void Incoming::begin() {
  const config::HttpListener& listener = door_.settings().config.listeners[peer_.listener];
  if (listener.proxy_protocol != config::ProxyProtocol::off) {
    state_ = State::proxy_header;
  } else if (listener.tls) {
    next();
  }
  if (state_ == State::closed) return;
  const config::Http& config = door_.settings().config;
  set_timer(state_ == State::preface ? config.keep_alive_timeout_ms
                                     : config.tls_handshake_timeout_ms);
}

void Incoming::stream_event(const ring::StreamEvent& event) {
  switch (event.kind) {
    case ring::StreamEventKind::accepted:
    case ring::StreamEventKind::drained: break;
    case ring::StreamEventKind::connected:
      door_.counts().tls_handshakes.add();
      if (door_.streams().alpn(stream_) == "acme-tls/1")
        return close();  // RFC 8737 §3: that is all
      peer_.tls = true;
      hand_over(door_.streams().alpn(stream_) == "h2");
      break;
    case ring::StreamEventKind::received:
      if (state_ == State::proxy_header) read_proxy_header();
      if (state_ == State::preface) read_preface();
      break;
    case ring::StreamEventKind::failed:
      if (state_ == State::tls) door_.counts().tls_failures.add();
      close();
      break;
    case ring::StreamEventKind::ended: close(); break;
  }
}

void Incoming::next() {
  const auto& context = door_.settings().tls[peer_.listener];
  if (context != nullptr) {
    state_ = State::tls;
    door_.streams().start_tls(stream_, *context);
  } else {
    state_ = State::preface;
    set_timer(door_.settings().config.keep_alive_timeout_ms);
    read_preface();
  }
}

void Incoming::read_proxy_header() {
  ring::Streams& streams = door_.streams();
  const std::size_t there = std::min(streams.received_total(stream_), kMaxProxyHeader);
  if (there == 0 || !streams.gather(stream_, there)) return;
  const auto header = http::read_proxy_header(streams.received(stream_));
  if (!header) {
    door_.counts().bad_requests.add();
    return close();
  }
  if (!*header) return;
  switch ((*header)->kind) {
    case http::ProxyHeader::Kind::local: break;
    case http::ProxyHeader::Kind::unknown:
      // Somebody, but not the balancer, whose address may be let in.
      peer_.address = {};
      break;
    case http::ProxyHeader::Kind::ip:
      peer_.address = (*header)->source;
      peer_.local = (*header)->destination;
      break;
  }
  streams.consume(stream_, (*header)->octets);
  next();
}

void Incoming::read_preface() {
  ring::Streams& streams = door_.streams();
  if (streams.received_total(stream_) == 0) return;
  if (!door_.settings().config.listeners[peer_.listener].http2) return hand_over(false);
  const std::size_t wanted = std::min(streams.received_total(stream_), kPreface.size());
  if (!streams.gather(stream_, wanted)) return close();
  const std::string_view seen = as_text(streams.received(stream_)).substr(0, wanted);
  if (!kPreface.starts_with(seen)) return hand_over(false);
  if (seen.size() == kPreface.size()) return hand_over(true);
  if (!std::exchange(begun_, true)) set_timer(door_.settings().config.header_timeout_ms);
}

void Incoming::hand_over(bool http2) {
  state_ = State::closed;
  door_.detach(stream_);
  if (http2) {
    door_.begin_h2(stream_, peer_);
  } else {
    door_.begin_h1(stream_, peer_);
  }
  door_.bury(std::unique_ptr<Connection>(this));
}

void Incoming::timer(std::uint64_t) {
  door_.counts().timeouts.add();
  close();
}

void Incoming::drain() { close(); }

void Incoming::set_timer(std::uint32_t after_ms) {
  door_.set_timer(stream_, door_.now_ms() + after_ms);
}

void Incoming::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  door_.visitor_gone();
  door_.streams().close(stream_);
  door_.detach(stream_);
  door_.bury(std::unique_ptr<Connection>(this));
}

}  // namespace sallyport::http_door
