#pragma once
// A gate in a world of its own: store, directory, keeper, messages and phone are the test's, time
// stands until it is moved, and jobs run when they are told. Browsers keep cookies and send forms.

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/verify/gate/memory_store.h"
#include "verify/gate/gate.h"

namespace sallyport::verify {

class FakeDirectory final : public Directory {
 public:
  std::map<std::string, User, std::less<>> users;
  bool away = false;
  std::expected<std::optional<User>, std::string> find(std::string_view id) override {
    if (away) return std::unexpected("cannot be reached");
    const auto found = users.find(id);
    if (found == users.end()) return std::nullopt;
    return found->second;
  }
};

/// As the HTTP door's keeper promises, without a door.
class FakeKeeper final : public GrantKeeper {
 public:
  explicit FakeKeeper(MemoryStore& store) : store_(store) {}
  std::expected<Grant, GrantFailure> open(const Grant& grant) override;
  std::expected<void, GrantFailure> end(std::uint64_t id, std::string_view why) override;
  std::expected<std::uint32_t, GrantFailure> end_session(std::string_view session,
                                                         std::string_view why) override;
  std::vector<Grant> of_user(std::string_view user) const override;
  [[nodiscard]] std::vector<Grant> all() const;

 private:
  MemoryStore& store_;
  mutable std::mutex mutex_;
  std::vector<Grant> grants_;
};

class FakeMessages final : public MessageSink {
 public:
  bool full = false;
  std::vector<Message> posted;
  bool post(Message message) override {
    if (full) return false;
    posted.push_back(std::move(message));
    return true;
  }
  /// A value of the last message; empty: there is none.
  [[nodiscard]] std::string value(std::string_view name) const;
  /// What comes after k= in its link.
  [[nodiscard]] std::string link_secret() const;
};

class FakePhone final : public PushSender {
 public:
  struct Asked {
    std::string user;
    IpAddress address;
    std::string number;
    std::function<void(Verdict)> decided;
  };
  std::vector<Asked> asked;
  bool ask(std::string_view user, const IpAddress& address, std::string_view,
           std::string_view number, std::function<void(Verdict verdict)> decided) override {
    asked.push_back({.user = std::string(user),
                     .address = address,
                     .number = std::string(number),
                     .decided = std::move(decided)});
    return true;
  }
};

/// A line of the audit log.
struct AuditLine {
  std::string what;
  std::string user;
  std::string detail;
};

class World {
 public:
  World();
  explicit World(GateSettings its_settings);

  /// Another node: the same store and keeper, another gate.
  [[nodiscard]] std::unique_ptr<Gate> another_gate();
  void run_jobs();
  void pass(std::uint64_t ms) { now_ms += ms; }
  [[nodiscard]] bool has_audited(std::string_view what) const;
  /// Registers an app for the user and returns its secret; recovery codes into `recovery`.
  std::string give_app(const std::string& user, std::vector<std::string>* recovery = nullptr);
  /// The app's code at this time.
  [[nodiscard]] std::string app_code(const std::string& secret, std::int64_t steps = 0) const;

  std::uint64_t now_ms = 1'790'000'000'000;
  MemoryStore store;
  Sealer sealer;
  FakeDirectory directory;
  FakeKeeper keeper;
  FakeMessages messages;
  FakePhone phone;
  std::deque<std::function<void()>> jobs;
  std::vector<std::string> notified;
  std::vector<AuditLine> audit;
  GateSettings settings;
  std::unique_ptr<Gate> gate;

 private:
  std::mutex mutex_;
};

[[nodiscard]] GateSettings plain_settings();

using Form = std::vector<std::pair<std::string, std::string>>;

/// A browser at an address. It follows redirects within the gate, if told.
class Browser {
 public:
  explicit Browser(World& its_world, std::string_view address = "192.0.2.1")
      : world(&its_world), gate(its_world.gate.get()), visitor(*IpAddress::parse(address)) {}

  GateReply get(std::string_view path_and_query);
  /// With the form token of the page seen last, unless the form has one.
  GateReply post(std::string_view path, Form form);
  /// post(), then the page that it leads to.
  GateReply submit(std::string_view path, Form form);
  /// /start, and the page that it leads to.
  GateReply start(std::string_view user, std::string_view return_url = "");
  GateReply wait();

  World* world;
  Gate* gate;
  IpAddress visitor;
  std::string visit_cookie;
  std::string session_cookie;
  std::string access_cookie;
  std::string form_token;
  std::string host = "login.example.net";
  std::vector<Factor> factors;  ///< of the route; empty: the gate's
  std::uint64_t access_ms = 0;
  std::string return_url;
  bool same_origin = true;
  std::vector<std::string> seen;  ///< all texts of all replies: what the visitor knows

 private:
  GateReply ask(GateRequest request);
  [[nodiscard]] GateRequest request() const;
  void take(const GateReply& reply);
};

/// Whether a grant is open for the address now.
[[nodiscard]] bool is_open(const World& world, std::string_view address);

}  // namespace sallyport::verify
