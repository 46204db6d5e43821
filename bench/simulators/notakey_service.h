#pragma once
// The simulated Notakey service: answers API calls (v2 and v3), the phone page and the lab's own
// API over one HttpServer. All on the server's thread. A poll of a pending request may be held
// until its user answers (long poll); a held poll is one entry in `holds_`.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/simulators/body_fields.h"
#include "bench/simulators/faults.h"
#include "bench/simulators/http_server.h"
#include "bench/simulators/notakey_route.h"
#include "bench/simulators/request_store.h"
#include "bench/simulators/timers.h"
#include "bench/simulators/token_table.h"
#include "bench/simulators/user_script.h"

namespace sallyport::lab {

/// Something that people want to see happen.
struct NotakeyEvent {
  enum class Kind : std::uint8_t { push_shown, user_refused, approved, denied, expired };
  Kind kind = Kind::push_shown;
  std::string user = {};
  std::string uuid = {};  ///< of the request; empty when the user was refused
  std::string text = {};  ///< the question; or why the user was refused
  std::uint64_t unix_ms = 0;
  std::uint64_t waited_ms = 0;  ///< from the push to its end
};

struct NotakeySettings {
  std::string access_id;  ///< empty: any is taken
  std::string client_id;  ///< v3; empty: any credentials are taken
  std::string client_secret;
  std::string display_name = "sallyport lab";
  UserScript users;
  std::vector<Fault> faults;
  std::uint64_t hold_ms = 0;  ///< how long a poll of a pending request is held; 0: not at all
  std::uint64_t token_lifetime_ms = 7'200'000;
  std::uint64_t seed = 1;                             ///< of faults that strike by chance
  std::function<void(const NotakeyEvent&)> on_event;  ///< on the server's thread; may be empty
};

/// What a fault does to an answer that is still to be given.
struct Twist {
  std::optional<FaultKind> kind = {};
  std::uint64_t delay_ms = 0;
};

class NotakeyService final : public HttpHandler {
 public:
  explicit NotakeyService(NotakeySettings settings);
  /// Before the server runs.
  void attach(HttpServer& server) { server_ = &server; }

  void on_request(StreamKey key, HttpRequest&& request) override;
  void on_gone(StreamKey key) override;
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() override {
    return timers_.next_due_ms();
  }
  void on_time(std::uint64_t now_ms) override;

 private:
  struct Hold {
    std::uint32_t number;  ///< of the request that is polled
    Twist twist;
  };
  struct Delayed {
    StreamKey key;
    HttpReply reply;
  };
  struct Timer {
    enum class Kind : std::uint8_t { script, expiry, hold_end, delayed, broadcast };
    Kind kind;
    std::uint32_t number = 0;  ///< script, expiry: the request; delayed: of the answer
    StreamKey key = {};        ///< hold_end
  };
  struct Counters {
    std::uint64_t polls = 0;
    std::uint64_t service_calls = 0;
    std::uint64_t refused_tokens = 0;  ///< calls without a token, or with a bad one
    std::uint64_t refused_users = 0;   ///< unknown, or without a device
    std::uint64_t not_found = 0;
    std::size_t most_held = 0;
  };

  // notakey_service.cc: the API.
  void on_api(StreamKey key, const HttpRequest& request);
  /// True: the fault has answered, or swallowed, the call.
  [[nodiscard]] bool strike(StreamKey key, const HttpRequest& request, const Fault& fault);
  [[nodiscard]] bool has_token(StreamKey key, const HttpRequest& request);
  void on_token(StreamKey key, const HttpRequest& request, Twist twist);
  void on_create(StreamKey key, const NotakeyRoute& route, const HttpRequest& request, Twist twist);
  void on_poll(StreamKey key, const NotakeyRoute& route, Twist twist);
  void on_user(StreamKey key, const NotakeyRoute& route, Twist twist);
  void hold(StreamKey key, const AuthRequest& request, Twist twist);
  void finished(std::uint32_t number);  ///< the request was answered or ran out
  void answer(std::uint32_t number, bool approve, AnsweredBy by);
  void expire(std::uint32_t number);
  void deliver(StreamKey key, HttpReply&& reply, Twist twist = {});
  [[nodiscard]] HttpReply render(const AuthRequest& request, std::uint16_t status,
                                 Twist twist) const;
  void tell(NotakeyEvent::Kind kind, const AuthRequest& request);

  // notakey_phone.cc: the phone page.
  void on_phone(StreamKey key, const HttpRequest& request);
  void on_phone_answer(StreamKey key, const HttpRequest& request, std::string_view uuid);
  void changed();  ///< the open tabs are told soon
  void broadcast();

  // notakey_lab_api.cc: what tests ask and set.
  void on_lab(StreamKey key, const HttpRequest& request);
  void on_lab_faults(StreamKey key, const HttpRequest& request);
  void on_lab_users(StreamKey key, const HttpRequest& request);
  [[nodiscard]] std::string stats_json() const;
  [[nodiscard]] std::string requests_json(std::string_view query) const;

  NotakeySettings settings_;
  HttpServer* server_ = nullptr;
  RequestStore store_;
  FaultTable faults_;
  TokenTable tokens_;
  Timers<Timer> timers_;
  std::map<StreamKey, Hold> holds_;
  std::unordered_map<std::uint32_t, std::vector<StreamKey>> holds_of_;  ///< by request
  std::unordered_map<std::uint32_t, Delayed> delayed_;
  std::uint32_t next_delayed_ = 0;
  std::set<StreamKey> tabs_;  ///< phone pages that listen
  bool broadcast_due_ = false;
  Counters counters_;
};

/// {"errors":["…"]}, as the service answers whatever it cannot do.
[[nodiscard]] HttpReply error_reply(std::uint16_t status, std::string_view text);
/// Refuses what a foreign web page would have a browser do.
[[nodiscard]] bool is_cross_site(const HttpRequest& request);

}  // namespace sallyport::lab
