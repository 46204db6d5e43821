#include "verify/store/redis_client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <thread>

#include <openssl/sha.h>
#include <spdlog/spdlog.h>

#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/store/redis_slot.h"

namespace sallyport::verify {
namespace {

constexpr std::uint32_t kMaxRedirections = 8;
constexpr std::uint64_t kFirstPauseMs = 10;  ///< while a failover is under way
constexpr std::uint64_t kLongestPauseMs = 100;
constexpr std::uint64_t kSayAgainMs = 60'000;

RedisPeer peer_of(const RedisSettings& settings) {
  return settings.mode == RedisMode::sentinel ? RedisPeer::master : RedisPeer::server;
}

/// The words of errors that are over soon: of a failover, a start, a slot that is being moved.
constexpr std::string_view kPassing[] = {"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN",
                                         "TRYAGAIN", "BUSY",    "UNBLOCKED"};
constexpr std::string_view kNoRoom[] = {"OOM", "MISCONF"};
constexpr std::string_view kUnreadable[] = {"WRONGTYPE"};

/// The error's word; of an error within a script as Redis 6 words it, the one inside.
std::string_view word_of(const RedisReply& reply) {
  const std::string_view word = reply.error_word();
  if (word != "ERR") return word;
  for (const std::string_view inner : {"READONLY", "OOM", "MISCONF", "WRONGTYPE"}) {
    if (reply.text.find("-" + std::string(inner) + " ") != std::string::npos) return inner;
  }
  return word;
}

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

struct Redirection {
  std::uint16_t slot = 0;
  RedisServer server;
};

/// "MOVED 3999 127.0.0.1:6381"; without a host it means the one that was asked.
std::optional<Redirection> redirection_of(std::string_view text, const std::string& asked_host) {
  const std::size_t slot_at = text.find(' ');
  const std::size_t host_at = text.find(' ', slot_at + 1);
  const std::size_t port_at = text.rfind(':');
  if (slot_at == text.npos || host_at == text.npos || port_at == text.npos || port_at < host_at) {
    return std::nullopt;
  }
  Redirection to;
  const auto slot = text.substr(slot_at + 1, host_at - slot_at - 1);
  const auto port = text.substr(port_at + 1);
  if (std::from_chars(slot.data(), slot.data() + slot.size(), to.slot).ec != std::errc{} ||
      std::from_chars(port.data(), port.data() + port.size(), to.server.port).ec != std::errc{} ||
      to.slot >= kRedisSlots || to.server.port == 0) {
    return std::nullopt;
  }
  to.server.host = text.substr(host_at + 1, port_at - host_at - 1);
  if (to.server.host.empty() || to.server.host == "?") to.server.host = asked_host;
  return to;
}

}  // namespace

RedisScript::RedisScript(std::string text) : text_(std::move(text)) {
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> octets;
  const Octets script = as_octets(text_);
  SHA1(script.data(), script.size(), octets.data());
  for (const std::uint8_t octet : octets) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    digest_ += kDigits[octet >> 4];
    digest_ += kDigits[octet & 15];
  }
}

/// Where a command is on its way.
struct RedisClient::Attempt {
  std::uint16_t slot = 0;
  std::uint64_t until_ms = 0;         ///< monotonic
  RedisServer server;                 ///< that is asked now
  std::optional<RedisServer> asking;  ///< to ask next, this once: it is taking the slot over
  std::uint32_t redirections = 0;
  std::uint32_t pauses = 0;

  [[nodiscard]] std::string name() const { return server.host + ":" + std::to_string(server.port); }
  [[nodiscard]] std::uint64_t left_ms() const noexcept {
    const std::uint64_t now_ms = monotonic_ms();
    return until_ms > now_ms ? until_ms - now_ms : 0;
  }
};

RedisClient::RedisClient(const RedisSettings& settings, std::shared_ptr<const RedisTls> tls)
    : dialer_(settings, std::move(tls)),
      pools_(dialer_, peer_of(settings)),
      topology_(make_redis_topology(dialer_, pools_)) {}

StoreResult<RedisReply> RedisClient::read(std::string_view key, const RedisCommand& command) {
  return ask(key, command, Repeat::always);
}

StoreResult<RedisReply> RedisClient::write(std::string_view key, const RedisCommand& command) {
  return ask(key, command, Repeat::unless_sent);
}

StoreResult<RedisReply> RedisClient::run(const RedisScript& script, std::string_view key,
                                         const RedisCommand& arguments) {
  RedisCommand command{"EVALSHA", script.digest(), "1", key};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto reply = write(key, command);
  if (!reply || reply->error_word() != "NOSCRIPT") return reply;
  command[0] = "EVAL";
  command[1] = script.text();
  return write(key, command);
}

StoreResult<RedisPool::Loan> RedisClient::borrow(Attempt& attempt) {
  for (std::optional<RedisServer> failed;;) {
    if (attempt.asking) {
      attempt.server = *attempt.asking;
    } else {
      const auto found = topology_->find(attempt.slot, attempt.until_ms);
      if (!found) return fail(StoreError::unavailable, found.error());
      attempt.server = *found;
    }
    if (failed == attempt.server) return std::unexpected(StoreError::unavailable);
    // One that swallows everything leaves time to learn who has taken its place.
    const bool alone = settings().mode == RedisMode::single;
    const std::uint64_t left_ms = attempt.left_ms();
    auto loan =
        pools_.of(attempt.server).borrow(attempt.until_ms - (alone || failed ? 0 : left_ms / 2));
    if (loan) return std::move(*loan);
    failed = attempt.server;
    attempt.asking.reset();
    static_cast<void>(fail(StoreError::unavailable, loan.error()));
    topology_->look_again(attempt.until_ms);
  }
}

StoreResult<RedisReply> RedisClient::ask(std::string_view key, const RedisCommand& command,
                                         Repeat repeat) {
  Attempt attempt;
  attempt.slot = redis_slot(key);
  attempt.until_ms = monotonic_ms() + settings().timeout_ms;
  const std::string wire = to_wire(command);
  if (suspect_.exchange(false)) topology_->look_again(attempt.until_ms);
  for (;;) {
    auto loan = borrow(attempt);
    if (!loan) return std::unexpected(loan.error());
    const bool asking = std::exchange(attempt.asking, std::nullopt).has_value();
    auto reply = (*loan)->ask(asking ? to_wire({"ASKING"}) + wire : wire, attempt.until_ms);
    if (reply && asking) reply = (*loan)->receive(attempt.until_ms);  // that was ASKING's
    if (!reply) {
      loan->spoil();
      if (ask_again(attempt, reply.error(), repeat)) continue;
      return std::unexpected(StoreError::unavailable);
    }
    if (!reply->is_error() || reply->error_word() == "NOSCRIPT") {
      well(repeat);
      return std::move(*reply);
    }
    if (!go_on(attempt, *reply)) return refuse(attempt, *reply);
  }
}

std::unexpected<StoreError> RedisClient::refuse(const Attempt& attempt, const RedisReply& reply) {
  const std::string_view word = word_of(reply);
  std::string text = attempt.name() + ": it answers " + std::string(word);
  if (is_one_of(word, kUnreadable)) {
    // One record, not the server; whoever asks for it again does not fill the log.
    const std::uint64_t now_ms = monotonic_ms();
    const std::uint64_t said_ms = said_broken_ms_.load();
    if (said_ms == 0 || now_ms - said_ms > kSayAgainMs) {
      said_broken_ms_ = now_ms;
      spdlog::error("store: Redis: {}: a key holds what is not ours", text);
    }
    return std::unexpected(StoreError::broken);
  }
  if (!is_one_of(word, kNoRoom)) return fail(StoreError::unavailable, std::move(text));
  full_ = true;
  return fail(StoreError::full, std::move(text));
}

bool RedisClient::ask_again(Attempt& attempt, const RedisFault& fault, Repeat repeat) {
  suspect_ = true;
  static_cast<void>(fail(StoreError::unavailable, attempt.name() + ": " + fault.text));
  if (fault.sent && repeat == Repeat::unless_sent) return false;
  return attempt.left_ms() > 0 && ++attempt.redirections <= kMaxRedirections;
}

bool RedisClient::go_on(Attempt& attempt, const RedisReply& reply) {
  const std::string_view word = word_of(reply);
  if (word == "MOVED" || word == "ASK") {
    const auto to = redirection_of(reply.text, attempt.server.host);
    if (!to || ++attempt.redirections > kMaxRedirections) return false;
    if (word == "ASK") {
      attempt.asking = to->server;
    } else {
      topology_->moved(to->slot, to->server);
    }
    return true;
  }
  if (!is_one_of(word, kPassing)) return false;
  const std::uint64_t pause_ms = back_off_ms(attempt.pauses++, kFirstPauseMs, kLongestPauseMs);
  if (attempt.left_ms() <= pause_ms) return false;
  std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
  topology_->look_again(attempt.until_ms);
  return true;
}

std::expected<RedisClient::Listening, std::string> RedisClient::listen(std::uint16_t slot,
                                                                       int wake) {
  const std::uint64_t until_ms = monotonic_ms() + settings().timeout_ms;
  auto server = topology_->find(slot, until_ms);
  if (!server) return std::unexpected(std::move(server.error()));
  auto connection = dialer_.dial(*server, peer_of(settings()), until_ms, wake);
  if (!connection) {
    topology_->look_again(until_ms);
    return std::unexpected(server->host + ":" + std::to_string(server->port) + ": " +
                           connection.error().text);
  }
  return Listening{.server = std::move(*server), .connection = std::move(*connection)};
}

std::expected<RedisServer, std::string> RedisClient::look_again(std::uint16_t slot) {
  const std::uint64_t until_ms = monotonic_ms() + settings().timeout_ms;
  topology_->look_again(until_ms);
  return topology_->find(slot, until_ms);
}

StoreHealth RedisClient::health() const {
  if (well_.load(std::memory_order_relaxed)) return {.ok = true, .text = "Redis"};
  const std::scoped_lock lock(mutex_);
  return {.ok = false, .text = "Redis: " + last_error_};
}

std::unexpected<StoreError> RedisClient::fail(StoreError error, std::string text) {
  const std::scoped_lock lock(mutex_);
  if (well_.exchange(false)) spdlog::error("store: Redis: {}", text);
  last_error_ = std::move(text);
  return std::unexpected(error);
}

void RedisClient::well(Repeat repeat) {
  if (well_.load(std::memory_order_relaxed)) return;
  if (full_ && repeat == Repeat::always) return;
  const std::scoped_lock lock(mutex_);
  full_ = false;
  if (!well_.exchange(true)) spdlog::info("store: Redis works again");
}

}  // namespace sallyport::verify
