#pragma once
// What the load generator sends and what must come back. Pure: no sockets, no clock. One object a
// thread; nothing is allocated after construction.
//
// A session's way: begin(), then write() and judge() in turn while the judgement is `next`. The
// engine keeps the octets of the outstanding request: it sends them again, and judge() needs them.
//
// With `presigned` requests nothing is hashed while the load runs: requests are made at
// construction, 1/256 of them for each Identifier, and an answer that has been judged right once is
// right again when it comes octet by octet the same. The engine sends from presigned_request()
// itself, which stays where it is.

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bench/load/workload/capture.h"
#include "bench/load/workload/session.h"
#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/hop_key.h"
#include "protocol/secret.h"

namespace sallyport::lab {

struct WorkloadSettings {
  Method method = Method::pap;
  Secret secret;                           ///< shared with the server under load
  std::string user_pattern = "user-%07u";  ///< "%07u": seven digits; without it one user
  std::uint64_t users = 1;                 ///< numbers 0..users-1 stand in for it, in turn
  Secret password;                         ///< of every user; at most 128 octets
  Verdict expected = Verdict::accept;      ///< of every session
  std::size_t request_octets = 0;          ///< exactly so many in a first request; 0: as they come
  bool message_authenticator = true;       ///< in Access-Requests without EAP, which always has one
  bool unsigned_answers = false;           ///< access replies need no Message-Authenticator
  std::uint16_t interims = 1;              ///< Interim-Updates of an accounting session
  std::uint64_t seed = 1;                  ///< of authenticators and challenges; one a thread
  std::size_t presigned = 0;               ///< 512.. requests signed in advance; 0: sign as we go
  std::shared_ptr<const Capture> capture;  ///< of Method::replay: shared by all threads
  Secret capture_secret;  ///< hides the capture's passwords; empty: they are sent as they are
};

class RequestSource;
class PresignedRequests;

class Workload {
 public:
  /// An error is one line that says what is wrong with the settings.
  [[nodiscard]] static std::expected<std::unique_ptr<Workload>, std::string> make(
      const WorkloadSettings& settings);
  ~Workload();
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;

  /// Sessions that there are: the capture's requests; 0: as many as one likes.
  [[nodiscard]] std::uint64_t sessions() const noexcept;
  /// When a replayed session began in the capture: nanoseconds after the first. 0: no replay.
  [[nodiscard]] std::uint64_t time_ns(std::uint64_t number) const noexcept;
  /// No request is longer.
  [[nodiscard]] std::size_t max_request_octets() const noexcept;

  /// `number`: counts the run's sessions, over all threads.
  [[nodiscard]] Session begin(std::uint64_t number) const noexcept { return {.number = number}; }
  /// Writes the session's next request into `out` (max_request_octets()); returns its
  /// length.
  [[nodiscard]] std::size_t write(const Session& session, std::uint8_t identifier,
                                  MutableOctets out) noexcept;
  /// Judges the answer to `request`, which are the octets that the last write() made.
  [[nodiscard]] Judgement judge(Session& session, Octets request, Octets answer) noexcept;

  /// `answer` belongs to the request with this authenticator: tells a late answer to an
  /// Identifier's former request from a forged one.
  [[nodiscard]] bool answers(const radius::Authenticator& request_authenticator,
                             Octets answer) const noexcept;

  /// Requests signed in advance, a multiple of 256; 0: there are none, use write().
  [[nodiscard]] std::uint32_t presigned() const noexcept;
  /// The request to send on one channel (a socket and an Identifier) when it is used for the
  /// `turn`-th time: never the one of the turn before, which a server would take for a duplicate.
  [[nodiscard]] std::uint32_t presigned_entry(std::uint32_t socket, std::uint8_t identifier,
                                              std::uint32_t turn) const noexcept;
  [[nodiscard]] Octets presigned_request(std::uint32_t entry) const noexcept;
  [[nodiscard]] Judgement judge_presigned(std::uint32_t entry, Octets answer) noexcept;

  /// One line about a judgement that is not right, with names and codes, for the end of a run.
  /// `request`: empty when nothing was asked.
  [[nodiscard]] static std::string explain(Judgement judgement, const Session& session,
                                           Octets request, Octets answer);

 private:
  explicit Workload(const WorkloadSettings& settings);
  [[nodiscard]] Judgement judge_signatures(const radius::PacketView& request,
                                           const radius::PacketView& answer) const noexcept;

  radius::HopKey key_;
  Verdict expected_;
  bool unsigned_answers_;
  std::unique_ptr<RequestSource> source_;
  std::unique_ptr<PresignedRequests> presigned_;
};

}  // namespace sallyport::lab
