#include "bench/simulators/notakey_simulator.h"

namespace sallyport::lab {

NotakeySimulator::NotakeySimulator(NotakeySettings settings, std::uint32_t max_streams)
    : service_(std::move(settings)), server_(service_, max_streams) {
  service_.attach(server_);
}

std::expected<std::unique_ptr<NotakeySimulator>, std::string> NotakeySimulator::start(
    NotakeySettings settings, const NotakeyListening& listening) {
  std::unique_ptr<NotakeySimulator> simulator(
      new NotakeySimulator(std::move(settings), listening.max_streams));
  const auto listen = simulator->server_.listen(listening.listen, listening.tls);
  if (!listen) return std::unexpected(listen.error());
  simulator->listening_ = simulator->phone_ = *listen;
  simulator->tls_ = simulator->phone_tls_ = listening.tls != nullptr;
  if (listening.phone_listen) {
    const auto phone = simulator->server_.listen(*listening.phone_listen, nullptr);
    if (!phone) return std::unexpected(phone.error());
    simulator->phone_ = *phone;
    simulator->phone_tls_ = false;
  }
  simulator->thread_ = std::thread([server = &simulator->server_] { server->run(); });
  return simulator;
}

NotakeySimulator::~NotakeySimulator() {
  if (!thread_.joinable()) return;
  server_.stop();
  thread_.join();
}

std::string NotakeySimulator::url() const {
  return (tls_ ? "https://" : "http://") + listening_.text();
}

std::string NotakeySimulator::phone_url() const {
  return (phone_tls_ ? "https://" : "http://") + phone_.text() + "/";
}

}  // namespace sallyport::lab
