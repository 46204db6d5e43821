#pragma once
// One request and its answer: from the visitor's side through the decisions (who is it, which
// route, is he let in, which server) to the upstream's side and back. It reads no socket: the two
// sides (sides.h) do, and tell it. Slots of the Door's; used again.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/http/access_record.h"
#include "engine/http/admission.h"
#include "engine/http/connection.h"
#include "engine/http/door_settings.h"
#include "engine/http/forward_auth.h"
#include "engine/http/gate/errand.h"
#include "engine/http/own_pages.h"
#include "engine/http/router_host.h"
#include "engine/http/sides.h"
#include "engine/http/upstream_pool.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

class Door;

/// Where an exchange stands. `step` in exchange.cc changes it and nothing else does.
enum class ExchangeState : std::uint8_t {
  free,        ///< in the Door's list
  reading,     ///< the head is being read into request()
  gathering,   ///< a form for the gate is being read
  asking,      ///< the gate has a question
  forwarding,  ///< an upstream has the request; no octet of the final answer has come
  answering,   ///< the final head has gone to the visitor; the rest follows
  tunnel,      ///< after a 101: octets both ways until one side ends
  over,        ///< nothing is left to do; the slot is free with the next turn
};

class Exchange final : public ExchangeEvents {
 public:
  Exchange(Door& door, std::uint32_t index) : door_(door), index_(index) {}

  /// The head that a side reads a request into, before begin().
  [[nodiscard]] http::RequestHead& request() noexcept { return request_; }

  /// request() is complete. `body`: octets or trailers follow. May answer at once.
  void begin(ClientSide& client, const Peer& peer, bool body);
  /// request() could not be read: answers with `status`. The side closes the connection after it.
  void refuse(ClientSide& client, const Peer& peer, std::uint16_t status);
  /// No answer from upstream in time, or the like.
  void timer();
  /// The gate has answered a question of this slot's; perhaps not of the request that it has now.
  void gate_answered(std::unique_ptr<GateErrand> errand);
  [[nodiscard]] bool awaits(const GateTicket& ticket) const noexcept;
  /// Whether he is still let in is looked at again; if not, all that is open is cut off.
  void recheck();
  /// The shard ends: what is open is cut off, and nobody is told but the access log.
  void leave() noexcept;

  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }
  [[nodiscard]] ExchangeState state() const noexcept { return state_; }
  void reuse() noexcept;  ///< the Door's: from over (or reading, given up) to free

  // ExchangeEvents: called by the sides.
  void request_body(ring::Slice slice) override;
  void request_end(const http::Fields* trailers) override;
  void client_writable() override;
  void client_broken(Broken why) override;
  void response_head(http::ResponseHead& head) override;
  void response_body(ring::Slice slice) override;
  void response_end(const http::Fields* trailers) override;
  void upstream_writable() override;
  void upstream_broken(Broken why) override;

 private:
  void step(ExchangeState to) noexcept;

  // exchange_decide.cc: what is to become of a request.
  void decide();
  [[nodiscard]] bool serve_reserved(std::string_view path);
  void serve_route(const RouteSettings& route);
  void serve_without_gate();
  void serve_auth(const AuthEndpoint& endpoint);
  [[nodiscard]] Admission admission_to(const Access& access, const Visitor& visitor) noexcept;
  void note_admission(const Admission& admission) noexcept;
  void not_admitted(Verdict verdict);
  [[nodiscard]] RewriteValues rewrite_values();  ///< good until the next call

  // exchange_gate.cc: the gate's pages.
  void serve_gate(std::string_view path);
  [[nodiscard]] bool is_ours(std::string_view authority, const HostName& host) const noexcept;
  [[nodiscard]] bool serve_first_page();
  [[nodiscard]] std::string_view gate_language(std::string_view asked) const;
  [[nodiscard]] const RouteSettings* believed_route(std::string_view url) const;
  void gather_form();
  void gather(ring::Slice slice);
  void ask_gate();
  void let_gate_go() noexcept;
  void gate_message(std::uint16_t status, verify::GateError error);
  void gate_wrong_method(std::string_view allowed);

  // exchange_forward.cc: to the upstream.
  void forward(const RouteSettings& route);
  void prepare_request();
  void attempt(bool same_server);
  [[nodiscard]] std::uint64_t draw_random();
  void give_up(Broken why);
  void tell_failure(std::string_view reason);
  void tunnel_to_http1();

  // exchange_answer.cc: to the visitor.
  void prepare_response(http::ResponseHead& head);
  void answer(std::uint16_t status, std::string_view content_type, std::string_view body);
  void answer_page(std::uint16_t status, std::string_view detail);
  void refuse_answer();
  void send_own();
  void cut_off();
  void release_upstream();
  void end_lease() noexcept;
  void finish();
  void log_access() noexcept;

  Door& door_;
  const std::uint32_t index_;
  ExchangeState state_ = ExchangeState::free;
  std::uint32_t epoch_ = 0;  ///< of the settings; 0: none held
  const DoorSettings* settings_ = nullptr;
  const RouteSettings* route_ = nullptr;
  ClientSide* client_ = nullptr;
  UpstreamSide* upstream_ = nullptr;
  std::shared_ptr<UpstreamPool> pool_;
  std::optional<ServerLease> lease_;
  ServerMask tried_ = 0;
  std::uint32_t retries_left_ = 0;

  Peer peer_;
  IpAddress visitor_;
  bool visitor_https_ = false;
  std::uint64_t grant_ = 0;        ///< id of the grant that lets him in; 0: another reason
  std::uint64_t named_grant_ = 0;  ///< by his access cookie; 0: none, or it is not looked at
  bool by_whitelist_or_grant_ = false;
  std::optional<Verdict> admission_;  ///< none: no route was asked
  std::uint32_t whitelist_ = AddressSet::kNone;

  // For the access log.
  std::uint64_t begun_ms_ = 0;
  std::uint16_t status_ = 0;  ///< of the answer; 0: none was begun
  AccessEnd end_ = AccessEnd::answered;
  std::string_view failure_;  ///< static; of the last server that failed it

  std::unique_ptr<GateErrand> errand_;  ///< before it goes to the gate
  std::uint32_t generation_ = 0;        ///< of this slot's request, in tickets

  http::RequestHead request_;
  OwnAnswer own_;  ///< an answer of ours
  std::string scratch_;
  std::string target_;        ///< as asked for, canonical: path and query
  std::string cookie_;        ///< of the visitor, for balance = cookie
  std::string user_;          ///< of the grant that lets him in
  std::string visitor_text_;  ///< behind rewrite_values()
  HostName host_;
  std::string asked_host_;    ///< while another stands in the request
  std::uint32_t server_ = 0;  ///< of the last attempt
  std::uint64_t last_octet_ms_ = 0;
  bool has_body_ = false;
  bool request_done_ = false;
  bool body_begun_ = false;  ///< octets or trailers have been taken: no second attempt
  bool client_paused_ = false;
  bool upstream_paused_ = false;
  bool websocket_over_h2_ = false;
  bool fresh_tried_ = false;
  bool answer_begun_ = false;  ///< an octet of an answer has come, interim ones included
  bool set_cookie_owed_ = false;
  bool connecting_ = false;
  bool half_closed_ = false;   ///< the visitor's side of a tunnel has ended
  bool own_host_ = false;      ///< the server's name goes out as Host
  std::uint32_t interim_ = 0;  ///< answers
  std::uint64_t request_octets_ = 0;
  std::uint64_t response_octets_ = 0;
};

}  // namespace sallyport::http_door
