#pragma once
// One HTTP call to the Notakey API: a libcurl easy handle with everything that goes through it.
// Reused from a free list; the connections live in the multi handle, not here.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include "protocol/notakey/answer.h"
#include "verify/notakey/fault.h"
#include "verify/notakey_api.h"

namespace sallyport::verify {

/// Request headers, shared by the transfers that carry them; wiped when the last one is done,
/// because one of them may be an access token.
using Headers = std::shared_ptr<curl_slist>;
/// Null if memory ran out. `token` empty: without authorisation.
[[nodiscard]] Headers make_headers(std::string_view token);

/// Whose call it is.
enum class Purpose : std::uint8_t { create, poll, token, health };

/// How a call ended.
struct CallOutcome {
  notakey::Fault fault;  ///< none: there is an HTTP answer
  std::uint16_t http_status = 0;
  std::optional<std::uint32_t> retry_after_ms;
  std::uint32_t took_ms = 0;
  std::uint64_t took_ns = 0;
  bool may_have_left = false;  ///< the request's body was handed to the connection
};

class Transfer {
 public:
  /// A handle that has once sent a body keeps libcurl's send buffer, 16 KB: it had better go on
  /// sending bodies. `posts` says which kind it is.
  Transfer(const NotakeySettings& settings, bool posts);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  Purpose purpose = Purpose::poll;
  std::uint32_t owner = 0;  ///< index of a verification

  /// Makes the handle ready for the multi. The request's body moves in, its URL is read.
  void prepare(HttpRequest& request, Headers headers, std::uint32_t timeout_ms,
               std::uint64_t now_ns);
  /// Reads the outcome off a handle that the multi has given back.
  [[nodiscard]] CallOutcome finish(CURLcode code, std::uint64_t now_ns);
  [[nodiscard]] bool may_have_left() const noexcept { return body_taken_; }
  /// The answer's body, padded for the reader. Valid until the next prepare() or recycle().
  [[nodiscard]] sallyport::notakey::Body answer();
  /// What libcurl or the system said about a failure, for people.
  [[nodiscard]] std::string cause(const CallOutcome& outcome) const;
  /// Forgets the call, its secrets with it.
  void recycle() noexcept;

  [[nodiscard]] CURL* handle() const noexcept { return easy_.get(); }
  [[nodiscard]] bool posts() const noexcept { return posts_; }

  /// Where the multi keeps it.
  enum class Place : std::uint8_t { idle, in_flight };
  Place place = Place::idle;
  std::uint32_t lane = 0;
  std::uint32_t slot = 0;  ///< in the lane's list
  std::uint32_t home = 0;  ///< in its owner's list of all transfers

 private:
  struct Cleanup {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
  };
  static std::size_t on_write(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_read(char* out, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_seek(void* self, curl_off_t offset, int origin) noexcept;
  void set_common(const NotakeySettings& settings);
  [[nodiscard]] notakey::FaultKind classify(CURLcode code) const noexcept;

  std::unique_ptr<CURL, Cleanup> easy_;
  Headers headers_;
  std::string body_;
  std::string answer_;
  std::size_t body_sent_ = 0;
  std::uint64_t started_ns_ = 0;
  const bool posts_;
  bool body_taken_ = false;
  bool too_long_ = false;
  /// What libcurl says about a failure; only of the calls whose cause people are told.
  std::unique_ptr<char[]> error_;
};

}  // namespace sallyport::verify
