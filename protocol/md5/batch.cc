#include "protocol/md5/batch.h"

#include <cstring>

#include "protocol/check.h"

namespace sallyport::md5 {
namespace {

constexpr std::size_t kLengthOctets = 8;  // RFC 1321 §3.2: the length in bits ends the last block
constexpr std::uint8_t kPaddingBegin = 0x80;

constexpr std::size_t padded(std::size_t octets) {
  return (octets + 1 + kLengthOctets + kBlockOctets - 1) / kBlockOctets * kBlockOctets;
}
static_assert(padded(Batch::kMaxMessageOctets) <= Batch::kArenaOctets);

/// What follows the inner digest in the block behind the outer pad: padding, length.
constexpr auto kOuterTail = [] {
  constexpr std::uint64_t kBits = 8 * (kBlockOctets + kDigestOctets);
  std::array<std::uint8_t, kBlockOctets - kDigestOctets> tail{kPaddingBegin};
  tail[tail.size() - kLengthOctets] = kBits % 256;
  tail[tail.size() - kLengthOctets + 1] = kBits / 256;
  return tail;
}();

/// Pieces are mostly shorter than a call of memcpy takes.
template <std::size_t Half>
void copy_overlapped(std::uint8_t* to, const std::uint8_t* from, std::size_t octets) {
  std::memcpy(to, from, Half);
  std::memcpy(to + octets - Half, from + octets - Half, Half);
}
void copy(std::uint8_t* to, const std::uint8_t* from, std::size_t octets) {
  if (octets >= 16) {
    for (std::size_t at = 0; at + 16 < octets; at += 16) std::memcpy(to + at, from + at, 16);
    std::memcpy(to + octets - 16, from + octets - 16, 16);
  } else if (octets >= 8) {
    copy_overlapped<8>(to, from, octets);
  } else if (octets >= 4) {
    copy_overlapped<4>(to, from, octets);
  } else {
    for (std::size_t at = 0; at < octets; ++at) to[at] = from[at];
  }
}

}  // namespace

Batch::~Batch() { clear(); }

void Batch::add_md5(Pieces pieces, Digest out) noexcept { add(kInitial, 0, nullptr, pieces, out); }

void Batch::add_hmac(const State& inner, const State& outer, Pieces pieces, Digest out) noexcept {
  add(inner, kBlockOctets, &outer, pieces, out);
}

void Batch::add(const State& start, std::size_t octets_before, const State* outer, Pieces pieces,
                Digest out) noexcept {
  std::size_t octets = 0;
  for (const Octets piece : pieces) octets += piece.size();
  CHECK(octets <= kMaxMessageOctets);
  const std::size_t room = padded(octets);
  if (messages_ == kMaxMessages || arena_used_ + room > kArenaOctets) run();

  std::uint8_t* const blocks = arena_.data() + arena_used_;
  std::uint8_t* end = blocks;
  for (const Octets piece : pieces) {
    copy(end, piece.data(), piece.size());
    end += piece.size();
  }
  *end = kPaddingBegin;
  const std::uint64_t bits = 8 * (octets_before + octets);
  std::memcpy(blocks + room - sizeof bits, &bits, sizeof bits);

  state_[messages_] = start;
  job_[messages_] = {.state = &state_[messages_],
                     .blocks = blocks,
                     .block_count = static_cast<std::uint32_t>(room / kBlockOctets)};
  message_[messages_] = {.blocks = blocks, .outer = outer, .out = out.data()};
  ++messages_;
  arena_used_ += room;
}

std::size_t Batch::prepare_outer_jobs() noexcept {
  std::size_t jobs = 0;
  for (std::size_t i = 0; i < messages_; ++i) {
    if (message_[i].outer == nullptr) continue;
    std::memcpy(message_[i].blocks, state_[i].words, kDigestOctets);
    std::memcpy(message_[i].blocks + kDigestOctets, kOuterTail.data(), kOuterTail.size());
    state_[i] = *message_[i].outer;
    job_[jobs++] = {.state = &state_[i], .blocks = message_[i].blocks, .block_count = 1};
  }
  return jobs;
}

void Batch::run() noexcept {
  md5::run(std::span(job_).first(messages_), isa_);
  md5::run(std::span(job_).first(prepare_outer_jobs()), isa_);
  for (std::size_t i = 0; i < messages_; ++i) {
    std::memcpy(message_[i].out, state_[i].words, kDigestOctets);
  }
  clear();
}

void Batch::clear() noexcept {
  wipe(std::span(arena_).first(arena_used_));
  wipe({reinterpret_cast<std::uint8_t*>(state_.data()), messages_ * sizeof(State)});
  messages_ = 0;
  arena_used_ = 0;
}

}  // namespace sallyport::md5
