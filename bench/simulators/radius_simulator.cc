#include "bench/simulators/radius_simulator.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <openssl/md5.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "bench/simulators/clock.h"
#include "protocol/check.h"
#include "protocol/radius/packet.h"
#include "protocol/radius/translate.h"

namespace sallyport::lab {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kMaxProxyStatesOctets = radius::kMaxPacketOctets - radius::kHeaderOctets;
constexpr int kReceiveBufferOctets = 4 * 1024 * 1024;

/// Has nothing to say but that the request has arrived (RFC 2866 §4.2).
std::size_t write_accounting_response(const radius::PacketView& request, const radius::HopKey& key,
                                      Octets proxy_states, MutableOctets out) {
  const std::size_t length = radius::kHeaderOctets + proxy_states.size();
  out[0] = static_cast<std::uint8_t>(radius::Code::accounting_response);
  out[1] = request.identifier().value;
  out[2] = static_cast<std::uint8_t>(length >> 8);
  out[3] = static_cast<std::uint8_t>(length);
  std::ranges::copy(proxy_states, out.begin() + radius::kHeaderOctets);
  const auto authenticator = key.response_authenticator(out.first(length), request.authenticator());
  std::ranges::copy(authenticator.octets, out.begin() + 4);
  return length;
}

}  // namespace

std::string RadiusSimulatorStats::json() const {
  return fmt::format(
      R"({{"received":{},"accepted":{},"rejected":{},"accounting":{},"status_server":{},)"
      R"("lost":{},"malformed":{},"bad_authenticator":{}}})",
      received.load(), accepted.load(), rejected.load(), accounting.load(), status_server.load(),
      lost.load(), malformed.load(), bad_authenticator.load());
}

std::expected<std::unique_ptr<RadiusSimulator>, std::string> RadiusSimulator::start(
    RadiusSimulatorSettings settings) {
  sockaddr_storage address{};
  const socklen_t length = settings.listen.fill(address);
  Descriptor socket(::socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
    return std::unexpected(
        fmt::format("cannot listen on {}: {}", settings.listen.text(), std::strerror(errno)));
  // Best effort: the kernel's limit may be lower.
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBufferOctets,
               sizeof kReceiveBufferOctets);
  socklen_t bound_length = sizeof address;
  CHECK(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &bound_length) == 0);
  const Endpoint bound = Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
  std::unique_ptr<RadiusSimulator> simulator(
      new RadiusSimulator(std::move(settings), std::move(socket), bound));
  simulator->thread_ = std::thread([me = simulator.get()] { me->run(); });
  return simulator;
}

RadiusSimulator::RadiusSimulator(RadiusSimulatorSettings settings, Descriptor socket,
                                 const Endpoint& listening)
    : settings_(std::move(settings)),
      key_(settings_.secret),
      socket_(std::move(socket)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      listening_(listening),
      random_(settings_.seed) {
  CHECK(wake_);
}

RadiusSimulator::~RadiusSimulator() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  CHECK(::write(wake_.get(), &one, sizeof one) == sizeof one);
  thread_.join();
}

void RadiusSimulator::run() {
  std::array<pollfd, 2> watched = {pollfd{socket_.get(), POLLIN, 0},
                                   pollfd{wake_.get(), POLLIN, 0}};
  while ((watched[1].revents & POLLIN) == 0) {
    const std::uint64_t now = monotonic_ms();
    const auto due = delayed_.next_due_ms();
    const int wait_ms = !due ? -1 : static_cast<int>(*due > now ? *due - now : 0);
    ::poll(watched.data(), watched.size(), wait_ms);
    if ((watched[0].revents & POLLIN) != 0) receive_batch();
    send_due(monotonic_ms());
  }
}

void RadiusSimulator::receive_batch() {
  static thread_local std::array<std::array<std::uint8_t, radius::kMaxPacketOctets>, kBatch>
      buffers;
  std::array<sockaddr_storage, kBatch> addresses;
  std::array<iovec, kBatch> parts;
  std::array<mmsghdr, kBatch> messages{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts[i] = {.iov_base = buffers[i].data(), .iov_len = buffers[i].size()};
    messages[i].msg_hdr.msg_name = &addresses[i];
    messages[i].msg_hdr.msg_namelen = sizeof addresses[i];
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int count = ::recvmmsg(socket_.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < count; ++i) {
    const auto from = Endpoint::from(reinterpret_cast<const sockaddr*>(&addresses[i]));
    on_datagram(from, Octets(buffers[i]).first(messages[i].msg_len));
  }
}

void RadiusSimulator::on_datagram(const Endpoint& from, Octets datagram) {
  ++stats_.received;
  const auto request = radius::PacketView::parse(datagram);
  if (!request) {
    ++stats_.malformed;
    return;
  }
  if (radius::verify_request(*request, key_) != radius::Authenticity::authentic) {
    ++stats_.bad_authenticator;
    return;
  }
  if (request->code() == radius::Code::status_server) {
    ++stats_.status_server;
    return reply(from, *request, radius::Code::access_accept);
  }
  if (happens(settings_.loss)) {
    ++stats_.lost;
    return;
  }
  if (request->code() == radius::Code::accounting_request) {
    ++stats_.accounting;
    return reply(from, *request, radius::Code::accounting_response);
  }
  if (request->code() != radius::Code::access_request) {
    ++stats_.malformed;
    return;
  }
  const std::string user(as_text(request->find(radius::Type::user_name).value_or(Octets{})));
  const bool good = good_password(*request, user) && !happens(settings_.reject_share);
  ++(good ? stats_.accepted : stats_.rejected);
  if (settings_.on_event)
    settings_.on_event({.user = user, .accepted = good, .unix_ms = unix_ms()});
  reply(from, *request, good ? radius::Code::access_accept : radius::Code::access_reject);
}

bool RadiusSimulator::good_password(const radius::PacketView& request,
                                    std::string_view user) const {
  const auto known = settings_.users.find(user);
  if (known == settings_.users.end()) return false;
  const Octets password = known->second.reveal();
  if (const auto hidden = request.find(radius::Type::user_password)) {
    std::array<std::uint8_t, 128> clear;
    const auto length = radius::reveal_user_password(*hidden, key_, request.authenticator(), clear);
    const bool good = length && equal_constant_time(Octets(clear).first(*length), password);
    wipe(clear);
    return good;
  }
  // CHAP: MD5(identifier + password + challenge), RFC 2865 §2.2.
  const auto chap = request.find(radius::Type::chap_password);
  if (!chap || chap->size() != 17) return false;
  const radius::Authenticator authenticator = request.authenticator();
  const Octets challenge =
      request.find(radius::Type::chap_challenge).value_or(Octets(authenticator.octets));
  MD5_CTX md5;
  std::array<std::uint8_t, 16> digest;
  MD5_Init(&md5);
  MD5_Update(&md5, chap->data(), 1);
  MD5_Update(&md5, password.data(), password.size());
  MD5_Update(&md5, challenge.data(), challenge.size());
  MD5_Final(digest.data(), &md5);
  return equal_constant_time(chap->subspan(1), digest);
}

void RadiusSimulator::reply(const Endpoint& to, const radius::PacketView& request,
                            radius::Code code) {
  std::array<std::uint8_t, kMaxProxyStatesOctets> proxy_states;
  const std::size_t states = radius::copy_proxy_states(request, false, proxy_states);
  std::array<std::uint8_t, radius::kMaxPacketOctets> out;
  const Octets states_octets = Octets(proxy_states).first(states);
  const std::size_t length =
      code == radius::Code::accounting_response
          ? write_accounting_response(request, key_, states_octets, out)
          : radius::write_local_reply(
                {.code = code,
                 .client = key_,
                 .client_identifier = request.identifier(),
                 .client_authenticator = request.authenticator(),
                 .client_proxy_states = states_octets,
                 .reply_message =
                     code == radius::Code::access_reject ? "Wrong name or password." : "",
                 .eap_failure_identifier = std::nullopt},
                out);
  delayed_.add(
      monotonic_ms() + settings_.delay_ms,
      {.to = to, .octets = {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length)}});
}

bool RadiusSimulator::happens(double share) {
  return share > 0 && std::uniform_real_distribution<double>(0, 1)(random_) < share;
}

void RadiusSimulator::send_due(std::uint64_t now_ms) {
  while (const auto reply = delayed_.take_due(now_ms)) {
    sockaddr_storage address{};
    const socklen_t length = reply->to.fill(address);
    // Lost when the kernel has no room: RADIUS clients ask again.
    ::sendto(socket_.get(), reply->octets.data(), reply->octets.size(), 0,
             reinterpret_cast<const sockaddr*>(&address), length);
  }
}

}  // namespace sallyport::lab
