#include "engine/daemon/codes.h"

#include <array>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>

#include "engine/http/gate/gatehouse.h"
#include "engine/ring/descriptor_copy.h"
#include "verify/clock.h"
#include "verify/thread.h"

namespace sallyport::daemon {

std::expected<std::unique_ptr<Codes>, std::string> Codes::open(
    const config::Config& config, http_door::HttpServer* http, verify::CodeSink& sink,
    verify::VerdictSink& verdicts, http_door::AuditEvents& events, CodesHeritage heritage) {
  std::unique_ptr<Codes> codes(new Codes(events));
  http_door::HttpServer::Shared shared;
  if (http != nullptr) {
    shared = http->shared();
    http->use(codes->users_);
  } else {
    events.turn(config.log.audit);
    auto opened = http_door::open_store(config.store, heritage.use);
    if (!opened) return std::unexpected(std::move(opened.error()));
    codes->own_ = std::move(*opened);
    shared.store = codes->own_.store.get();
    shared.sealer = codes->own_.sealer ? &*codes->own_.sealer : nullptr;
    if (!config.http.control_socket.empty()) {
      codes->control_path_ = config.http.control_socket;
      if (heritage.control.valid()) {
        codes->socket_ =
            http_door::ControlSocket::take(codes->control_path_, std::move(heritage.control));
      } else {
        auto socket = http_door::ControlSocket::open(codes->control_path_);
        if (!socket) return std::unexpected(std::move(socket.error()));
        codes->socket_ = std::move(*socket);
      }
      codes->stop_event_ = ring::FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      if (!codes->stop_event_.valid()) return std::unexpected("cannot create an eventfd");
    }
  }
  if (shared.store == nullptr || shared.sealer == nullptr)
    return std::unexpected("a policy that asks for codes needs a [store]");
  auto parts = prepare(config);
  if (!parts) return std::unexpected(std::move(parts.error()));
  const auto audit = [&events](const verify::GateEvent& event) {
    events.push(http_door::audit_event_of(event, "radius", verify::unix_ms()));
  };
  verify::Directory* directory = config.gate.on ? &codes->directory_ : nullptr;
  if (shared.gate != nullptr) directory = &shared.gate->directory();
  if (config::sends_messages(config)) {
    verify::MessageSink& messages =
        shared.gate != nullptr ? shared.gate->messages() : codes->messages_;
    codes->sender_ =
        std::make_unique<verify::LoginSender>(parts->settings,
                                              verify::LoginSenderWorld{.store = *shared.store,
                                                                       .sealer = *shared.sealer,
                                                                       .directory = *directory,
                                                                       .messages = messages,
                                                                       .audit = audit},
                                              config.second_factor.limits);
  }
  if (config::asks(config, verify::LoginFactor::link)) {
    codes->links_ =
        std::make_unique<verify::LinkDesk>(verify::LinkDeskPlan{}, *codes->sender_, verdicts);
    shared.gate->watch(codes->links_->watcher());
  }
  codes->desk_ = std::make_unique<verify::ChallengeDesk>(
      verify::ChallengeDeskPlan{.places = config.second_factor.otp_max_pending,
                                .generation = heritage.generation},
      parts->settings,
      verify::ChallengeWorld{.store = *shared.store,
                             .sealer = *shared.sealer,
                             .directory = directory,
                             .sender = codes->sender_.get(),
                             .audit = audit,
                             .sink = sink});
  codes->use(std::move(*parts));
  return codes;
}

Codes::~Codes() {
  stop();
  messages_.end();
}

std::expected<Codes::Parts, std::string> Codes::prepare(const config::Config& config) {
  Parts parts;
  parts.settings = config.gate.settings;
  if (parts.settings.issuer.empty() || !config.gate.on)
    parts.settings.issuer = config.second_factor.otp_issuer;
  if (!config.gate.on || !config.http.listeners.empty()) return parts;
  auto directory = http_door::make_directories(config.gate);
  if (!directory) return std::unexpected(std::move(directory.error()));
  auto messenger = http_door::make_messenger(config.gate);
  if (!messenger) return std::unexpected(std::move(messenger.error()));
  parts.directory = std::move(*directory);
  parts.messenger = std::move(*messenger);
  return parts;
}

void Codes::use(Parts parts) {
  if (parts.directory != nullptr) {
    directory_.use(std::move(parts.directory));
    messages_.use(std::move(parts.messenger));
    messages_.free_idle();
  }
  if (sender_ != nullptr) sender_->use(parts.settings);
  desk_->use(std::move(parts.settings));
}

void Codes::start() {
  desk_->start();
  if (links_ != nullptr) links_->start();
  begin_obeying();
}

void Codes::stop() {
  end_obeying();
  if (links_ != nullptr) links_->stop();
  if (desk_ != nullptr) desk_->stop();
}

void Codes::begin_obeying() {
  if (!socket_) return;
  stopping_.store(false);
  control_ = std::thread([this] { obey(); });
}

void Codes::end_obeying() {
  stopping_.store(true);
  if (!control_.joinable()) return;
  static_cast<void>(::eventfd_write(stop_event_.get(), 1));
  control_.join();
  ::eventfd_t told;
  static_cast<void>(::eventfd_read(stop_event_.get(), &told));
}

std::expected<void, std::string> Codes::share_store() {
  if (own_.store == nullptr) return {};
  return own_.store->share();
}

std::optional<verify::StoreHealth> Codes::store_health() const {
  if (own_.store == nullptr) return std::nullopt;
  return own_.store->health();
}

ring::FileDescriptor Codes::copy_of_control() const {
  if (!socket_) return {};
  return ring::copy_of(socket_->fd());
}

void Codes::step_back() {
  end_obeying();
  if (socket_) socket_->leave();
}

void Codes::step_forth() {
  if (socket_) socket_->come_back(control_path_);
  begin_obeying();
}

void Codes::obey() {
  verify::begin_thread("control");
  while (!stopping_.load()) {
    std::array<pollfd, 2> ready{{{.fd = stop_event_.get(), .events = POLLIN, .revents = 0},
                                 {.fd = socket_->fd(), .events = POLLIN, .revents = 0}}};
    if (::poll(ready.data(), ready.size(), -1) <= 0 || ready[1].revents == 0) continue;
    socket_->serve([this](std::string_view line, std::string_view who) {
      return http_door::obey_about_users(line, who, users_, events_, verify::unix_ms());
    });
  }
}

std::string Codes::Users::show(std::string_view user) { return codes_.desk_->show_user(user); }
verify::Changed Codes::Users::unlock(std::string_view user) {
  return codes_.desk_->unlock_user(user);
}
verify::Changed Codes::Users::reset_otp(std::string_view user) {
  return codes_.desk_->reset_otp(user);
}
verify::Changed Codes::Users::reset_passkeys(std::string_view user) {
  return codes_.desk_->reset_passkeys(user);
}
verify::Registered Codes::Users::register_otp(std::string_view user) {
  return codes_.desk_->register_otp(user);
}

}  // namespace sallyport::daemon
