#include "bench/demo/demo.h"

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "bench/demo/child_process.h"
#include "bench/demo/demo_setup.h"
#include "bench/demo/events.h"
#include "bench/demo/narrator.h"
#include "bench/demo/phone_client.h"
#include "bench/demo/private_folder.h"
#include "bench/demo/radius_client.h"
#include "bench/simulators/clock.h"
#include "bench/simulators/notakey_simulator.h"

namespace sallyport::lab {
namespace {

using Outcome = std::expected<void, std::string>;

constexpr std::uint64_t kReadyWithinMs = 15'000;
constexpr std::uint64_t kOnceWithinMs = 30'000;
constexpr std::uint64_t kAskAgainMs = 100;
/// A button that is pressed shows at once, since the daemon's poll is held; shorter than its
/// time-out.
constexpr std::uint64_t kHoldMs = 3'000;
/// The daemon's audit line may come a moment after its answer.
constexpr std::uint64_t kLastLineWithinMs = 1'000;

constexpr std::string_view kUsers = "alice wonderland\nbob builder\n";
constexpr std::string_view kOnceUser = "alice";
constexpr std::string_view kOncePassword = "wonderland";

void print(std::string_view line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

class Demo {
 public:
  explicit Demo(const DemoOptions& options)
      : options_(options),
        narrator_(::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr) {}

  Outcome run() {
    block_signals();
    if (auto outcome = start(); !outcome) return outcome;
    if (auto outcome = wait_ready(); !outcome) {
      for (const std::string& line : before_ready_) print(narrator_.trouble(line));
      return outcome;
    }
    print_welcome();
    return options_.once ? log_in_once() : watch();
  }

 private:
  /// What a turn of the loop has seen.
  struct Seen {
    bool stop_asked = false;
    bool daemon_ended = false;
    bool decided = false;
  };

  void block_signals();
  Outcome start();
  Outcome start_simulators();
  Outcome wait_ready();
  void print_welcome() const;
  Outcome watch();
  Outcome log_in_once();
  /// One turn: waits for whatever comes first, tells it.
  Seen turn(int timeout_ms);
  bool tell_daemon_lines();
  void tell_events();
  void print_all(const std::vector<std::string>& lines) const;

  DemoOptions options_;
  std::string binary_;  ///< sallyport's
  std::string config_;  ///< path of its configuration
  Narrator narrator_;
  DemoPorts ports_;
  DemoSecrets secrets_ = DemoSecrets::random();
  Events events_;
  Descriptor signals_;
  std::string unfinished_line_;
  bool ready_ = false;
  std::vector<std::string> before_ready_;  ///< of interest only if it does not become ready
  std::string push_uuid_;                  ///< of the last push shown
  // Ends in the reverse order: the daemon first, its configuration last.
  std::unique_ptr<PrivateFolder> folder_;
  std::unique_ptr<RadiusSimulator> downstream_;
  std::unique_ptr<NotakeySimulator> notakey_;
  std::unique_ptr<RadiusClient> client_;
  std::unique_ptr<ChildProcess> daemon_;
};

void Demo::block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
  CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  signals_ = Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  CHECK(signals_);
}

Outcome Demo::start() {
  const auto binary = find_sallyport(options_.sallyport);
  if (!binary) return std::unexpected(binary.error());
  const auto ports = choose_ports(options_.port_base);
  if (!ports) return std::unexpected(ports.error());
  ports_ = *ports;
  auto folder = PrivateFolder::make();
  if (!folder) return std::unexpected(folder.error());
  folder_ = std::make_unique<PrivateFolder>(std::move(*folder));
  if (auto outcome = start_simulators(); !outcome) return outcome;
  const auto config = folder_->write(
      "sallyport.toml", demo_config(ports_, secrets_, folder_->path_of("control.sock")));
  if (!config) return std::unexpected(config.error());
  binary_ = *binary;
  config_ = *config;
  auto daemon = ChildProcess::start({binary_, "run", "--config", config_});
  if (!daemon) return std::unexpected(daemon.error());
  daemon_ = std::make_unique<ChildProcess>(std::move(*daemon));
  return {};
}

Outcome Demo::start_simulators() {
  auto users = parse_users(kUsers);
  CHECK(users);
  auto downstream = RadiusSimulator::start(
      {.listen = ports_.downstream,
       .secret = Secret(secrets_.downstream),
       .users = std::move(*users),
       .behaviour = {.on_event = [this](const RadiusEvent& e) { events_.push(e); }}});
  if (!downstream) return std::unexpected(downstream.error());
  downstream_ = std::move(*downstream);
  ports_.downstream = downstream_->listening();

  NotakeySettings settings;
  settings.access_id = kDemoServiceId;
  settings.client_id = kDemoClientId;
  settings.client_secret = secrets_.notakey_client;
  settings.hold_ms = kHoldMs;
  settings.on_event = [this](const NotakeyEvent& e) { events_.push(e); };
  auto notakey = NotakeySimulator::start(
      std::move(settings), {.listen = ports_.phone, .tls = nullptr, .phone_listen = std::nullopt});
  if (!notakey) return std::unexpected(notakey.error());
  notakey_ = std::move(*notakey);
  ports_.phone = notakey_->listening();
  return {};
}

Outcome Demo::wait_ready() {
  client_ = std::make_unique<RadiusClient>(ports_.radius, Secret(secrets_.client));
  const std::uint64_t deadline_ms = monotonic_ms() + kReadyWithinMs;
  while (monotonic_ms() < deadline_ms) {
    client_->send_status();
    const Seen seen = turn(static_cast<int>(kAskAgainMs));
    if (seen.stop_asked) return std::unexpected("stopped");
    if (seen.daemon_ended) return std::unexpected("sallyport ended before it was ready");
    if (client_->receive()) {
      ready_ = true;
      return {};
    }
  }
  return std::unexpected("sallyport does not answer; run it alone with `sallyport run --config`");
}

void Demo::print_welcome() const {
  const auto try_line = [this](std::string_view user, std::string_view password) {
    return fmt::format(
        "echo 'User-Name={},User-Password={},Message-Authenticator=0x00' | radclient -t 70 -r 1 "
        "{} auth {}",
        user, password, ports_.radius.text(), secrets_.client);
  };
  print("");
  print(fmt::format("  {}   {}", narrator_.bold("Phone page"), notakey_->phone_url()));
  print(fmt::format("  {}     http://{}/", narrator_.bold("Web page"), ports_.web.text()));
  print(fmt::format("  {}      http://{}/metrics", narrator_.bold("Metrics"), ports_.admin.text()));
  print("");
  print(
      narrator_.dim("  The RADIUS door: open the phone page, then try these in another terminal:"));
  print("");
  print("  " + try_line("alice", "wonderland"));
  print("  " + try_line("bob", "builder"));
  print("  " + try_line("alice", "wrong-password"));
  print("");
  if (!is_installed("radclient"))
    print("  radclient is not installed: apt-get install freeradius-utils\n");
  print(narrator_.dim(
      "  The HTTP door: open the web page in a browser, be alice, and say yes on the"));
  print(narrator_.dim("  phone page. Or let your address in by hand:"));
  print("");
  const auto grants = [this](std::string_view what) {
    return fmt::format("  {} grants {} --config {}", binary_, what, config_);
  };
  print(fmt::format("  curl http://{}/", ports_.web.text()));
  print(grants("add 127.0.0.1 --user alice --for 1h"));
  print(grants("revoke --user alice"));
  print("");
  print(narrator_.dim("  Ctrl-C ends it all. What happens to each request shows here:"));
  print("");
}

Outcome Demo::watch() {
  for (;;) {
    const Seen seen = turn(-1);
    if (seen.daemon_ended) return std::unexpected("sallyport has ended");
    if (seen.stop_asked) break;
  }
  print(narrator_.dim("  ending"));
  return {};
}

Outcome Demo::log_in_once() {
  const std::uint64_t deadline_ms = monotonic_ms() + kOnceWithinMs;
  client_->send_login(kOnceUser, kOncePassword);
  std::optional<RadiusAnswer> answer;
  bool pressed = false;
  bool decided = false;
  while (!answer && monotonic_ms() < deadline_ms) {
    const Seen seen = turn(static_cast<int>(kAskAgainMs));
    if (seen.stop_asked) return std::unexpected("stopped");
    if (seen.daemon_ended) return std::unexpected("sallyport has ended");
    decided = decided || seen.decided;
    if (!pressed && !push_uuid_.empty()) {
      const auto status = press(ports_.phone, push_uuid_, "approve");
      if (!status) return std::unexpected(status.error());
      if (*status != 200)
        return std::unexpected(fmt::format("the phone page answered {}", *status));
      pressed = true;
    }
    answer = client_->receive();
  }
  if (!answer) return std::unexpected("the login got no answer");
  if (!pressed || answer->code != radius::Code::access_accept)
    return std::unexpected(fmt::format("the login got code {} {}",
                                       static_cast<unsigned>(answer->code), answer->reply_message));
  const std::uint64_t last_ms = monotonic_ms() + kLastLineWithinMs;
  while (!decided && monotonic_ms() < last_ms)
    decided = turn(static_cast<int>(kAskAgainMs)).decided;
  print("  alice logged in: Access-Accept after an approval on the phone");
  return {};
}

Demo::Seen Demo::turn(int timeout_ms) {
  std::array<pollfd, 5> watched = {
      pollfd{signals_.get(), POLLIN, 0}, pollfd{events_.fd(), POLLIN, 0},
      pollfd{daemon_->error_fd(), POLLIN, 0}, pollfd{daemon_->exit_fd(), POLLIN, 0},
      pollfd{timeout_ms < 0 ? -1 : client_->fd(), POLLIN, 0}};
  ::poll(watched.data(), watched.size(), timeout_ms);
  Seen seen;
  tell_events();
  seen.decided = tell_daemon_lines();
  seen.stop_asked = (watched[0].revents & POLLIN) != 0;
  seen.daemon_ended = (watched[3].revents & POLLIN) != 0;
  return seen;
}

void Demo::tell_events() {
  for (const DemoEvent& event : events_.take()) {
    print_all(std::visit([this](const auto& e) { return narrator_.tell(e); }, event));
    const auto* push = std::get_if<NotakeyEvent>(&event);
    if (push != nullptr && push->kind == NotakeyEvent::Kind::push_shown) push_uuid_ = push->uuid;
  }
}

bool Demo::tell_daemon_lines() {
  bool decided = false;
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    const ssize_t length = ::read(daemon_->error_fd(), buffer.data(), buffer.size());
    if (length <= 0) return decided;
    unfinished_line_.append(buffer.data(), static_cast<std::size_t>(length));
    std::size_t end = 0;
    while ((end = unfinished_line_.find('\n')) != std::string::npos) {
      const std::string line = unfinished_line_.substr(0, end);
      unfinished_line_.erase(0, end + 1);
      if (const auto decision = parse_decision(line)) {
        decided = true;
        print_all(narrator_.tell(*decision, unix_ms()));
      } else if (const auto visit = parse_visit(line)) {
        print(narrator_.tell(*visit, unix_ms()));
      } else if (const auto trouble = parse_trouble(line)) {
        if (ready_) print(narrator_.trouble(*trouble));
        if (!ready_) before_ready_.push_back(*trouble);
      }
    }
  }
}

void Demo::print_all(const std::vector<std::string>& lines) const {
  for (const std::string& line : lines) print(line);
}

}  // namespace

Outcome run_demo(const DemoOptions& options) { return Demo(options).run(); }

}  // namespace sallyport::lab
