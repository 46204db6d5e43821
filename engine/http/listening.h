#pragma once
// The sockets that visitors connect to. An IP address is a SO_REUSEPORT group with a socket for
// each shard, so that the kernel spreads connections; a Unix socket, or one that systemd hands
// over, is one that all shards accept from. Main thread.

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "engine/config/http.h"
#include "engine/ring/file_descriptor.h"

namespace sallyport::http_door {

/// Of one address: what the process before us accepts from. By shard, or one for all; those of a
/// systemd unit are several.
struct InheritedSockets {
  std::string name;  ///< the address as configured
  std::vector<ring::FileDescriptor> sockets;
};

struct ListeningSocket {
  std::uint16_t listener = 0;  ///< index in config::Http::listeners
  std::string name = {};       ///< the address as configured
  std::string text = {};       ///< "192.0.2.1:443", "unix:/run/x.sock", "systemd:web"
  std::vector<ring::FileDescriptor> sockets = {};  ///< by shard; one for all: a single element
  std::string unlink_path = {};                    ///< of a Unix socket that we made
  bool inherited = false;                          ///< systemd's own, which goes on without us

  [[nodiscard]] int of_shard(std::size_t shard) const noexcept {
    return sockets[sockets.size() == 1 ? 0 : shard].get();
  }
};

/// All or nothing. An error is one line: which address, what is wrong, what to do.
[[nodiscard]] std::expected<std::vector<ListeningSocket>, std::string> open_listening(
    std::span<const config::HttpListener> listeners, std::size_t shards);

/// Those of the process before us: the same addresses, and as many shards.
[[nodiscard]] std::expected<std::vector<ListeningSocket>, std::string> inherit_listening(
    std::span<const config::HttpListener> listeners, std::size_t shards,
    std::vector<InheritedSockets> inherited);
/// Copies of them, for a process that takes over. An error is one line.
[[nodiscard]] std::expected<std::vector<InheritedSockets>, std::string> copies_of(
    std::span<const ListeningSocket> sockets);

/// Names of sockets that systemd has handed over and no listener has taken: whoever connects to
/// one waits for nothing.
[[nodiscard]] std::vector<std::string> sockets_left_over();

/// Whoever comes from now on is refused at once, and another daemon may listen there. Not so where
/// the socket is inherited: there he waits for the next daemon. While shards may still accept.
void stop_listening(ListeningSocket& socket) noexcept;

}  // namespace sallyport::http_door
