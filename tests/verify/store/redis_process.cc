#include "tests/verify/store/redis_process.h"

#include <atomic>
#include <csignal>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/file_descriptor.h"
#include "verify/store/redis_connection.h"
#include "verify/store/redis_store.h"

namespace sallyport::verify {
namespace {

/// One server for all tests of a process; each has its own prefix.
class RedisWorld final : public StoreWorld {
 public:
  RedisWorld() {
    static std::atomic<int> worlds{0};
    prefix_ = "w" + std::to_string(++worlds) + ":";
  }
  std::unique_ptr<Store> open() override {
    static const RedisProcess process;
    RedisSettings settings = settings_for(process);
    settings.prefix = prefix_;
    settings.timeout_ms = 10'000;
    auto store = RedisStore::make(settings);
    CHECK(store.has_value());
    return std::move(*store);
  }

 private:
  std::string prefix_;
};

}  // namespace

std::uint16_t free_port() {
  const FileDescriptor probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<::sockaddr*>(&address);
  CHECK(::bind(probe.get(), generic, size) == 0);
  CHECK(::getsockname(probe.get(), generic, &size) == 0);
  return ntohs(address.sin_port);
}

RedisProcess::RedisProcess(Options options) : options_(std::move(options)) {
  // Another test may take the port before the server does.
  for (int attempt = 0; attempt < 20; ++attempt) {
    port_ = free_port();
    if (spawn()) return;
  }
  CHECK(false);
}

RedisProcess::~RedisProcess() { kill(); }

bool RedisProcess::spawn() {
  std::vector<std::string> words{options_.sentinel ? "redis-sentinel" : "redis-server"};
  if (!options_.file.empty()) words.push_back(options_.file);
  for (const std::string& word : {std::string("--bind"), std::string("127.0.0.1"),
                                  std::string(options_.login.tls ? "--tls-port" : "--port"),
                                  std::to_string(port_), std::string("--dir"), folder_.file("")}) {
    words.push_back(word);
  }
  if (!options_.sentinel) words.insert(words.end(), {"--save", ""});
  if (options_.login.tls) words.insert(words.end(), {"--port", "0"});
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string log = folder_.file("log");
  pid_ = ::fork();
  CHECK(pid_ >= 0);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  bool ended = false;
  const bool up = eventually([&] {
    ended = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
    return ended || !ask({"PING"}).is_error();
  });
  if (ended) pid_ = -1;
  return up && !ended;
}

void RedisProcess::start() { CHECK(spawn()); }

void RedisProcess::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisProcess::freeze() {
  ::kill(pid_, SIGSTOP);
  siginfo_t stopped{};  // all of its threads
  CHECK(::waitid(P_PID, static_cast<id_t>(pid_), &stopped, WSTOPPED) == 0);
}

void RedisProcess::thaw() { ::kill(pid_, SIGCONT); }

RedisReply RedisProcess::ask(const RedisCommand& command) const {
  RedisReply none;
  none.type = RedisReply::Type::error;
  std::shared_ptr<const RedisTls> tls;
  if (options_.login.tls) tls = RedisTls::load(options_.login).value();
  RedisDialer dialer(options_.login, tls);
  const std::uint64_t until_ms = monotonic_ms() + 2'000;
  auto connection =
      dialer.dial(server(), options_.sentinel ? RedisPeer::sentinel : RedisPeer::server, until_ms);
  if (!connection) return none;
  return (*connection)->ask(to_wire(command), until_ms).value_or(none);
}

RedisSettings settings_for(const RedisProcess& process) {
  RedisSettings settings;
  settings.servers = {process.server()};
  settings.timeout_ms = 2'000;
  return settings;
}

std::unique_ptr<StoreWorld> redis_world() { return std::make_unique<RedisWorld>(); }

}  // namespace sallyport::verify
