#pragma once
// The TLS connections of one shard to downstream servers: connect, handshake, whose certificate it
// is, packets out of the stream, requests into it. It decides nothing about packets, nor when to
// connect: that is the Door's. Part of the Shard, and on its thread.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/radius/door.h"
#include "engine/ring/buffer_pool.h"
#include "engine/ring/ring.h"
#include "engine/ring/streams.h"

namespace sallyport::radius_door {

/// Where a link over TLS leads to. Shared by all shards.
struct ServerTarget {
  ServerTarget(std::string its_name, Endpoint at, std::optional<IpAddress> from)
      : name(std::move(its_name)), address(at), source(from) {}
  std::string name;
  Endpoint address;
  std::optional<IpAddress> source;  ///< empty: the system chooses
  /// What the log has been told of it last: a server that is away is no news with every attempt.
  mutable std::atomic<ServerReason> told = ServerReason::none;
};

class RadsecLinks {
 public:
  /// `ring` and `metrics` outlive it. `connections_each`: of a link, at most.
  RadsecLinks(ring::Ring& ring, RadiusMetrics& metrics, std::uint16_t connections_each);
  ~RadsecLinks();

  /// The link leads there from now on; null: it is not over TLS. Connections to where it led before
  /// end, and the Door does not hear of it. Takes memory for the first one that is not null.
  void lay(std::uint16_t link, std::shared_ptr<const ServerTarget> target);

  // The shard's loop, in this order.
  void completed(const ring::Completion& completion) noexcept { streams_->completed(completion); }
  void tick(Now now) noexcept;
  /// Begins what was asked for; what has come goes to `door`.
  void turn(Now now, Door& door) noexcept;
  void flush() noexcept;
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept;
  [[nodiscard]] std::uint32_t in_flight() const noexcept {
    return streams_ == nullptr ? 0 : streams_->in_flight();
  }
  /// Every request has been answered: ends all connections in good order.
  void end_all() noexcept;
  void shut_down() noexcept;

  // For the Outbox.
  void connect(std::uint16_t link, std::uint16_t number) noexcept;
  void send(std::uint16_t link, std::uint16_t number, Octets packet) noexcept;
  void end(std::uint16_t link, std::uint16_t number) noexcept;

 private:
  struct Connection {
    ring::StreamId stream;    ///< invalid: there is none
    bool is_open = false;     ///< the Door may use it
    bool has_spoken = false;  ///< a packet has come: the server takes us for a client
    bool readable = false;    ///< in readable_
    bool has_ended = false;   ///< the server sends no more
    std::optional<ServerReason> doomed;
    std::shared_ptr<const ServerTls> tls;  ///< as long as the connection
  };
  struct Link {
    std::shared_ptr<const ServerTarget> target;  ///< null: by UDP
    std::vector<Connection> connections;
  };
  /// A connection, by link and number.
  struct Place {
    std::uint16_t link;
    std::uint16_t number;
  };
  /// Packets of one stream that the door is looking at.
  struct Taken {
    ring::StreamId stream;
    std::size_t octets;
  };

  void open_streams();
  [[nodiscard]] Connection& at(Place place) noexcept {
    return links_[place.link].connections[place.number];
  }
  void begin(Place place) noexcept;
  void handle_event(const ring::StreamEvent& event) noexcept;
  void handshake_done(Place place) noexcept;
  void hand_over_packets() noexcept;
  void collect(Place place) noexcept;
  void want_read(Place place) noexcept;
  void doom(Place place, ServerReason why) noexcept;
  void end_doomed() noexcept;
  void first_packet(Place place) noexcept;
  /// A packet has come on one of its connections.
  [[nodiscard]] static bool speaks(const Link& link) noexcept;
  /// Once for each change of what is wrong, of all shards.
  void tell(const ServerTarget& target, ServerReason why, std::string_view detail) noexcept;

  ring::Ring& ring_;
  RadiusMetrics& metrics_;
  const std::uint16_t connections_each_;
  std::unique_ptr<ring::BufferPool> buffers_;
  std::unique_ptr<ring::Streams> streams_;  ///< null: no link over TLS yet, or no memory for it
  std::vector<Link> links_;                 ///< by link; as far as any is over TLS
  std::vector<Place> to_begin_;
  std::vector<Place> readable_;
  std::vector<Place> doomed_;
  std::vector<DownstreamDatagram> packets_;
  std::vector<Taken> taken_;

  // Of the turn.
  Now now_;
  Door* door_ = nullptr;
};

}  // namespace sallyport::radius_door
