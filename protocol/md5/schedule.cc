#include "protocol/md5/schedule.h"

#include <algorithm>
#include <array>

#include "protocol/octets.h"

namespace sallyport::md5 {
namespace {

/// Jobs ordered at a time: the indices fit an octet.
constexpr std::size_t kMaxOrdered = 256;
/// Lengths, in blocks, that are ordered by counting; a usual RADIUS packet has 2 to 5. All longer
/// ones share the last bucket, and are sorted by comparing.
constexpr std::size_t kBuckets = 16;

/// Indices of jobs, longest first. Jobs of no block at all are left out.
class Order {
 public:
  explicit Order(std::span<const Job> jobs) noexcept {
    const std::uint32_t first = jobs.front().block_count;
    const bool equal =
        std::ranges::all_of(jobs, [first](const Job& job) { return job.block_count == first; });
    equal ? keep(jobs) : sort(jobs);
  }
  [[nodiscard]] std::span<const std::uint8_t> indices() const noexcept {
    return std::span(indices_).first(size_);
  }

 private:
  void keep(std::span<const Job> jobs) noexcept {
    size_ = jobs.front().block_count == 0 ? 0 : jobs.size();
    for (std::size_t i = 0; i < size_; ++i) indices_[i] = static_cast<std::uint8_t>(i);
  }

  void sort(std::span<const Job> jobs) noexcept {
    std::array<std::uint16_t, kBuckets> place{};  // first how many, then where the next one goes
    for (const Job& job : jobs) ++place[bucket(job)];
    const std::size_t longest = place[kBuckets - 1];
    std::uint16_t end = 0;
    for (std::size_t i = kBuckets; i-- > 0;) {
      const std::uint16_t count = place[i];
      place[i] = end;
      end += count;
    }
    size_ = place[0];
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      indices_[place[bucket(jobs[i])]++] = static_cast<std::uint8_t>(i);
    }
    if (longest > 1) {
      std::sort(indices_.begin(), indices_.begin() + longest, [&](std::uint8_t a, std::uint8_t b) {
        return jobs[a].block_count > jobs[b].block_count;
      });
    }
  }

  static std::size_t bucket(const Job& job) noexcept {
    return std::min<std::size_t>(job.block_count, kBuckets - 1);
  }

  std::array<std::uint8_t, kMaxOrdered> indices_;
  std::size_t size_;
};

/// Runs one job in each lane until all have ended; the last one left runs alone. Two lanes are
/// faster than two messages one after the other with every instruction set. `indices`: longest
/// first, at most the widest kernel's lanes.
void run_group(std::span<const Job> jobs, std::span<const std::uint8_t> indices,
               const Kernels& kernels, Scratch& scratch) {
  Lanes lanes;
  State idle = kInitial;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    lanes.states[i] = jobs[indices[i]].state;
    lanes.blocks[i] = jobs[indices[i]].blocks;
  }
  const auto block_count = [&](std::size_t i) { return jobs[indices[i]].block_count; };
  std::size_t active = indices.size();
  std::uint32_t done = 0;
  while (active > 1) {
    const bool narrow = active <= kernels.narrow_lanes;
    const std::size_t width = narrow ? kernels.narrow_lanes : kernels.wide_lanes;
    for (std::size_t i = active; i < width; ++i) {
      lanes.states[i] = &idle;
      lanes.blocks[i] = lanes.blocks[0];
    }
    const std::uint32_t shortest = block_count(active - 1) - done;
    (narrow ? kernels.narrow : kernels.wide)(lanes, shortest, scratch);
    done += shortest;
    while (active > 0 && block_count(active - 1) == done) --active;
    for (std::size_t i = 0; i < active; ++i) lanes.blocks[i] += shortest * kBlockOctets;
  }
  if (active == 1) {
    const Job& longest = jobs[indices[0]];
    kernels.single(*longest.state, longest.blocks + done * kBlockOctets,
                   longest.block_count - done);
  }
}

}  // namespace

void run_in_lanes(std::span<const Job> jobs, const Kernels& kernels) noexcept {
  if (jobs.size() == 1) {
    const Job& job = jobs.front();
    if (job.block_count > 0) kernels.single(*job.state, job.blocks, job.block_count);
    return;
  }
  Scratch scratch;
  while (!jobs.empty()) {
    const std::span<const Job> some = jobs.first(std::min(jobs.size(), kMaxOrdered));
    const Order order(some);
    std::span<const std::uint8_t> indices = order.indices();
    while (!indices.empty()) {
      const std::size_t size = std::min(indices.size(), kernels.wide_lanes);
      run_group(some, indices.first(size), kernels, scratch);
      indices = indices.subspan(size);
    }
    jobs = jobs.subspan(some.size());
  }
  wipe({reinterpret_cast<std::uint8_t*>(&scratch), sizeof scratch});
}

}  // namespace sallyport::md5
