// Every instruction set of this processor against BoringSSL: jobs and messages of any lengths, cut
// into any pieces.

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <openssl/hmac.h>
#include <openssl/md5.h>

#include "protocol/check.h"
#include "protocol/md5/batch.h"
#include "protocol/md5/md5.h"

namespace sallyport::md5 {
namespace {

using DigestOctets = std::array<std::uint8_t, kDigestOctets>;

constexpr std::size_t kMaxMessages = 140;  // more than a batch holds

/// The key's block under a pad, as HMAC begins (RFC 2104 §2). `key`: at most a block.
State after_pad(Octets key, std::uint8_t pad) {
  std::array<std::uint8_t, kBlockOctets> block{};
  std::ranges::copy(key, block.begin());
  for (std::uint8_t& octet : block) octet ^= pad;
  State state = kInitial;
  const Job job{.state = &state, .blocks = block.data(), .block_count = 1};
  run({&job, 1}, Isa::scalar);
  return state;
}

/// Messages from the input: an octet for the length (in units that reach the longest), one for
/// where it is cut, and whether it is keyed; the octets themselves are the whole input, repeated.
struct Messages {
  explicit Messages(Octets input) {
    octets.resize(4200);
    for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = input[i % input.size()];
    for (std::size_t i = 0; i + 1 < input.size() && plans.size() < kMaxMessages; i += 2) {
      const std::size_t size = input[i] < 0xf0 ? input[i] : (input[i] - 0xef) * 256;
      plans.push_back(
          {.size = size, .cut = size * input[i + 1] / 256, .keyed = input[i + 1] % 2 == 1});
    }
  }
  struct Plan {
    std::size_t size;
    std::size_t cut;
    bool keyed;
  };
  [[nodiscard]] Octets message(std::size_t i) const { return Octets(octets).first(plans[i].size); }

  std::vector<std::uint8_t> octets;
  std::vector<Plan> plans;
};

void compare_batch(const Messages& messages, Octets key, Batch& batch) {
  const State inner = after_pad(key, 0x36);
  const State outer = after_pad(key, 0x5c);
  std::vector<DigestOctets> digests(messages.plans.size());
  for (std::size_t i = 0; i < digests.size(); ++i) {
    const Octets message = messages.message(i);
    const std::size_t cut = messages.plans[i].cut;
    const Batch::Pieces pieces = {message.first(cut), message.subspan(cut)};
    if (messages.plans[i].keyed) {
      batch.add_hmac(inner, outer, pieces, digests[i]);
    } else {
      batch.add_md5(pieces, digests[i]);
    }
  }
  batch.run();
  for (std::size_t i = 0; i < digests.size(); ++i) {
    const Octets message = messages.message(i);
    DigestOctets expected;
    if (messages.plans[i].keyed) {
      HMAC(EVP_md5(), key.data(), key.size(), message.data(), message.size(), expected.data(),
           nullptr);
    } else {
      MD5(message.data(), message.size(), expected.data());
    }
    CHECK(digests[i] == expected);
  }
}

void compare_jobs(const Messages& messages, Isa isa) {
  const auto states_after = [&](Isa which) {
    std::vector<State> states(messages.plans.size(), kInitial);
    std::vector<Job> jobs;
    for (std::size_t i = 0; i < states.size(); ++i) {
      const auto block_count = static_cast<std::uint32_t>(messages.plans[i].size / kBlockOctets);
      jobs.push_back({.state = &states[i],
                      .blocks = messages.octets.data() + messages.plans[i].cut % kBlockOctets,
                      .block_count = block_count});
    }
    run(jobs, which);
    return states;
  };
  const auto same = [](const State& a, const State& b) {
    return std::ranges::equal(a.words, b.words);
  };
  CHECK(std::ranges::equal(states_after(isa), states_after(Isa::scalar), same));
}

void fuzz(Octets input) {
  if (input.empty()) return;
  const Octets key = input.first(std::min<std::size_t>(input.size(), input[0] % 65));
  const Messages messages(input);
  for (const Isa isa : kAllIsas) {
    if (!supported(isa)) continue;
    const auto batch = std::make_unique<Batch>(isa);
    compare_batch(messages, key, *batch);
    compare_jobs(messages, isa);
  }
}

}  // namespace
}  // namespace sallyport::md5

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::md5::fuzz({data, size});
  return 0;
}
