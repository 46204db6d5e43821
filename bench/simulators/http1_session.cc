// HTTP/1.1 with Boost.Beast's parser, which needs no socket. One request at a time: what a client
// pipelines waits in `input_`. A parser lives only while a request is being read, so that a held
// request costs little.

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "bench/simulators/http_session.h"

namespace sallyport::lab {
namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

std::string text_of(boost::beast::string_view view) { return {view.data(), view.size()}; }

enum class Http1State : std::uint8_t {
  reading,    ///< a request, or the pause before one
  answering,  ///< a request is with the handler
  streaming,  ///< an endless answer has begun
  finished,   ///< nothing more is read or written
};

class Http1Session final : public HttpSession {
 public:
  bool receive(Octets octets, Arrivals& arrivals) override {
    input_.append(as_text(octets));
    if (state_ == Http1State::reading) return parse(arrivals);
    // Bounds what a client may pipeline while it waits.
    return input_.size() <= kMaxRequestHeaderOctets + kMaxRequestBodyOctets;
  }

  void respond(std::int32_t stream, HttpReply&& reply) override {
    if (state_ != Http1State::answering || stream != stream_) return;
    write_head(reply);
    switch (reply.cut) {
      case Cut::none:
        if (!head_only_) output_ += reply.body;
        break;
      case Cut::before_answer: output_.clear(); break;
      case Cut::in_body: output_ += reply.body.substr(0, reply.body.size() / 2); break;
    }
    if (reply.cut != Cut::none) {
      state_ = Http1State::finished;
    } else if (reply.endless) {
      state_ = Http1State::streaming;
    } else {
      state_ = keep_alive_ ? Http1State::reading : Http1State::finished;
    }
  }

  void append(std::int32_t stream, std::string_view text) override {
    if (state_ == Http1State::streaming && stream == stream_) output_ += text;
  }

  void write(std::string& out, Arrivals& arrivals) override {
    out += output_;
    output_.clear();
    if (state_ == Http1State::reading && !input_.empty() && !parse(arrivals)) {
      out += output_;
      output_.clear();
    }
  }

  [[nodiscard]] bool finished() const override { return state_ == Http1State::finished; }

 private:
  [[nodiscard]] bool parse(Arrivals& arrivals) {
    if (!parser_) {
      parser_ = std::make_unique<Parser>();
      parser_->eager(true);
      parser_->header_limit(kMaxRequestHeaderOctets);
      parser_->body_limit(kMaxRequestBodyOctets);
    }
    // The parser wants the unused rest again together with what follows.
    while (!input_.empty() && !parser_->is_done()) {
      boost::beast::error_code error;
      const std::size_t used = parser_->put(boost::asio::buffer(input_), error);
      input_.erase(0, used);
      if (error == http::error::need_more) break;
      if (error) {
        refuse(error == http::error::body_limit ? 413 : 400);
        return false;
      }
    }
    if (parser_->is_done()) take_request(arrivals);
    return true;
  }

  void take_request(Arrivals& arrivals) {
    const auto& message = parser_->get();
    keep_alive_ = message.keep_alive();
    head_only_ = message.method() == http::verb::head;
    ++stream_;
    arrivals.requests.push_back(
        {.stream = stream_,
         .request = {
             .method = head_only_ ? "GET" : text_of(message.method_string()),
             .target = text_of(message.target()),
             .authorization = text_of(message[http::field::authorization]),
             .content_type = text_of(message[http::field::content_type]),
             .accept = text_of(message[http::field::accept]),
             .fetch_site = text_of(message["Sec-Fetch-Site"]),
             .body = std::move(parser_->get().body()),
         }});
    parser_.reset();
    state_ = Http1State::answering;
  }

  void refuse(std::uint16_t status) {
    output_ += fmt::format("HTTP/1.1 {} {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                           status, reason_phrase(status));
    state_ = Http1State::finished;
  }

  void write_head(const HttpReply& reply) {
    output_ += fmt::format("HTTP/1.1 {} {}\r\n", reply.status, reason_phrase(reply.status));
    if (!reply.content_type.empty())
      output_ += fmt::format("Content-Type: {}\r\n", reply.content_type);
    for (const auto& [name, value] : reply.headers)
      output_ += fmt::format("{}: {}\r\n", name, value);
    if (reply.endless) {
      keep_alive_ = false;  // the end of the connection is the end of the body
    } else {
      output_ += fmt::format("Content-Length: {}\r\n", reply.body.size());
    }
    if (!keep_alive_) output_ += "Connection: close\r\n";
    output_ += "\r\n";
    if (reply.endless) output_ += reply.body;
  }

  Http1State state_ = Http1State::reading;
  bool keep_alive_ = true;
  bool head_only_ = false;
  std::int32_t stream_ = 0;
  std::unique_ptr<Parser> parser_;
  std::string input_;
  std::string output_;
};

}  // namespace

std::unique_ptr<HttpSession> make_http1_session() { return std::make_unique<Http1Session>(); }

std::string_view reason_phrase(std::uint16_t status) noexcept {
  const auto phrase = http::obsolete_reason(static_cast<http::status>(status));
  return {phrase.data(), phrase.size()};
}

}  // namespace sallyport::lab
