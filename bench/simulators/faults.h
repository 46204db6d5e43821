#pragma once
// Scripted misbehaviour of the simulated Notakey service: which endpoint, what goes wrong, how
// often. Pure. Faults are tried in the order they were added; the first that strikes is the one.

#include <cstdint>
#include <expected>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::lab {

/// What of the API a fault is about.
enum class ApiCall : std::uint8_t { create, poll, token, service, any };
[[nodiscard]] const char* to_text(ApiCall call) noexcept;

enum class FaultKind : std::uint8_t {
  status,            ///< answers with an HTTP status of its own (500, 503, 429 …)
  slow,              ///< the right answer, later
  cut,               ///< the connection is cut and the call never takes place
  cut_after,         ///< the call takes place, the connection is cut before the answer
  cut_middle,        ///< the call takes place, the connection is cut in the middle of the answer
  hang,              ///< the call never takes place and no answer ever comes
  bad_json,          ///< the call takes place, the answer is not JSON
  wrong_uuid,        ///< the answer names another request
  wrong_username,    ///< the answer names another user
  unknown_response,  ///< a response_type that no client knows
  refuse_token,      ///< the access token is refused, as if it had been revoked
};
[[nodiscard]] const char* to_text(FaultKind kind) noexcept;

struct Fault {
  std::uint32_t id = 0;  ///< given by the table
  ApiCall call = ApiCall::any;
  FaultKind kind = FaultKind::status;
  std::uint16_t status = 500;                  ///< status, refuse_token
  std::optional<std::uint32_t> retry_after_s;  ///< status
  std::uint64_t delay_ms = 0;                  ///< slow
  std::optional<std::uint64_t> count;          ///< strikes left; none: for ever
  double probability = 1.0;                    ///< of each call
  std::uint64_t hits = 0;                      ///< times it has struck
};

/// "create:status=503,count=2", "poll:slow=200ms,probability=0.1", "token:refuse-token=401",
/// "poll:status=429,retry-after=2", "any:cut".
[[nodiscard]] std::expected<Fault, std::string> parse_fault(std::string_view text);

/// {"call":"create","kind":"status","status":503,"retry_after_s":2,"delay_ms":0,"count":2,
/// "probability":0.5}: what is absent keeps its default.
[[nodiscard]] std::expected<Fault, std::string> parse_fault_json(std::string_view json);

class FaultTable {
 public:
  explicit FaultTable(std::uint64_t seed) : random_(seed) {}
  /// Returns the id given.
  std::uint32_t add(Fault fault);
  bool remove(std::uint32_t id);
  void clear() { faults_.clear(); }
  /// The fault that strikes this call, if one does; counts it.
  [[nodiscard]] std::optional<Fault> draw(ApiCall call);
  [[nodiscard]] const std::vector<Fault>& all() const { return faults_; }
  [[nodiscard]] std::string json() const;

 private:
  std::vector<Fault> faults_;
  std::uint32_t next_id_ = 1;
  std::mt19937_64 random_;
};

}  // namespace sallyport::lab
