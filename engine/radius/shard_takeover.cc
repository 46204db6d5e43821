// A shard's part when one process takes over from another: on both sides.

#include <cerrno>
#include <iterator>
#include <utility>

#include <sys/socket.h>

#include "engine/radius/shard.h"
#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

constexpr std::uint64_t kLookMs = 100;

}  // namespace

// --- The process before ----------------------------------------------------------------------

// The last receives on the listeners are canceled; what they have brought is handled in the turn
// that sees their ends, and only after that is what we remember listed (report).
void Shard::step_back(Succession& succession) noexcept {
  succession_ = &succession;
  listed_ = false;
  if (radsec_) radsec_->drain();
  std::erase_if(to_arm_, [this](std::uint32_t file) { return is_listener(file); });
  for (std::uint32_t listener = 0; listener < listeners_; ++listener) {
    if (std::exchange(receivers_[listener].to_arm, false)) continue;
    ring_->cancel(receive_tag(listener), {.operation = ring::Operation::cancel});
    ++in_flight_;
  }
  const auto file = static_cast<std::uint32_t>(receivers_.size() - 1);
  CHECK(ring_->register_file(file, succession.returns.get()));
  want_armed(file);
}

void Shard::step_forth() noexcept {
  succession_ = nullptr;
  if (radsec_) radsec_->accept_again();
  for (std::uint32_t listener = 0; listener < listeners_; ++listener) want_armed(listener);
}

// What clients send by UDP is read no more, but for what is handed back; connections are served.
void Shard::retire(Now now, std::uint64_t until_ms) noexcept {
  retiring_ = true;
  if (radsec_) radsec_->part({.begun_ms = now.ms(), .until_ms = until_ms});
}

// A code that is out is known to this process alone. That nobody answers it in time the desk's own
// thread finds, which wakes nobody.
void Shard::look_whether_retired(Now now) noexcept {
  const bool codes_out = challenges_ != nullptr && challenges_->any_held();
  if (radsec_) radsec_->codes_are_out(codes_out);
  retire_look_ms_ = now.ms() + kLookMs;
  if (codes_out || door_->unanswered() > 0 || (radsec_ && !radsec_->gone())) return;
  retired_ = true;
  drained_.release();
}

// --- The process that takes over -------------------------------------------------------------

// Its answers are there, and its users' questions; and what it has asked codes for.
bool Shard::is_his(const ClientDatagram& datagram) const noexcept {
  const std::uint64_t mark = mark_of(datagram);
  if (mark == 0) return false;
  if (predecessor_remembers_->contains(mark)) return true;
  if (challenges_ == nullptr) return false;
  const auto packet = radius::PacketView::parse(datagram.octets);
  if (!packet || packet->code() != radius::Code::access_request) return false;
  const auto state = packet->find(radius::Type::state);
  if (!state || !verify::is_our_state(*state)) return false;
  verify::ChallengeState named;
  copy_octets(*state, named);
  return verify::generation_of(named) != challenges_->generation();
}

// A datagram for which its socket has no room is lost as one on the network is; once it has ended,
// what comes is new to everybody.
bool Shard::handed_back(const ClientDatagram& datagram) noexcept {
  if (predecessor_gone_ || !is_his(datagram)) return false;
  const ReturnHeader header{
      .source = datagram.path.source, .local = datagram.path.local, .socket = datagram.path.socket};
  iovec parts[2] = {{.iov_base = const_cast<ReturnHeader*>(&header), .iov_len = sizeof header},
                    {.iov_base = const_cast<std::uint8_t*>(datagram.octets.data()),
                     .iov_len = datagram.octets.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = std::size(parts);
  const ssize_t sent = ::sendmsg(returns_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  predecessor_gone_ = sent < 0 && errno != EAGAIN && errno != ENOBUFS;
  return !predecessor_gone_;
}

}  // namespace sallyport::radius_door
