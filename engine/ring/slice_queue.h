#pragma once
// Queues of slices. All queues of a shard share one store of nodes, so that an empty queue costs
// eight octets and a short one no allocation.

#include <cstdint>
#include <vector>

#include "engine/ring/buffer_pool.h"
#include "protocol/check.h"

namespace sallyport::ring {

/// First in, first out. A value that only names its nodes: SliceNodes does the work.
struct SliceQueue {
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  std::uint32_t head = kNone;
  std::uint32_t tail = kNone;
  [[nodiscard]] bool empty() const noexcept { return head == kNone; }
};

class SliceNodes {
 public:
  explicit SliceNodes(std::uint32_t expected) { nodes_.reserve(expected); }

  void push(SliceQueue& queue, const Slice& slice) noexcept {
    const std::uint32_t node = take_node();
    nodes_[node] = {.slice = slice, .next = SliceQueue::kNone};
    (queue.empty() ? queue.head : nodes_[queue.tail].next) = node;
    queue.tail = node;
  }
  void push_front(SliceQueue& queue, const Slice& slice) noexcept {
    const std::uint32_t node = take_node();
    nodes_[node] = {.slice = slice, .next = queue.head};
    if (queue.empty()) queue.tail = node;
    queue.head = node;
  }
  /// The queue is not empty in what follows. A reference holds until the next push.
  [[nodiscard]] Slice& front(const SliceQueue& queue) noexcept { return nodes_[queue.head].slice; }
  [[nodiscard]] const Slice& front(const SliceQueue& queue) const noexcept {
    return nodes_[queue.head].slice;
  }
  [[nodiscard]] Slice& back(const SliceQueue& queue) noexcept { return nodes_[queue.tail].slice; }
  Slice pop(SliceQueue& queue) noexcept {
    CHECK(!queue.empty());
    Node& node = nodes_[queue.head];
    const std::uint32_t taken = queue.head;
    queue.head = node.next;
    if (queue.empty()) queue.tail = SliceQueue::kNone;
    node.next = free_;
    free_ = taken;
    return node.slice;
  }
  /// Calls see(slice) from the front on, while it returns true.
  template <typename See>
  void walk(const SliceQueue& queue, See&& see) const {
    for (std::uint32_t node = queue.head; node != SliceQueue::kNone; node = nodes_[node].next) {
      if (!see(nodes_[node].slice)) return;
    }
  }

 private:
  struct Node {
    Slice slice;
    std::uint32_t next;
  };
  std::uint32_t take_node() noexcept {
    if (free_ == SliceQueue::kNone) {
      nodes_.emplace_back();
      return static_cast<std::uint32_t>(nodes_.size() - 1);
    }
    const std::uint32_t node = free_;
    free_ = nodes_[node].next;
    return node;
  }

  std::vector<Node> nodes_;  ///< grows to the most that were ever queued at once
  std::uint32_t free_ = SliceQueue::kNone;
};

}  // namespace sallyport::ring
