#include "engine/http/listening.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <system_error>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "engine/config/http_endpoint.h"
#include "engine/ring/descriptor_copy.h"
#include "engine/ring/keep_alive.h"
#include "engine/ring/tcp_listener.h"
#include "engine/ring/udp_socket.h"

namespace sallyport::http_door {
namespace {

constexpr mode_t kUnixMode = 0660;

std::string why(int error) { return std::generic_category().message(error); }

std::string explain(const std::string& where, int error) {
  const std::string start = "cannot listen on " + where + ": ";
  switch (error) {
    case ENOTSOCK:  // of open_unix()
      return start + "a file that is no socket lies there: move it away, or choose another path";
    case EADDRINUSE:
      return start + "it is in use: stop what uses it (ss -tlpn names it), or choose another";
    case EACCES:
      return start +
             "not allowed: ports below 1024 need CAP_NET_BIND_SERVICE (AmbientCapabilities= in the "
             "systemd unit), a Unix socket a folder that this user may write to";
    case EADDRNOTAVAIL:
      return start +
             "this machine has no such address: correct it, or start after the network is up";
    default: return start + why(error);
  }
}

std::expected<void, int> listen_on(const ring::FileDescriptor& socket) {
  if (::listen(socket.get(), ring::kListenBacklog) != 0) return std::unexpected(errno);
  return {};
}

std::expected<void, int> open_group(ListeningSocket& out, const Endpoint& address,
                                    std::size_t shards) {
  auto group = ring::open_tcp_listeners(address, shards);
  if (!group) return std::unexpected(group.error());
  out.text = group->bound.text();
  out.sockets = std::move(group->sockets);
  return {};
}

std::expected<void, int> open_unix(ListeningSocket& out, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return std::unexpected(ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  ring::FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return std::unexpected(errno);
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(socket.get(), name, sizeof(address)) != 0) {
    if (errno != EADDRINUSE) return std::unexpected(errno);
    // A socket that a dead process left answers nobody; one that is alive is not ours to take.
    const ring::FileDescriptor asking(
        ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
      return std::unexpected(ENOTSOCK);
    if (::connect(asking.get(), name, sizeof(address)) == 0 || errno != ECONNREFUSED)
      return std::unexpected(EADDRINUSE);
    if (::unlink(path.c_str()) != 0 || ::bind(socket.get(), name, sizeof(address)) != 0) {
      return std::unexpected(errno);
    }
  }
  // Our umask leaves a socket to ourselves, and behind it is usually somebody else: our group's
  // members. Nobody can connect before we listen.
  if (::chmod(path.c_str(), kUnixMode) != 0) return std::unexpected(errno);
  if (const auto listening = listen_on(socket); !listening) return listening;
  out.text = "unix:" + path;
  out.unlink_path = path;
  out.sockets.push_back(std::move(socket));
  return {};
}

/// What systemd has handed over (sd_listen_fds_with_names), by FileDescriptorName. Once.
std::multimap<std::string, ring::FileDescriptor>& handed_over() {
  static std::multimap<std::string, ring::FileDescriptor> sockets = [] {
    std::multimap<std::string, ring::FileDescriptor> found;
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; ++i) {
      found.emplace(names[i], ring::FileDescriptor(SD_LISTEN_FDS_START + i));
      ::free(names[i]);
    }
    ::free(names);
    return found;
  }();
  return sockets;
}

std::expected<ListeningSocket, std::string> take_systemd(const std::string& name,
                                                         ring::FileDescriptor socket) {
  if (::sd_is_socket(socket.get(), AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
    return std::unexpected("the socket \"" + name +
                           "\" of systemd is not a listening stream: use ListenStream=");
  }
  const int on = 1;
  static_cast<void>(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
  static_cast<void>(ring::find_dead_peers(socket.get()));
  ListeningSocket taken{.text = "systemd:" + name, .sockets = {}, .unlink_path = {}};
  taken.inherited = true;
  taken.sockets.push_back(std::move(socket));
  return taken;
}

/// All of that name: the sockets of one unit share it.
std::expected<std::vector<ListeningSocket>, std::string> take_systemd(const std::string& name) {
  std::vector<ListeningSocket> all;
  for (auto found = handed_over().find(name); found != handed_over().end();
       found = handed_over().find(name)) {
    ring::FileDescriptor socket = std::move(found->second);
    handed_over().erase(found);
    auto taken = take_systemd(name, std::move(socket));
    if (!taken) return std::unexpected(std::move(taken.error()));
    all.push_back(std::move(*taken));
  }
  if (all.empty()) {
    return std::unexpected("systemd has handed over no socket named \"" + name +
                           "\": add FileDescriptorName=" + name + " to the .socket unit");
  }
  return all;
}

std::expected<std::vector<ListeningSocket>, std::string> open_address(
    const config::HttpAddress& address, std::size_t shards) {
  std::vector<ListeningSocket> all(1);
  std::expected<void, int> opened;
  switch (address.kind) {
    case config::HttpAddress::Kind::ip:
      opened = open_group(all.front(), address.endpoint, shards);
      if (!opened) return std::unexpected(explain(address.endpoint.text(), opened.error()));
      break;
    case config::HttpAddress::Kind::unix_socket:
      opened = open_unix(all.front(), address.name);
      if (!opened) return std::unexpected(explain("unix:" + address.name, opened.error()));
      break;
    case config::HttpAddress::Kind::systemd: return take_systemd(address.name);
  }
  return all;
}

}  // namespace

std::expected<std::vector<ListeningSocket>, std::string> open_listening(
    std::span<const config::HttpListener> listeners, std::size_t shards) {
  std::vector<ListeningSocket> all;
  for (std::size_t index = 0; index < listeners.size(); ++index) {
    for (const config::HttpAddress& address : listeners[index].listen) {
      auto opened = open_address(address, shards);
      if (!opened) return std::unexpected(std::move(opened.error()));
      for (ListeningSocket& socket : *opened) {
        socket.listener = static_cast<std::uint16_t>(index);
        socket.name = config::text_of(address);
        all.push_back(std::move(socket));
      }
    }
  }
  return all;
}

std::expected<std::vector<ListeningSocket>, std::string> inherit_listening(
    std::span<const config::HttpListener> listeners, std::size_t shards,
    std::vector<InheritedSockets> inherited) {
  using Kind = config::HttpAddress::Kind;
  const auto changed = [] {
    return std::unexpected(
        "http.listener.listen cannot change when sallyport takes over: restart it");
  };
  std::vector<ListeningSocket> all;
  for (std::size_t index = 0; index < listeners.size(); ++index) {
    for (const config::HttpAddress& address : listeners[index].listen) {
      const std::string name = config::text_of(address);
      const auto found = std::ranges::find(inherited, name, &InheritedSockets::name);
      if (found == inherited.end()) return changed();
      std::vector<ring::FileDescriptor> sockets = std::move(found->sockets);
      inherited.erase(found);
      const std::size_t groups = address.kind == Kind::systemd ? sockets.size() : 1;
      if (sockets.empty() || (address.kind == Kind::ip && sockets.size() != shards))
        return changed();
      for (std::size_t group = 0; group < groups; ++group) {
        ListeningSocket taken{.listener = static_cast<std::uint16_t>(index), .name = name};
        taken.text = address.kind == Kind::ip ? ring::local_endpoint(sockets.front()).text() : name;
        if (address.kind == Kind::unix_socket) taken.unlink_path = address.name;
        taken.inherited = address.kind == Kind::systemd;
        if (taken.inherited) {
          taken.sockets.push_back(std::move(sockets[group]));
        } else {
          taken.sockets = std::move(sockets);
        }
        all.push_back(std::move(taken));
      }
    }
  }
  if (!inherited.empty()) return changed();
  return all;
}

std::expected<std::vector<InheritedSockets>, std::string> copies_of(
    std::span<const ListeningSocket> sockets) {
  std::vector<InheritedSockets> all;
  for (const ListeningSocket& socket : sockets) {
    auto copies = std::ranges::find(all, socket.name, &InheritedSockets::name);
    if (copies == all.end()) copies = all.insert(copies, {.name = socket.name, .sockets = {}});
    for (const ring::FileDescriptor& descriptor : socket.sockets) {
      ring::FileDescriptor copy = ring::copy_of(descriptor.get());
      if (!copy.valid()) return std::unexpected(ring::kNoDescriptorLeft);
      copies->sockets.push_back(std::move(copy));
    }
  }
  return all;
}

std::vector<std::string> sockets_left_over() {
  std::vector<std::string> names;
  for (const auto& [name, socket] : handed_over()) names.push_back(name);
  return names;
}

void stop_listening(ListeningSocket& socket) noexcept {
  if (socket.inherited) return;
  // Its path first, and only now: later it may be another daemon's.
  if (!socket.unlink_path.empty()) static_cast<void>(::unlink(socket.unlink_path.c_str()));
  socket.unlink_path.clear();
  for (const ring::FileDescriptor& descriptor : socket.sockets) {
    static_cast<void>(::shutdown(descriptor.get(), SHUT_RDWR));
  }
}

}  // namespace sallyport::http_door
