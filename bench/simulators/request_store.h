#pragma once
// Every authentication request that the simulated Notakey service has taken, and what became of
// it. Pure: the time comes in as an argument. A request is answered once or expires, never both.
// Finished requests are kept for the tests to look at, up to a bound.

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bench/simulators/user_script.h"

namespace sallyport::lab {

enum class RequestState : std::uint8_t { pending, approved, denied, expired };
[[nodiscard]] const char* to_text(RequestState state) noexcept;

enum class AnsweredBy : std::uint8_t { nobody, script, phone };
[[nodiscard]] const char* to_text(AnsweredBy by) noexcept;

struct Uuid {
  std::array<char, 36> text{};
  [[nodiscard]] std::string_view view() const { return {text.data(), text.size()}; }
  /// Version 4, from the operating system's generator.
  [[nodiscard]] static Uuid random();
};

struct AuthRequest {
  std::uint32_t number = 0;  ///< names it inside the simulator
  Uuid uuid = {};
  std::string user = {};
  std::string action = {};       ///< title on the phone
  std::string description = {};  ///< the question
  std::uint64_t created_unix_ms = 0;
  std::uint64_t expires_unix_ms = 0;
  std::uint64_t finished_unix_ms = 0;  ///< 0: not yet
  std::uint32_t polls = 0;
  Behaviour behaviour = {};
  RequestState state = RequestState::pending;
  AnsweredBy answered_by = AnsweredBy::nobody;
};

struct NewRequest {
  std::string user = {};
  std::string action = {};
  std::string description = {};
  std::uint64_t ttl_ms = 300'000;
  Behaviour behaviour = {};
};

class RequestStore {
 public:
  /// Requests kept; beyond, the oldest is forgotten, whatever its state.
  static constexpr std::size_t kMaxRequests = 1'000'000;
  /// Finished requests that the phone page shows.
  static constexpr std::size_t kHistory = 12;

  explicit RequestStore(std::size_t max_requests = kMaxRequests) : max_requests_(max_requests) {}

  const AuthRequest& create(NewRequest request, std::uint64_t now_unix_ms);
  [[nodiscard]] const AuthRequest* find(std::string_view uuid) const;
  [[nodiscard]] const AuthRequest* at(std::uint32_t number) const;
  void count_poll(std::uint32_t number);

  /// False: no longer pending, or its time is over.
  bool answer(std::uint32_t number, bool approve, AnsweredBy by, std::uint64_t now_unix_ms);
  /// False: not pending, or not due.
  bool expire(std::uint32_t number, std::uint64_t now_unix_ms);

  [[nodiscard]] std::size_t pending() const { return pending_.size(); }
  /// The newest pending ones, newest first.
  [[nodiscard]] std::vector<const AuthRequest*> newest_pending(std::size_t at_most) const;
  /// The last finished ones, newest first, at most kHistory.
  [[nodiscard]] std::vector<const AuthRequest*> history() const;
  [[nodiscard]] const std::deque<AuthRequest>& all() const { return requests_; }
  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& creates_per_user() const {
    return creates_per_user_;
  }
  [[nodiscard]] std::uint64_t created() const { return next_number_; }
  /// Forgets everything, numbers go on.
  void clear();

 private:
  [[nodiscard]] AuthRequest* find_mutable(std::uint32_t number);
  void finish(AuthRequest& request, RequestState state, AnsweredBy by, std::uint64_t now_unix_ms);
  void forget_oldest();

  std::size_t max_requests_;
  std::uint32_t first_number_ = 0;  ///< of requests_.front()
  std::uint32_t next_number_ = 0;
  std::deque<AuthRequest> requests_;
  std::unordered_map<std::string_view, std::uint32_t> by_uuid_;  ///< keys live in requests_
  std::set<std::uint32_t> pending_;
  std::deque<std::uint32_t> history_;
  std::map<std::string, std::uint64_t, std::less<>> creates_per_user_;
};

}  // namespace sallyport::lab
