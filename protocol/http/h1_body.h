#pragma once
// The content behind an HTTP/1 head (RFC 9112 §6, §7), found in place: nothing is copied but the
// trailers. One reader serves one message after the other; one thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/http/head.h"
#include "protocol/octets.h"

namespace sallyport::http {

/// Of one chunk.
inline constexpr std::size_t kMaxExtensionOctets = 256;
/// What framing may cost beyond its fair share: each chunk adds the octets of its size line and
/// takes 16 and twice its size off. Many tiny chunks with long extensions are an attack.
inline constexpr std::uint64_t kMaxExcessOctets = 16'384;
inline constexpr std::size_t kMaxTrailerOctets = 8'192;
inline constexpr std::uint32_t kMaxTrailerFields = 64;

class BodyReader {
 public:
  enum class Kind : std::uint8_t {
    data,       ///< `length` octets of content behind `skip`
    need_more,  ///< all of the input was framing, or there was none
    end,        ///< what stands behind `skip` is the next message's
    bad,        ///< malformed; the connection is closed
  };
  struct Step {
    Kind kind = Kind::need_more;
    std::size_t skip = 0;    ///< octets of framing at the front: drop them
    std::size_t length = 0;  ///< data: octets of content after them, to be taken whole
    bool operator==(const Step&) const = default;
  };

  /// After a head. `length` is read for Framing::length only. until_close, stream and tunnel have
  /// no end of their own: all is data.
  void start(Framing framing, std::uint64_t length) noexcept;
  /// The next step for octets that have arrived: handle it, then call again with what is left, at
  /// the end of a message too (with none left, if need be) until need_more or end comes.
  [[nodiscard]] Step next(Octets input);

  /// The message is whole: next() has nothing more to say. Without a body it is so at once.
  [[nodiscard]] bool ended() const noexcept { return state_ == State::ended; }
  /// The connection was closed here: whether that ends the message properly.
  [[nodiscard]] bool may_close() const noexcept { return ended() || state_ == State::endless; }
  /// Of a chunked message, after its end; without those that may not be trailers.
  [[nodiscard]] const Fields& trailers() const noexcept { return trailers_; }

 private:
  enum class State : std::uint8_t {
    counted,      ///< octets of Content-Length: remaining_
    endless,      ///< until the connection is closed
    first_digit,  ///< of a chunk's size
    size,         ///< further digits
    extension,    ///< dropped up to CR
    size_lf,      ///< LF of the size's line
    chunk,        ///< its data: remaining_
    chunk_cr,     ///< CRLF behind it
    chunk_lf,
    trailers,  ///< behind the last chunk, with the final empty line
    ended,
    failed,
  };
  [[nodiscard]] Step take(Octets input, std::size_t skip) noexcept;
  [[nodiscard]] State after_framing(char c) noexcept;
  [[nodiscard]] State after_size_line() noexcept;
  [[nodiscard]] Step read_trailers(Octets input, std::size_t skip);

  State state_ = State::ended;
  std::uint8_t size_digits_ = 0;
  std::uint16_t extension_octets_ = 0;
  std::uint64_t remaining_ = 0;
  std::uint64_t excess_ = 0;
  std::string trailer_text_;
  std::size_t trailer_searched_ = 0;
  Fields trailers_;
};

/// Room for the line in front of a chunk: 16 digits, CRLF.
inline constexpr std::size_t kMaxChunkLineOctets = 18;
/// Behind a chunk's data.
inline constexpr std::string_view kChunkEnd = "\r\n";
/// The last chunk, without trailers.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// "1a2b\r\n" for a chunk of `size` octets, which is not 0. Returns its length; `out` has room for
/// kMaxChunkLineOctets.
[[nodiscard]] std::size_t write_chunk_line(std::uint64_t size, MutableOctets out) noexcept;

/// The last chunk and the trailers. Returns its length, or 0 if `out` has no room for it.
[[nodiscard]] std::size_t write_last_chunk(const Fields& trailers, MutableOctets out) noexcept;

}  // namespace sallyport::http
