#pragma once
// What passes between the HTTP server and who answers: a request in whole, an answer, and the key
// that names the exchange while it is held. The same for HTTP/1.1 and HTTP/2.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::lab {

/// Names one request until it is answered. A late answer to a key whose connection has gone is
/// recognised by the generation and dropped.
struct StreamKey {
  std::uint32_t connection = 0;  ///< slot in the server's table
  std::uint32_t generation = 0;  ///< of that slot
  std::int32_t stream = 0;       ///< HTTP/2: stream; HTTP/1.1: how many requests came before
  auto operator<=>(const StreamKey&) const = default;
};

/// In StreamKey::stream: the whole connection.
inline constexpr std::int32_t kAllStreams = -1;

struct HttpRequest {
  std::string method = {};
  std::string target = {};  ///< path and query, as sent
  std::string authorization = {};
  std::string content_type = {};
  std::string accept = {};
  std::string fetch_site = {};  ///< Sec-Fetch-Site: how a browser says who caused the request
  std::string body = {};

  [[nodiscard]] std::string_view path() const {
    return std::string_view(target).substr(0, target.find('?'));
  }
};

/// Where the connection is cut on purpose.
enum class Cut : std::uint8_t {
  none,
  before_answer,  ///< nothing of the answer is sent
  in_body,        ///< headers and half of the body are sent
};

struct HttpReply {
  std::uint16_t status = 200;
  std::string_view content_type = "application/json";             ///< static storage
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< names in lower case
  std::string body = {};
  Cut cut = Cut::none;
  bool endless = false;  ///< server-sent events: more body follows by append()
};

[[nodiscard]] std::string_view reason_phrase(std::uint16_t status) noexcept;

}  // namespace sallyport::lab
