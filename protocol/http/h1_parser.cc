#include "protocol/http/h1_parser.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "protocol/check.h"
#include "protocol/http/field_text.h"

namespace sallyport::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;

constexpr std::size_t kMaxEmptyLines = 2;
/// What a request line holds beside its target: the longest method that is read, two spaces and the
/// version.
constexpr std::size_t kMaxLineRestOctets = 48;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

/// Where Beast hands over what it reads: each virtual function, once for requests and answers.
/// `Sink` has line(), field() and settle(), which return a Refusal.
template <bool is_request, typename Sink>
class Parser final : public beast::http::basic_parser<is_request> {
 public:
  explicit Parser(Sink& sink) : sink_(sink) {
    this->header_limit(std::numeric_limits<std::uint32_t>::max());  // find_head_end has seen to it
    this->body_limit(std::numeric_limits<std::uint64_t>::max());    // none would refuse all (1.74)
  }

  /// Without a start line Beast reads no fields. Its state stays for parse().
  void skip_start_line() {
    error_code error;
    this->put({kStatusLine.data(), kStatusLine.size()}, error);
    CHECK(error == beast::http::error::need_more);
  }

  /// `text` ends with the empty line.
  Refusal parse(std::string_view text) {
    error_code error;
    const std::size_t octets = this->put({text.data(), text.size()}, error);
    if (refusal_) return refusal_;
    if (error) return {400, reason(error)};
    CHECK(octets == text.size() && this->is_header_done());
    return sink_.settle();
  }

 private:
  static constexpr std::string_view kStatusLine = "HTTP/1.1 200 \r\n";

  static std::string_view reason(const error_code& error) {
    using Error = beast::http::error;
    if (error == Error::bad_method) return "malformed method";
    if (error == Error::bad_target) return "malformed target";
    if (error == Error::bad_version) return "malformed version";
    if (error == Error::bad_status) return "malformed status";
    if (error == Error::bad_reason) return "malformed reason";
    if (error == Error::bad_field) return "malformed field name";
    if (error == Error::bad_value) return "malformed field value";
    if (error == Error::bad_line_ending) return "bare CR";
    if (error == Error::bad_content_length) return "malformed Content-Length";
    if (error == Error::bad_transfer_encoding) return "malformed Transfer-Encoding";
    return "malformed head";
  }

  void keep(Refusal refusal, error_code& error) {
    if (!refusal) return;
    refusal_ = refusal;
    error = beast::http::error::bad_field;  // any will do: it stops Beast
  }

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, error_code& error) override {
    if constexpr (is_request) keep(sink_.line(view(method), view(target), version), error);
  }
  void on_response_impl(int code, beast::string_view reason, int version,
                        error_code& error) override {
    if constexpr (!is_request) keep(sink_.line(code, view(reason), version), error);
  }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     error_code& error) override {
    keep(sink_.field(view(name), view(value)), error);
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code&) override {
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  Sink& sink_;
  Refusal refusal_;
};

/// Fields of either head.
class FieldSink {
 public:
  FieldSink(std::uint32_t max_fields, Fields& fields) : max_fields_(max_fields), fields_(fields) {}

  Refusal field(std::string_view name, std::string_view value) {
    if (++count_ > max_fields_) return {431, "too many fields"};
    const FieldName id = field_name(name);
    if (!decisive_.see(id, value)) fields_.add(id, name, value);
    return {};
  }

 protected:
  [[nodiscard]] const Decisive& decisive() const { return decisive_; }

 private:
  const std::uint32_t max_fields_;
  std::uint32_t count_ = 0;
  Fields& fields_;
  Decisive decisive_;
};

class RequestSink : public FieldSink {
 public:
  RequestSink(const Limits& limits, RequestHead& head)
      : FieldSink(limits.max_fields, head.fields),
        max_target_octets_(limits.max_target_octets),
        head_(head) {}

  Refusal line(std::string_view method, std::string_view target, int version) {
    head_.minor_version = static_cast<std::uint8_t>(version % 10);
    return read_request_target(method, target, max_target_octets_, head_);
  }
  Refusal settle() { return settle_request(decisive(), head_); }

 private:
  const std::uint32_t max_target_octets_;
  RequestHead& head_;
};

class ResponseSink : public FieldSink {
 public:
  ResponseSink(const Limits& limits, Method request_method, ResponseHead& head)
      : FieldSink(limits.max_fields, head.fields), request_method_(request_method), head_(head) {}

  Refusal line(int code, std::string_view reason, int version) {
    head_.status = static_cast<std::uint16_t>(code);
    head_.minor_version = static_cast<std::uint8_t>(version % 10);
    head_.reason.assign(reason);
    return {};
  }
  Refusal settle() { return settle_response(decisive(), request_method_, head_); }

 private:
  const Method request_method_;
  ResponseHead& head_;
};

class TrailerSink {
 public:
  TrailerSink(std::uint32_t max_fields, Fields& fields)
      : max_fields_(max_fields), fields_(fields) {}

  static Refusal line(int, std::string_view, int) { return {}; }
  Refusal field(std::string_view name, std::string_view value) {
    if (++count_ > max_fields_) return {431, "too many fields"};
    const FieldName id = field_name(name);
    if (is_trailer(id, name)) fields_.add(id, name, value);
    return {};
  }
  static Refusal settle() { return {}; }

 private:
  const std::uint32_t max_fields_;
  std::uint32_t count_ = 0;
  Fields& fields_;
};

/// Octets of the empty lines in front; with more than are taken, the rest is the head's fault.
std::size_t leading_empty_lines(std::string_view text) {
  std::size_t octets = 0;
  while (octets < 2 * kMaxEmptyLines && text.substr(octets).starts_with("\r\n")) octets += 2;
  return octets;
}

/// Whether a request line that Beast has refused for its version asks for another one than ours:
/// "HTTP/", digits, dot, digits.
bool asks_other_version(std::string_view text) {
  std::string_view line = text.substr(0, text.find('\r'));
  line.remove_prefix(std::min(line.rfind(' ') + 1, line.size()));
  if (!line.starts_with("HTTP/")) return false;
  line.remove_prefix(5);
  const std::size_t dot = line.find('.');
  const auto is_number = [](std::string_view digits) {
    return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return dot != std::string_view::npos && is_number(line.substr(0, dot)) &&
         is_number(line.substr(dot + 1)) && line != "1.0" && line != "1.1";
}

std::size_t longest_line(const Limits& limits) {
  return std::size_t{limits.max_target_octets} + kMaxLineRestOctets;
}

/// Which of its parts has made a head, or what there is of it, too large; none if that is only the
/// request line's bound that does not hold for the fields behind it.
Refusal too_large(std::string_view text, const Limits& limits) {
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos || line > longest_line(limits))
    return {414, "target too long"};
  return text.size() < limits.max_head_octets ? Refusal{} : Refusal{431, "head too large"};
}

/// What is wrong with a request head that has not ended, if it can be told already.
Refusal check_unfinished(std::string_view text, const Limits& limits) {
  if (text.empty() || text == "\r") return {};
  // TLS to a plain port, or any other protocol: not worth waiting for a line that never ends.
  if (!is_token_character(text.front())) return {400, "malformed method"};
  if (text.size() >= limits.max_head_octets || text.size() > longest_line(limits)) {
    return too_large(text, limits);
  }
  return {};
}

}  // namespace

HeadEnd find_head_end(std::string_view text, std::size_t searched) noexcept {
  CHECK(searched <= text.size());
  const auto is_fold = [&](std::size_t at) { return text[at] == ' ' || text[at] == '\t'; };
  if (searched > 0 && searched < text.size() && text[searched - 1] == '\n' && is_fold(searched)) {
    return {.state = Parse::bad, .reason = "folded line"};
  }
  while (searched < text.size()) {
    const auto* const found =
        static_cast<const char*>(std::memchr(text.data() + searched, '\n', text.size() - searched));
    if (found == nullptr) break;
    const auto at = static_cast<std::size_t>(found - text.data());
    if (at == 0 || text[at - 1] != '\r') return {.state = Parse::bad, .reason = "bare LF"};
    searched = at + 1;
    if (at == 1 || text[at - 2] == '\n') return {.state = Parse::done, .octets = searched};
    if (searched < text.size() && is_fold(searched)) {
      return {.state = Parse::bad, .reason = "folded line"};
    }
  }
  return {.state = Parse::need_more, .octets = text.size()};
}

ParsedHead parse_request_head(Octets input, const Limits& limits, RequestHead& head,
                              std::size_t searched) {
  const std::size_t skipped = leading_empty_lines(as_text(input));
  const std::string_view text = as_text(input.subspan(skipped));
  const auto bad = [](Refusal refusal) {
    return ParsedHead{.state = Parse::bad, .refusal = refusal};
  };
  const HeadEnd end = find_head_end(text, searched > skipped ? searched - skipped : 0);
  if (end.state == Parse::bad) return bad({400, end.reason});
  if (end.state == Parse::need_more) {
    if (const Refusal refusal = check_unfinished(text, limits)) return bad(refusal);
    return {.state = Parse::need_more, .consumed = skipped + end.octets};
  }
  head.reset();
  RequestSink sink(limits, head);
  if (end.octets > limits.max_head_octets) return bad(too_large(text, limits));
  const std::string_view whole = text.substr(0, end.octets);
  Refusal refusal = Parser<true, RequestSink>(sink).parse(whole);
  if (!refusal) return {.state = Parse::done, .consumed = skipped + end.octets};
  if (refusal.reason == "malformed version" && asks_other_version(whole)) {
    refusal = {505, "unknown version"};
  }
  return bad(refusal);
}

ParsedHead parse_response_head(Octets input, const Limits& limits, Method request_method,
                               ResponseHead& head, std::size_t searched) {
  const std::string_view text = as_text(input);
  const auto bad = [](std::string_view reason) {
    return ParsedHead{.state = Parse::bad, .refusal = {502, reason}};
  };
  const HeadEnd end = find_head_end(text, searched);
  if (end.state == Parse::bad) return bad(end.reason);
  if (end.state == Parse::need_more) {
    if (!text.empty() && text.front() != 'H') return bad("malformed version");
    if (text.size() >= limits.max_head_octets) return bad("head too large");
    return {.state = Parse::need_more, .consumed = end.octets};
  }
  head.reset();
  ResponseSink sink(limits, request_method, head);
  if (end.octets > limits.max_head_octets) return bad("head too large");
  const Refusal refusal = Parser<false, ResponseSink>(sink).parse(text.substr(0, end.octets));
  if (refusal) return bad(refusal.reason);
  return {.state = Parse::done, .consumed = end.octets};
}

bool parse_trailers(std::string_view section, std::uint32_t max_fields, Fields& trailers) {
  TrailerSink sink(max_fields, trailers);
  Parser<false, TrailerSink> parser(sink);
  parser.skip_start_line();
  return !parser.parse(section);
}

}  // namespace sallyport::http
