#include "verify/store/redis_subscriber.h"

#include <csignal>

#include <poll.h>
#include <sys/eventfd.h>

#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/store/redis_records.h"

namespace sallyport::verify {
namespace {

constexpr std::uint64_t kLookEveryMs = 1'000;  ///< whether the master is still the master
constexpr std::uint64_t kFirstPauseMs = 20;
constexpr std::uint64_t kLongestPauseMs = 500;

}  // namespace

RedisSubscriber::RedisSubscriber(RedisClient& client, const std::vector<RecordKind>& kinds,
                                 StoreWatcher watcher)
    : client_(client),
      watcher_(std::move(watcher)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(stop_.valid());
  for (const RecordKind kind : kinds) {
    channels_.emplace(redis_channel(client.settings().prefix, client.settings().database, kind),
                      kind);
  }
  thread_ = std::thread([this] { run(); });
}

RedisSubscriber::~RedisSubscriber() {
  stopping_ = true;
  const std::uint64_t one = 1;
  CHECK(::write(stop_.get(), &one, sizeof one) == sizeof one);
  thread_.join();
}

void RedisSubscriber::run() {
  ::sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the main thread's
  while (!stopping_) {
    listen_once();
    listening_ = false;
    if (!stopping_) pause();
  }
}

void RedisSubscriber::listen_once() {
  auto listening = client_.listen(slot_, stop_.get());
  if (!listening || !subscribe(*listening->connection)) {
    ++failures_;
    return;
  }
  failures_ = 0;
  listening_ = true;
  watcher_.resync();
  while (hear(*listening)) {
  }
}

bool RedisSubscriber::subscribe(RedisConnection& connection) {
  RedisCommand command{"SUBSCRIBE"};
  for (const auto& [channel, kind] : channels_) command.push_back(channel);
  const std::uint64_t until_ms = monotonic_ms() + client_.settings().timeout_ms;
  if (!connection.send(to_wire(command), until_ms)) return false;
  for (std::size_t confirmed = 0; confirmed < channels_.size(); ++confirmed) {
    const auto reply = connection.receive(until_ms);
    if (!reply || reply->elements.empty() || reply->elements.front().text != "subscribe") {
      return false;
    }
  }
  return true;
}

bool RedisSubscriber::hear(const RedisClient::Listening& listening) {
  RedisConnection& connection = *listening.connection;
  const auto message = connection.receive(monotonic_ms() + kLookEveryMs);
  if (message) {
    tell(*message);
    return true;
  }
  return connection.timed_out() && still_there(listening);
}

bool RedisSubscriber::still_there(const RedisClient::Listening& listening) {
  if (client_.settings().mode == RedisMode::sentinel) {
    const auto master = client_.look_again(slot_);
    if (master && *master != listening.server) return false;
  }
  RedisConnection& connection = *listening.connection;
  const std::uint64_t until_ms = monotonic_ms() + client_.settings().timeout_ms;
  if (!connection.send(to_wire({"PING"}), until_ms)) return false;
  for (;;) {
    const auto message = connection.receive(until_ms);
    if (!message || message->elements.empty()) return false;
    if (message->elements.front().text == "pong") return true;
    tell(*message);
  }
}

void RedisSubscriber::tell(const RedisReply& message) {
  if (message.elements.size() != 3 || message.elements[0].text != "message") return;
  const auto channel = channels_.find(message.elements[1].text);
  if (channel == channels_.end()) return;
  if (const auto change = read_redis_change(channel->second, message.elements[2].text)) {
    watcher_.changed(*change);
  }
}

void RedisSubscriber::pause() {
  ::pollfd watched{.fd = stop_.get(), .events = POLLIN, .revents = 0};
  ::poll(&watched, 1, static_cast<int>(back_off_ms(failures_, kFirstPauseMs, kLongestPauseMs)));
}

}  // namespace sallyport::verify
