#include "protocol/http/h1_body.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "protocol/check.h"
#include "protocol/http/h1_parser.h"
#include "protocol/http/head_writer.h"
#include "protocol/http/scan.h"

namespace sallyport::http {
namespace {

/// Of a chunk's size: 16^15 - 1 overflows nothing that adds a few of them.
constexpr std::uint8_t kMaxSizeDigits = 15;
constexpr std::uint64_t kFairLineOctets = 16;

}  // namespace

void BodyReader::start(Framing framing, std::uint64_t length) noexcept {
  remaining_ = 0;
  excess_ = 0;
  trailer_text_.clear();
  trailer_searched_ = 0;
  trailers_.reset();
  switch (framing) {
    case Framing::none: state_ = State::ended; return;
    case Framing::length:
      remaining_ = length;
      state_ = length == 0 ? State::ended : State::counted;
      return;
    case Framing::chunked: state_ = State::first_digit; return;
    case Framing::until_close:
    case Framing::stream:
    case Framing::tunnel: state_ = State::endless; return;
  }
}

BodyReader::Step BodyReader::next(Octets input) {
  for (std::size_t skip = 0;; ++skip) {
    switch (state_) {
      case State::ended: return {.kind = Kind::end, .skip = skip};
      case State::failed: return {.kind = Kind::bad, .skip = skip};
      case State::trailers: return read_trailers(input, skip);
      case State::endless:
      case State::counted:
      case State::chunk: return take(input, skip);
      case State::first_digit:
      case State::size:
      case State::extension:
      case State::size_lf:
      case State::chunk_cr:
      case State::chunk_lf: break;
    }
    if (skip == input.size()) return {.kind = Kind::need_more, .skip = skip};
    state_ = after_framing(static_cast<char>(input[skip]));
  }
}

/// Content at the front of `input`, behind `skip`.
BodyReader::Step BodyReader::take(Octets input, std::size_t skip) noexcept {
  std::size_t length = input.size() - skip;
  if (state_ != State::endless) {
    length = static_cast<std::size_t>(std::min<std::uint64_t>(length, remaining_));
    remaining_ -= length;
    if (remaining_ == 0) state_ = state_ == State::chunk ? State::chunk_cr : State::ended;
  }
  if (length == 0) return {.kind = Kind::need_more, .skip = skip};
  return {.kind = Kind::data, .skip = skip, .length = length};
}

/// The transition for one octet of chunk framing (RFC 9112 §7.1).
BodyReader::State BodyReader::after_framing(char c) noexcept {
  switch (state_) {
    case State::first_digit:
      remaining_ = 0;
      size_digits_ = 0;
      extension_octets_ = 0;
      if (hex_value(c) < 0) return State::failed;
      [[fallthrough]];
    case State::size: {
      if (c == '\r') return State::size_lf;
      if (c == ';') return State::extension;
      const int digit = hex_value(c);
      if (digit < 0 || ++size_digits_ > kMaxSizeDigits) return State::failed;
      remaining_ = remaining_ << 4 | static_cast<std::uint64_t>(digit);
      return State::size;
    }
    case State::extension:
      if (c == '\r') return State::size_lf;
      // Quoted strings may hold nothing else either, so that CRLF ends the line whoever reads it.
      if (!is_text(c) || ++extension_octets_ > kMaxExtensionOctets) return State::failed;
      return State::extension;
    case State::size_lf: return c == '\n' ? after_size_line() : State::failed;
    case State::chunk_cr: return c == '\r' ? State::chunk_lf : State::failed;
    case State::chunk_lf: return c == '\n' ? State::first_digit : State::failed;
    case State::counted:
    case State::endless:
    case State::chunk:
    case State::trailers:
    case State::ended:
    case State::failed: break;
  }
  CHECK(false);
}

BodyReader::State BodyReader::after_size_line() noexcept {
  if (remaining_ == 0) return State::trailers;
  const std::uint64_t fair = kFairLineOctets + 2 * remaining_;
  excess_ += size_digits_ + extension_octets_;
  excess_ -= std::min(excess_, fair);
  return excess_ > kMaxExcessOctets ? State::failed : State::chunk;
}

/// Trailers are gathered, since they may come in pieces; mostly there are none.
BodyReader::Step BodyReader::read_trailers(Octets input, std::size_t skip) {
  const std::string_view arrived = as_text(input.subspan(skip));
  if (trailer_text_.empty() && arrived.starts_with("\r\n")) {
    state_ = State::ended;
    return {.kind = Kind::end, .skip = skip + 2};
  }
  const std::size_t before = trailer_text_.size();
  trailer_text_.append(arrived.substr(0, kMaxTrailerOctets - before));
  const HeadEnd end = find_head_end(trailer_text_, trailer_searched_);
  if (end.state == Parse::need_more && trailer_text_.size() < kMaxTrailerOctets) {
    trailer_searched_ = end.octets;
    return {.kind = Kind::need_more, .skip = input.size()};
  }
  const std::string_view section = std::string_view(trailer_text_).substr(0, end.octets);
  if (end.state != Parse::done || !parse_trailers(section, kMaxTrailerFields, trailers_)) {
    state_ = State::failed;
    return {.kind = Kind::bad, .skip = skip};
  }
  state_ = State::ended;
  return {.kind = Kind::end, .skip = skip + end.octets - before};
}

std::size_t write_chunk_line(std::uint64_t size, MutableOctets out) noexcept {
  CHECK(size > 0 && out.size() >= kMaxChunkLineOctets);
  std::size_t digits = 0;
  for (std::uint64_t rest = size; rest > 0; rest >>= 4) ++digits;
  for (std::size_t at = digits; at > 0; size >>= 4) {
    out[--at] = static_cast<std::uint8_t>("0123456789abcdef"[size & 15]);
  }
  copy_octets(as_octets(kChunkEnd), out.subspan(digits));
  return digits + kChunkEnd.size();
}

std::size_t write_last_chunk(const Fields& trailers, MutableOctets out) noexcept {
  constexpr std::string_view kSizeLine = "0\r\n";
  const std::size_t octets = kSizeLine.size() + trailers.line_octets() + kChunkEnd.size();
  if (octets > out.size()) return 0;
  copy_octets(as_octets(kSizeLine), out);
  const std::size_t end = trailers.write_lines(out.subspan(kSizeLine.size()));
  copy_octets(as_octets(kChunkEnd), out.subspan(kSizeLine.size() + end));
  return octets;
}

}  // namespace sallyport::http
