#pragma once
// The TLS connections of RADIUS clients on one shard: PROXY header, handshake, packets out of the
// stream, answers into it, time-outs. It decides nothing about packets: whole ones go to the Door,
// as datagrams do, with a number that names the connection. Part of the Shard, and on its thread.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/radius/door.h"
#include "engine/radius/parting.h"
#include "engine/radius/radsec_settings.h"
#include "engine/ring/buffer_pool.h"
#include "engine/ring/file_descriptor.h"
#include "engine/ring/ring.h"
#include "engine/ring/streams.h"
#include "engine/ring/timer_wheel.h"

namespace sallyport::radius_door {

struct RadsecPlan {
  /// Listening sockets, and of each the index of its listener in RadsecSettings. They stay open as
  /// long as the Radsec.
  std::vector<ring::FileDescriptor> sockets = {};
  std::vector<std::uint16_t> listener_of = {};
  std::uint32_t max_connections = 0;  ///< of this shard
};

/// Numbers of connections that a shard with so many of them needs: DoorPlan::max_connections.
[[nodiscard]] std::uint16_t connection_numbers(std::uint32_t max_connections) noexcept;

class Radsec {
 public:
  /// `ring` and `metrics` outlive it.
  [[nodiscard]] static std::expected<std::unique_ptr<Radsec>, std::string> open(
      RadsecPlan plan, ring::Ring& ring, RadiusMetrics& metrics);
  ~Radsec();

  // The shard's loop, in this order.
  void enter();
  void completed(const ring::Completion& completion) noexcept { streams_->completed(completion); }
  /// First in a turn: answers may be sent from here on.
  void tick(Now now) noexcept {
    now_ = now;
    streams_->tick(now.ms());
  }
  /// What has come goes to `door`, then time-outs.
  void turn(Now now, Door& door) noexcept;
  void flush() noexcept { streams_->flush(); }
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept;

  /// No connection is taken from now on.
  void drain() noexcept;
  /// After drain(): they are again.
  void accept_again() noexcept { streams_->listen_again(); }
  /// After drain(): another process takes connections, and those that are here end one by one.
  void part(Parting parting) noexcept { parting_ = parting; }
  /// Codes are asked for whose answers this process alone can check: they come by connections that
  /// are here, so all stay.
  void codes_are_out(bool out) noexcept { codes_out_ = out; }
  /// No connection is left, not even one whose last octets are under way.
  [[nodiscard]] bool gone() const noexcept { return open_ == 0 && streams_->open() == 0; }
  /// Every answer that was owed has been sent: ends all connections.
  void end_all(Now now, Door& door) noexcept;

  [[nodiscard]] std::uint32_t in_flight() const noexcept { return streams_->in_flight(); }
  void shut_down() noexcept { streams_->shut_down(); }

  // For the Outbox. `socket`: of a ClientPath, a connection.
  void send(std::uint16_t socket, Octets packet) noexcept;
  /// Ends with this turn's packets: answers that the Door still gives are dropped.
  void doom(std::uint16_t socket, RadsecEnd reason) noexcept;

 private:
  enum class State : std::uint8_t {
    free,
    proxy_header,  ///< a balancer's: its header must come first
    handshake,     ///< TLS
    open,          ///< the client is known
  };
  struct Connection {
    State state = State::free;
    bool readable = false;  ///< in readable_
    bool ended = false;     ///< the client sends no more
    bool stalled = false;   ///< it takes none of its answers: nothing is read from it
    bool unread = false;    ///< it parts: nothing is read from it any more
    std::optional<RadsecEnd> doomed;
    std::uint16_t listener = 0;  ///< index in RadsecSettings
    radius::Version version = radius::Version::v1_0;
    ring::StreamId stream;
    Endpoint source;  ///< the client's, as a PROXY header told
    IpAddress local;
    ring::TlsPeer peer;
    const ClientEntry* client = nullptr;
    std::uint32_t settings_number = 0;  ///< of the settings that `client` is of
    std::uint64_t opened_ms = 0;        ///< the end of its handshake
    std::uint64_t heard_ms = 0;         ///< when octets came last
  };
  /// Packets of one stream that the door is looking at.
  struct Taken {
    std::uint32_t connection;
    std::size_t octets;
  };

  Radsec(RadsecPlan plan, RadiusMetrics& metrics, std::uint64_t now_ms);

  void handle_event(const ring::StreamEvent& event) noexcept;
  void accepted(const ring::StreamEvent& event) noexcept;
  void start_tls(std::uint32_t index) noexcept;
  void read_proxy_header(std::uint32_t index) noexcept;
  void handshake_done(std::uint32_t index) noexcept;
  void failed(std::uint32_t index, ring::StreamError error) noexcept;
  void note_refusal(const Connection& connection, RadsecEnd reason) noexcept;

  void hand_over_packets() noexcept;
  void collect(std::uint32_t index) noexcept;
  [[nodiscard]] bool client_is_known(Connection& connection) noexcept;
  void want_read(std::uint32_t index) noexcept;
  void timer_fired(std::uint32_t index) noexcept;

  void doom(Connection& connection, RadsecEnd reason) noexcept;
  void end_doomed() noexcept;
  void end(std::uint32_t index, RadsecEnd reason) noexcept;
  void look_who_parts() noexcept;
  [[nodiscard]] bool in_handshake(const Connection& connection) const noexcept {
    return connection.state == State::proxy_header || connection.state == State::handshake;
  }
  [[nodiscard]] const RadsecSettings& settings() const noexcept {
    return *door_->settings().radsec;
  }
  [[nodiscard]] static std::uint16_t socket_of(std::uint32_t index) noexcept {
    return static_cast<std::uint16_t>(ClientPath::kFirstConnection + index);
  }

  const std::vector<ring::FileDescriptor> sockets_;
  const std::vector<std::uint16_t> listener_of_;
  const std::uint32_t max_handshakes_;
  RadiusMetrics& metrics_;
  std::unique_ptr<ring::BufferPool> buffers_;
  std::unique_ptr<ring::Streams> streams_;
  std::vector<Connection> connections_;  ///< by the stream's index
  ring::TimerWheel timers_;              ///< one for each: its state says what it is for
  std::vector<std::uint32_t> readable_;
  std::vector<std::uint32_t> doomed_;
  std::vector<ClientDatagram> packets_;
  std::vector<Taken> taken_;
  std::uint32_t open_ = 0;
  std::uint32_t handshakes_ = 0;
  std::optional<Parting> parting_;  ///< set: another process has taken over
  std::uint64_t look_ms_ = 0;       ///< then: when to look who parts
  bool codes_out_ = false;

  // Of the turn.
  Now now_;
  Door* door_ = nullptr;
};

}  // namespace sallyport::radius_door
