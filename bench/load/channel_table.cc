#include "bench/load/channel_table.h"

#include <bit>

#include "protocol/check.h"

namespace sallyport::lab {

ChannelTable::ChannelTable(std::uint32_t sockets)
    : sockets_(sockets),
      nodes_(std::size_t{sockets} * (kIdentifiers + 1) + kQueues),
      has_free_((sockets + 63) / 64),
      used_(channels()) {
  CHECK(sockets > 0 && sockets <= 65'536);
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) nodes_[node] = {node, node};
  for (Channel channel = 0; channel < channels(); ++channel) {
    append(free_head(socket_of(channel)), channel);
  }
  for (std::uint32_t socket = 0; socket < sockets_; ++socket) {
    has_free_[socket / 64] |= std::uint64_t{1} << (socket % 64);
  }
}

void ChannelTable::append(std::uint32_t head, std::uint32_t node) noexcept {
  const std::uint32_t last = nodes_[head].previous;
  nodes_[node] = {.next = head, .previous = last};
  nodes_[last].next = node;
  nodes_[head].previous = node;
}

void ChannelTable::unlink(std::uint32_t node) noexcept {
  const Node links = nodes_[node];
  nodes_[links.previous].next = links.next;
  nodes_[links.next].previous = links.previous;
  nodes_[node] = {node, node};
}

std::optional<std::uint32_t> ChannelTable::next_socket() noexcept {
  if (in_use_ == channels()) return std::nullopt;
  std::uint32_t word = turn_ / 64;
  std::uint64_t candidates = has_free_[word] & (~std::uint64_t{0} << (turn_ % 64));
  while (candidates == 0) {
    word = word + 1 == has_free_.size() ? 0 : word + 1;
    candidates = has_free_[word];
  }
  const std::uint32_t socket = word * 64 + static_cast<std::uint32_t>(std::countr_zero(candidates));
  turn_ = socket + 1 == sockets_ ? 0 : socket + 1;
  return socket;
}

std::optional<Channel> ChannelTable::take(std::uint32_t socket) noexcept {
  CHECK(socket < sockets_);
  const std::uint32_t head = free_head(socket);
  const std::uint32_t channel = nodes_[head].next;
  if (channel == head) return std::nullopt;
  unlink(channel);
  if (nodes_[head].next == head) has_free_[socket / 64] &= ~(std::uint64_t{1} << (socket % 64));
  used_[channel] = true;
  ++in_use_;
  return channel;
}

void ChannelTable::give_back(Channel channel) noexcept {
  CHECK(channel < channels() && used_[channel]);
  used_[channel] = false;
  --in_use_;
  unlink(channel);
  const std::uint32_t socket = socket_of(channel);
  append(free_head(socket), channel);
  has_free_[socket / 64] |= std::uint64_t{1} << (socket % 64);
}

void ChannelTable::wait(Queue queue, Channel channel) noexcept {
  CHECK(channel < channels() && used_[channel]);
  unlink(channel);
  append(queue_head(queue), channel);
}

std::optional<Channel> ChannelTable::first(Queue queue) const noexcept {
  const std::uint32_t head = queue_head(queue);
  const std::uint32_t channel = nodes_[head].next;
  if (channel == head) return std::nullopt;
  return channel;
}

}  // namespace sallyport::lab
