#pragma once
// One verification's talk with the Notakey API as a pure state machine: (state, event) → action.
// No sockets, no clock: the worker carries the actions out and comes back with what happened. The
// rules that keep it honest: a create is sent again only if the first surely was not taken; an
// approval counts only for our uuid, our user and before our deadline; once a push may be out, no
// answer is a no.

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "protocol/notakey/answer.h"
#include "protocol/notakey/request.h"
#include "verify/notakey/fault.h"
#include "verify/verification.h"

namespace sallyport::verify::notakey {

namespace api = ::sallyport::notakey;

enum class DialogueState : std::uint8_t {
  fresh,        ///< nothing done yet
  needs_token,  ///< v3: an access token is awaited, to create or to poll
  creating,     ///< the create request is on its way
  backing_off,  ///< the service refused the create for now (429, 503); it is sent again later
  waiting,      ///< the push is out; the next poll has its time
  polling,      ///< a poll is on its way
  decided,
};
inline constexpr std::size_t kDialogueStates = 7;

enum class EventKind : std::uint8_t {
  begin,
  due,           ///< the time of wake_at_ms() has come
  token_ready,   ///< an access token can be used
  token_failed,  ///< none could be had: `fault`
  answered,      ///< an HTTP answer: http_status, created or result
  failed,        ///< the transfer ended without one: `fault`
};
inline constexpr std::size_t kEventKinds = 6;

/// What happened. Only the fields of its kind are looked at.
struct Event {
  EventKind kind = EventKind::begin;
  std::uint64_t now_ms = 0;
  std::string_view user = {};          ///< whom we asked about
  std::uint32_t next_poll_ms = 1'000;  ///< from now, if a poll is to follow (poll_pace.h)

  std::uint16_t http_status = 0;
  std::optional<std::uint32_t> retry_after_ms = {};  ///< the Retry-After header
  bool names_errors = false;                         ///< the body is a JSON object with "errors"
  std::expected<api::Created, api::BadAnswer> created = std::unexpected(api::BadAnswer::not_json);
  std::expected<api::Result, api::BadAnswer> result = std::unexpected(api::BadAnswer::not_json);

  Fault fault = {};
  /// failed, or due while creating: the request may have reached the service.
  bool may_have_left = true;
};

enum class ActionKind : std::uint8_t {
  wait,       ///< until wake_at_ms() or an event
  get_token,  ///< then token_ready or token_failed
  create,     ///< send the create request, then answered or failed
  poll,       ///< send the result request, then answered or failed
  decide,     ///< the end: verdict, push_out, fault
};

struct Action {
  ActionKind kind = ActionKind::wait;
  bool token_refused = false;  ///< get_token: the one used last was refused, drop it
  Verdict verdict = Verdict::unavailable;
  bool push_out = false;
  Fault fault = {};
};

class Dialogue {
 public:
  Dialogue() = default;
  Dialogue(api::ApiVersion version, std::uint64_t begin_ms, std::uint64_t deadline_ms) noexcept;

  /// The one transition. An event that the state does not allow is a bug of the caller's.
  [[nodiscard]] Action step(const Event& event) noexcept;

  [[nodiscard]] DialogueState state() const noexcept { return state_; }
  [[nodiscard]] bool push_out() const noexcept { return push_out_; }
  [[nodiscard]] std::string_view uuid() const noexcept { return uuid_.view(); }
  [[nodiscard]] std::uint64_t deadline_ms() const noexcept { return deadline_ms_; }
  /// When `due` must be given at the latest.
  [[nodiscard]] std::uint64_t wake_at_ms() const noexcept;

  /// Errors in a row slow polling down from next_poll_ms to this.
  static constexpr std::uint32_t kMaxBackOffMs = 10'000;
  /// The last poll before the deadline, so that a late answer is still seen.
  static constexpr std::uint32_t kLastPollMs = 1'000;
  /// Polls in a row that the service answers with "not found" before we believe it.
  static constexpr std::uint8_t kMaxNotFound = 3;

 private:
  Action request(std::uint64_t now_ms, bool token_refused) noexcept;
  Action on_token(const Event& event) noexcept;
  Action on_token_failed(const Event& event) noexcept;
  Action on_due(const Event& event) noexcept;
  Action at_deadline() noexcept;
  Action on_create_answer(const Event& event) noexcept;
  Action on_create_failed(const Event& event) noexcept;
  Action on_poll_answer(const Event& event) noexcept;
  Action on_result(const Event& event) noexcept;
  Action poll_again(const Event& event) noexcept;
  Action poll_fault(const Event& event, Fault fault) noexcept;
  Action decide(Verdict verdict, Fault fault = {}) noexcept;
  [[nodiscard]] bool token_refused(std::uint16_t http_status) const noexcept;

  std::uint64_t begin_ms_ = 0;
  std::uint64_t deadline_ms_ = 0;
  std::uint64_t next_ms_ = 0;  ///< backing_off, waiting: the next request
  api::ApiVersion version_ = api::ApiVersion::v2;
  DialogueState state_ = DialogueState::fresh;
  bool push_out_ = false;
  bool renewed_ = false;  ///< the token was renewed since the last success
  std::uint8_t errors_ = 0;
  std::uint8_t not_found_ = 0;
  Fault last_fault_;  ///< of the latest poll, if it failed
  ShortText<api::kMaxUuidOctets> uuid_;
};

}  // namespace sallyport::verify::notakey
