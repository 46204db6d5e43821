#include "protocol/http/h1_parser.h"

#include <algorithm>
#include <cstring>

#include "protocol/check.h"
#include "protocol/http/field_text.h"

namespace sallyport::http {
namespace {

constexpr std::size_t kMaxEmptyLines = 2;
/// What a request line holds beside its target: the longest method that is read, two spaces and the
/// version.
constexpr std::size_t kMaxLineRestOctets = 48;

/// Octets that end no target: white space and controls do. read_request_target is stricter.
constexpr OctetSet kVisibleOctets = [] {
  OctetSet set{};
  for (std::size_t c = 0x21; c < set.size(); ++c) set[c] = c != 0x7f;
  return set;
}();

/// Reads a head, or trailer fields, in one pass. Where the octets end it says need_more, and
/// whoever has more begins anew; what is bad is bad whatever comes behind it.
class Lines {
 public:
  Lines(std::string_view text, std::uint32_t max_fields)
      : start_(text.data()), at_(start_), end_(start_ + text.size()), max_fields_(max_fields) {}

  /// request-line of RFC 9112 §3: method SP request-target SP HTTP-version CRLF.
  template <typename Sink>
  [[nodiscard]] Parse request_line(Sink& sink) {
    const std::string_view method = take(kTokenOctets);
    if (at_ == end_) return Parse::need_more;
    if (method.empty() || *at_++ != ' ') return bad("malformed method");
    const std::string_view target = take(kVisibleOctets);
    if (at_ == end_) return Parse::need_more;
    if (target.empty() || *at_++ != ' ') return bad("malformed target");
    if (const Parse read = version(); read != Parse::done) return read;
    if (const Parse read = line_end("malformed version"); read != Parse::done) return read;
    return judge(sink.line(method, target, minor_version_));
  }

  /// status-line of RFC 9112 §4: HTTP-version SP status-code SP [ reason-phrase ] CRLF.
  template <typename Sink>
  [[nodiscard]] Parse status_line(Sink& sink) {
    if (const Parse read = version(); read != Parse::done) return read;
    if (at_ == end_) return Parse::need_more;
    if (*at_++ != ' ') return bad("malformed version");
    int status = 0;
    for (int digit = 0; digit < 3; ++digit, ++at_) {
      if (at_ == end_) return Parse::need_more;
      if (*at_ < '0' || *at_ > '9') return bad("malformed status");
      status = status * 10 + (*at_ - '0');
    }
    if (at_ == end_) return Parse::need_more;
    if (*at_++ != ' ') return bad("malformed status");
    const std::string_view reason = take_text();
    if (const Parse read = line_end("malformed reason"); read != Parse::done) return read;
    return judge(sink.line(status, reason, minor_version_));
  }

  /// field-lines of RFC 9112 §5, and the empty line: field-name ":" OWS field-value OWS CRLF.
  template <typename Sink>
  [[nodiscard]] Parse fields(Sink& sink) {
    for (;;) {
      const std::string_view name = take_text<':'>();
      if (at_ == end_) return Parse::need_more;
      if (*at_ != ':') {
        return name.empty() ? line_end("malformed field name") : bad_name(name);
      }
      const FieldName id = field_name(name);
      if (id == FieldName::other && !is_token(name)) return bad_name(name);
      ++at_;
      const std::string_view value = trim(take_text());
      if (const Parse read = line_end("malformed field value"); read != Parse::done) return read;
      if (++fields_ > max_fields_) return judge({431, "too many fields"});
      sink.field(id, name, value);
    }
  }

  [[nodiscard]] Refusal refusal() const { return refusal_; }
  [[nodiscard]] std::size_t octets() const { return static_cast<std::size_t>(at_ - start_); }

 private:
  std::string_view take(const OctetSet& set) {
    const char* const from = at_;
    while (at_ != end_ && is_in(set, *at_)) ++at_;
    return {from, at_};
  }
  template <char end = '\r'>
  std::string_view take_text() {
    const char* const from = at_;
    at_ = find_control<end>(at_, end_);
    return {from, at_};
  }
  Parse bad_name(std::string_view name) {
    const bool folded = !name.empty() && is_white_space(name.front());
    return bad(folded ? "folded line" : "malformed field name");
  }
  Parse version() {
    constexpr std::string_view kName = "HTTP/1.";
    const std::string_view rest(at_, end_);
    if (rest.size() <= kName.size()) {
      return kName.starts_with(rest) ? Parse::need_more : bad("malformed version");
    }
    const char minor = rest[kName.size()];
    if (!rest.starts_with(kName) || (minor != '0' && minor != '1')) return bad("malformed version");
    minor_version_ = minor - '0';
    at_ += kName.size() + 1;
    return Parse::done;
  }
  Parse line_end(std::string_view otherwise) {
    if (at_ == end_) return Parse::need_more;
    if (*at_ == '\n') return bad("bare LF");
    if (*at_ != '\r') return bad(otherwise);
    if (end_ - at_ < 2) return Parse::need_more;
    if (at_[1] != '\n') return bad("bare CR");
    at_ += 2;
    return Parse::done;
  }
  Parse bad(std::string_view reason) { return judge({400, reason}); }
  Parse judge(Refusal refusal) {
    refusal_ = refusal;
    return refusal ? Parse::bad : Parse::done;
  }

  const char* const start_;
  const char* at_;
  const char* const end_;
  const std::uint32_t max_fields_;
  std::uint32_t fields_ = 0;
  int minor_version_ = 1;
  Refusal refusal_;
};

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

/// Fields of either head.
class FieldSink {
 public:
  FieldSink(std::string_view head, Fields& fields) : head_text_(head), fields_(fields) {}

  void field(FieldName id, std::string_view name, std::string_view value) {
    if (!decisive_.see(id, value)) fields_.place(id, head_text_, name, value);
  }

 protected:
  [[nodiscard]] const Decisive& decisive() const { return decisive_; }

 private:
  const std::string_view head_text_;
  Fields& fields_;
  Decisive decisive_;
};

class RequestSink : public FieldSink {
 public:
  RequestSink(std::string_view text, const Limits& limits, RequestHead& head)
      : FieldSink(text, head.fields), limits_(limits), head_(head) {}

  Refusal line(std::string_view method, std::string_view target, int minor_version) {
    head_.minor_version = static_cast<std::uint8_t>(minor_version);
    return read_request_target(method, target, limits_.max_target_octets, head_);
  }
  Refusal settle(std::string_view text) {
    head_.fields.hold(text);
    return settle_request(decisive(), head_);
  }
  [[nodiscard]] Refusal refuse_large(std::string_view text) const {
    return too_large(text, limits_);
  }

 private:
  const Limits& limits_;
  RequestHead& head_;
};

class ResponseSink : public FieldSink {
 public:
  ResponseSink(std::string_view text, Method request_method, ResponseHead& head)
      : FieldSink(text, head.fields), request_method_(request_method), head_(head) {}

  Refusal line(int status, std::string_view reason, int minor_version) {
    head_.status = static_cast<std::uint16_t>(status);
    head_.minor_version = static_cast<std::uint8_t>(minor_version);
    head_.reason.assign(reason);
    return {};
  }
  Refusal settle(std::string_view text) {
    head_.fields.hold(text);
    return settle_response(decisive(), request_method_, head_);
  }
  static Refusal refuse_large(std::string_view) { return {502, "head too large"}; }

 private:
  const Method request_method_;
  ResponseHead& head_;
};

class TrailerSink {
 public:
  explicit TrailerSink(Fields& fields) : fields_(fields) {}

  void field(FieldName id, std::string_view name, std::string_view value) {
    if (is_trailer(id, name)) fields_.add(id, name, value);
  }

 private:
  Fields& fields_;
};

/// Octets of the empty lines in front; with more than are taken, the rest is the head's fault.
std::size_t leading_empty_lines(std::string_view text) {
  std::size_t octets = 0;
  while (octets < 2 * kMaxEmptyLines && text.substr(octets).starts_with("\r\n")) octets += 2;
  return octets;
}

/// Whether a request line that was refused for its version asks for another one than ours:
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

/// The same of an answer's.
Refusal check_unfinished_answer(std::string_view text, const Limits& limits) {
  if (!text.empty() && text.front() != 'H') return {502, "malformed version"};
  if (text.size() >= limits.max_head_octets) return {502, "head too large"};
  return {};
}

/// All of a head, if `text` holds it. `start_line`: of Lines, reads the first one; `fields`: of the
/// head that `sink` fills, none of which stays when it is refused.
template <typename Sink>
ParsedHead read_head(std::string_view text, const Limits& limits, Fields& fields, Sink& sink,
                     Parse (Lines::*start_line)(Sink&)) {
  Lines lines(text, limits.max_fields);
  Parse read = (lines.*start_line)(sink);
  if (read == Parse::done) read = lines.fields(sink);
  Refusal refusal = lines.refusal();
  if (read == Parse::done) {
    refusal = lines.octets() > limits.max_head_octets ? sink.refuse_large(text)
                                                      : sink.settle(text.substr(0, lines.octets()));
    if (!refusal) return {.state = read, .consumed = lines.octets()};
  }
  fields.reset();
  return {.state = refusal ? Parse::bad : Parse::need_more, .refusal = refusal};
}

ParsedHead read_request(std::string_view text, const Limits& limits, RequestHead& head) {
  head.reset();
  RequestSink sink(text, limits, head);
  ParsedHead parsed = read_head(text, limits, head.fields, sink, &Lines::request_line<RequestSink>);
  if (parsed.refusal.reason == "malformed version" && asks_other_version(text)) {
    parsed.refusal = {505, "unknown version"};
  }
  return parsed;
}

ParsedHead read_response(std::string_view text, const Limits& limits, Method request_method,
                         ResponseHead& head) {
  head.reset();
  ResponseSink sink(text, request_method, head);
  ParsedHead parsed = read_head(text, limits, head.fields, sink, &Lines::status_line<ResponseSink>);
  if (parsed.refusal) parsed.refusal.status = 502;
  return parsed;
}

/// Mostly a head comes at once. If not, its end is looked for, so that no octet is read again and
/// again; nor is anything refused before that but what `check_unfinished` and find_head_end refuse.
template <typename Read, typename CheckUnfinished>
ParsedHead parse_head(std::string_view text, std::size_t searched, std::uint16_t refused_with,
                      Read read, CheckUnfinished check_unfinished) {
  if (searched == 0) {
    if (const ParsedHead parsed = read(); parsed.state == Parse::done) return parsed;
  }
  const HeadEnd end = find_head_end(text, searched);
  switch (end.state) {
    case Parse::done: return read();
    case Parse::bad: return {.state = Parse::bad, .refusal = {refused_with, end.reason}};
    case Parse::need_more: break;
  }
  const Refusal refusal = check_unfinished();
  return {
      .state = refusal ? Parse::bad : Parse::need_more, .consumed = end.octets, .refusal = refusal};
}

}  // namespace

HeadEnd find_head_end(std::string_view text, std::size_t searched) noexcept {
  CHECK(searched <= text.size());
  if (searched > 0 && searched < text.size() && text[searched - 1] == '\n' &&
      is_white_space(text[searched])) {
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
    if (searched < text.size() && is_white_space(text[searched])) {
      return {.state = Parse::bad, .reason = "folded line"};
    }
  }
  return {.state = Parse::need_more, .octets = text.size()};
}

ParsedHead parse_request_head(Octets input, const Limits& limits, RequestHead& head,
                              std::size_t searched) {
  const std::size_t skipped = leading_empty_lines(as_text(input));
  const std::string_view text = as_text(input.subspan(skipped));
  ParsedHead parsed = parse_head(
      text, searched > skipped ? searched - skipped : 0, 400,
      [&] { return read_request(text, limits, head); },
      [&] { return check_unfinished(text, limits); });
  parsed.consumed += skipped;
  return parsed;
}

ParsedHead parse_response_head(Octets input, const Limits& limits, Method request_method,
                               ResponseHead& head, std::size_t searched) {
  const std::string_view text = as_text(input);
  return parse_head(
      text, searched, 502, [&] { return read_response(text, limits, request_method, head); },
      [&] { return check_unfinished_answer(text, limits); });
}

bool parse_trailers(std::string_view section, std::uint32_t max_fields, Fields& trailers) {
  TrailerSink sink(trailers);
  return Lines(section, max_fields).fields(sink) == Parse::done;
}

}  // namespace sallyport::http
