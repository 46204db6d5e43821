#pragma once
// Inside HttpServer: what it has, and who does what.
//   server.cc           how it is opened, reloaded and drained, and its threads
//   server_takeover.cc  how it is handed over to another process

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/config/config.h"
#include "engine/http/control.h"
#include "engine/http/door.h"
#include "engine/http/gate/gatehouse.h"
#include "engine/http/gate/open_store.h"
#include "engine/http/grant_book.h"
#include "engine/http/listening.h"
#include "engine/http/make_settings.h"
#include "engine/http/operator_commands.h"
#include "engine/http/server.h"
#include "engine/http/whitelists.h"
#include "engine/ring/tls_files.h"
#include "protocol/random.h"
#include "verify/clock.h"

namespace sallyport::http_door {

/// A full mailbox lasts no longer than a turn of the shard's loop.
template <typename Message>
void post_surely(Door& door, const Message& message) {
  while (!door.post(message)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

inline std::uint64_t draw_seed() {
  std::uint64_t seed = 0;
  SystemRandom().fill({reinterpret_cast<std::uint8_t*>(&seed), sizeof(seed)});
  return seed;
}

struct HttpServer::Impl {
  Impl(const config::Config& config, AuditEvents& audit, OpenedStore opened)
      : configured(config.http),
        configured_gate(config.gate),
        events(audit),
        kept(std::move(opened)),
        book(static_cast<std::uint8_t>(config.http.ipv6_prefix), draw_seed(),
             {.store = kept.store.get(),
              .audit = &audit,
              .recheck = [this] { recheck(); },
              .now_ms = verify::unix_ms}) {}
  ~Impl() {
    if (gate != nullptr) gate->stop();
    kept.store.reset();  // it tells of changes until then
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] std::expected<void, std::string> open_gate(const config::Config& config,
                                                           verify::PoolSettings push);
  [[nodiscard]] std::expected<void, std::string> open(ring::Reactors& reactors, AccessQueue& access,
                                                      std::optional<HttpHeritage> heritage);
  void watch_store();
  void shut_sockets() noexcept {
    if (left) return;
    for (ListeningSocket& socket : sockets) stop_listening(socket);
  }
  void tell(const verify::GateEvent& event);
  [[nodiscard]] std::vector<AccessKey> access_keys() const;
  [[nodiscard]] std::expected<void, std::string> reload(const config::Config& config);
  void control();
  void run_commands();
  void wait();
  void look();
  void hand_over(std::shared_ptr<const DoorSettings> settings);
  void recheck();

  config::Http configured;
  config::Gate configured_gate;
  AuditEvents& events;
  std::vector<ListeningSocket> sockets;
  std::mutex mutex;  ///< of all below that the threads of ours and the main thread share
  SettingsBase base;
  std::shared_ptr<ring::TicketKeys> tickets;
  std::optional<Whitelists> whitelists;
  bool lists_changed = false;  ///< by a command; the shards do not know yet
  std::unique_ptr<ring::TlsFiles> files;
  OpenedStore kept;
  GrantBook book;
  std::unique_ptr<Gatehouse> gate;           ///< none: there is no gate
  std::optional<UsersOfGate> users_of_gate;  ///< with the gate
  UserCommands* users = nullptr;             ///< the gate's, or those of who has no gate
  std::atomic<bool> keys_changed{false};     ///< of the gate's cookies; the shards do not know yet
  std::uint32_t looks = 0;                   ///< of the control thread
  std::vector<std::shared_ptr<const DoorSettings>> settings;  ///< that shards may still use
  std::list<Handover> handovers;                              ///< shards hold pointers into it
  UpstreamBoard board;                                        ///< outlives the doors
  std::vector<std::unique_ptr<Door>> doors;

  std::thread thread;
  std::thread commands;  ///< runs those of whitelists: nothing else waits for them
  std::optional<ControlSocket> control_socket;
  std::atomic<bool> obeys{true};    ///< false: another process has the control socket
  std::mutex obedience;             ///< held while an operator is served; before `mutex`
  bool left = false;                ///< another process has the sockets: they are not shut
  ring::FileDescriptor stop_event;  ///< readable once `stopping`
  std::condition_variable stop_requested;
  bool stopping = false;
};

}  // namespace sallyport::http_door
