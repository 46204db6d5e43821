// A stream of HTTP/1 requests and answers: what is taken is read alike by somebody else's parser,
// is written, read back the same, and ends where it did, however it arrives; so no two of us
// disagree about where a message ends.

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/check.h"
#include "protocol/http/h1_body.h"
#include "protocol/http/h1_parser.h"
#include "protocol/http/head_writer.h"
#include "protocol/http/target.h"
#include "tests/fuzz/h1_peer.h"

namespace sallyport::http {
namespace {

constexpr Limits kLimits{.max_head_octets = 4096, .max_fields = 50, .max_target_octets = 1000};
/// What is written again may be larger: Host, Content-Length and the like are added.
constexpr Limits kWide{.max_head_octets = 65'536, .max_fields = 60, .max_target_octets = 8000};

void check_same(const Fields& a, const Fields& b) {
  CHECK(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].id == b[i].id && a[i].name == b[i].name && a[i].value == b[i].value);
    CHECK(a[i].id == field_name(a[i].name));
    CHECK(a[i].value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  }
}

void write_and_read(RequestHead& head) {
  remove_hop_by_hop(head.fields);
  head.fields.remove(FieldName::te);  // the writer names it in Connection
  head.protocol.clear();
  head.keep_alive = true;
  std::vector<std::uint8_t> room(request_head_octets(head));
  const std::size_t octets = write_request_head(head, room);
  CHECK(octets > 0);
  RequestHead back;
  const ParsedHead parsed = parse_request_head(Octets(room).first(octets), kWide, back);
  if (head.authority.empty()) {  // HTTP/1.0 may come without; we may not
    CHECK(parsed.state == Parse::bad);
    return;
  }
  CHECK(parsed.state == Parse::done && parsed.consumed == octets);
  CHECK(back.method_text == head.method_text && back.target == head.target);
  CHECK(back.authority == head.authority && back.framing == head.framing);
  CHECK(back.content_length.value_or(0) == head.content_length.value_or(0));
  check_same(head.fields, back.fields);
}

void write_and_read(ResponseHead& head, Method method) {
  remove_hop_by_hop(head.fields);
  head.keep_alive = true;
  std::vector<std::uint8_t> room(response_head_octets(head));
  const std::size_t octets = write_response_head(head, room);
  CHECK(octets > 0);
  ResponseHead back;
  const ParsedHead parsed = parse_response_head(Octets(room).first(octets), kWide, method, back);
  CHECK(parsed.state == Parse::done && parsed.consumed == octets);
  CHECK(back.status == head.status && back.framing == head.framing);
  CHECK(back.content_length == head.content_length);
  if (head.status != 101) check_same(head.fields, back.fields);
}

/// The head in two pieces says what the whole says.
void read_in_pieces(Octets input, std::size_t cut, const ParsedHead& whole) {
  RequestHead head;
  const ParsedHead first = parse_request_head(input.first(cut), kLimits, head);
  if (first.state == Parse::bad) {
    CHECK(whole.state == Parse::bad);
  } else if (first.state == Parse::done) {
    CHECK(whole.state == Parse::done && first.consumed == whole.consumed);
  } else {
    const ParsedHead second = parse_request_head(input, kLimits, head, first.consumed);
    CHECK(second.state == whole.state && second.consumed == whole.consumed);
    CHECK(second.refusal.status == whole.refusal.status);
  }
}

struct Body {
  std::string content;
  std::size_t octets = 0;
  BodyReader::Kind last = BodyReader::Kind::need_more;
};

Body read_body(Octets input, Framing framing, std::uint64_t length, std::size_t piece) {
  BodyReader reader;
  reader.start(framing, length);
  Body body;
  for (std::size_t end = 0;;) {
    const auto step = reader.next(input.subspan(body.octets, end - body.octets));
    CHECK(step.skip + step.length <= end - body.octets);
    if (step.kind == BodyReader::Kind::data) {
      CHECK(step.length > 0);
      body.content.append(as_text(input.subspan(body.octets + step.skip, step.length)));
    }
    body.octets += step.skip + step.length;
    body.last = step.kind;
    if (step.kind == BodyReader::Kind::end || step.kind == BodyReader::Kind::bad) break;
    if (step.kind == BodyReader::Kind::data) continue;
    CHECK(body.octets == end);
    if (end == input.size()) break;
    end = std::min(end + piece, input.size());
  }
  if (body.last == BodyReader::Kind::end) {
    std::vector<std::uint8_t> room(65'536);
    CHECK(write_last_chunk(reader.trailers(), room) >= kLastChunk.size());
  }
  return body;
}

/// Returns the octets of the body, or nothing when that is the last of the stream.
std::size_t check_body(Octets input, Framing framing, std::uint64_t length, std::size_t piece) {
  const Body whole = read_body(input, framing, length, input.size() + 1);
  const Body pieces = read_body(input, framing, length, piece);
  CHECK(whole.last == pieces.last && whole.content == pieces.content);
  if (whole.last != BodyReader::Kind::end) return input.size();
  CHECK(whole.octets == pieces.octets);
  return whole.octets;
}

void run(Octets input) {
  const std::size_t seed = input.empty() ? 0 : input[0];
  const std::size_t piece = 1 + seed % 7;
  Octets requests = input.empty() ? input : input.subspan(1);
  const Octets answers = requests;
  while (!requests.empty()) {
    RequestHead head;
    const ParsedHead parsed = parse_request_head(requests, kLimits, head);
    read_in_pieces(requests, requests.size() * seed / 256, parsed);
    if (parsed.state != Parse::done) break;
    CHECK(parsed.consumed > 0 && parsed.consumed <= kLimits.max_head_octets + 4);
    peer::check(as_text(requests.first(parsed.consumed)), head);
    std::string normal;
    static_cast<void>(normalise_path(split_target(head.target).path, normal));
    const Framing framing = head.framing;
    const std::uint64_t length = head.content_length.value_or(0);
    write_and_read(head);
    requests = requests.subspan(parsed.consumed);
    requests = requests.subspan(check_body(requests, framing, length, piece));
  }
  ResponseHead head;
  const Method method = seed % 5 == 0 ? Method::head : Method::get;
  const ParsedHead parsed = parse_response_head(answers, kLimits, method, head);
  if (parsed.state == Parse::done) {
    peer::check(as_text(answers.first(parsed.consumed)), head);
    check_body(answers.subspan(parsed.consumed), head.framing, head.content_length.value_or(0),
               piece);
    write_and_read(head, method);
  }
}

}  // namespace
}  // namespace sallyport::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::http::run({data, size});
  return 0;
}
