#include "protocol/md5/md5.h"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/md5.h>

namespace sallyport::md5 {
namespace {

State reference(State state, const std::uint8_t* blocks, std::size_t block_count) {
  MD5_CTX context{};
  std::copy_n(state.words, 4, context.h);
  for (std::size_t i = 0; i < block_count; ++i) MD5_Transform(&context, blocks + i * kBlockOctets);
  std::copy_n(context.h, 4, state.words);
  return state;
}

bool equal(const State& a, const State& b) { return std::ranges::equal(a.words, b.words); }

/// Jobs over one buffer of random octets, each with a random state to start from.
class RunTest : public testing::TestWithParam<Isa> {
 protected:
  static constexpr std::size_t kMaxBlocks = 70;  // more than a RADIUS packet has

  void SetUp() override {
    if (!supported(GetParam())) GTEST_SKIP() << "this processor has no " << to_text(GetParam());
    octets_.resize(kMaxBlocks * kBlockOctets + kBlockOctets);
    for (std::uint8_t& octet : octets_) octet = static_cast<std::uint8_t>(random_());
  }

  /// One job for each count; job i begins at octet i of the buffer, so every alignment comes.
  void expect_right(const std::vector<std::uint32_t>& block_counts) {
    std::vector<State> states(block_counts.size());
    for (State& state : states) {
      for (std::uint32_t& word : state.words) word = static_cast<std::uint32_t>(random_());
    }
    const std::vector<State> starts = states;
    std::vector<Job> jobs;
    for (std::size_t i = 0; i < block_counts.size(); ++i) {
      jobs.push_back({.state = &states[i],
                      .blocks = octets_.data() + i % kBlockOctets,
                      .block_count = block_counts[i]});
    }
    run(jobs, GetParam());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      ASSERT_TRUE(equal(states[i], reference(starts[i], jobs[i].blocks, block_counts[i])))
          << "job " << i << " of " << jobs.size() << ", " << block_counts[i] << " blocks";
    }
  }

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  std::mt19937 random_{1};
  std::vector<std::uint8_t> octets_;
};

TEST_P(RunTest, AnyNumberOfEqualJobs) {
  for (std::uint32_t blocks = 0; blocks <= 2; ++blocks) {
    for (std::size_t jobs = 0; jobs <= 100; ++jobs) {
      expect_right(std::vector<std::uint32_t>(jobs, blocks));
    }
  }
}

TEST_P(RunTest, AnyMixtureOfLengths) {
  for (int round = 0; round < 90; ++round) {
    const std::uint32_t longest = round % 3 == 0 ? kMaxBlocks : round % 3 == 1 ? 6 : 2;
    std::vector<std::uint32_t> block_counts(random_() % 200);
    for (std::uint32_t& count : block_counts) count = below(longest + 1);
    expect_right(block_counts);
  }
}

TEST_P(RunTest, OneLongJobAmongShortOnes) {
  for (std::size_t at = 0; at < 40; ++at) {
    std::vector<std::uint32_t> block_counts(40, 1);
    block_counts[at] = kMaxBlocks;
    expect_right(block_counts);
  }
}

TEST_P(RunTest, MoreJobsThanAreOrderedAtATime) {
  std::vector<std::uint32_t> block_counts(1000);
  for (std::uint32_t& count : block_counts) count = below(8);
  expect_right(block_counts);
}

/// The octets in front of and behind the blocks stand at the ends of an allocation, where the
/// sanitizer builds see a read too far.
TEST_P(RunTest, ReadsNothingBesideTheBlocks) {
  for (const std::size_t job_count : {1, 2, 3, 8, 9, 16, 17}) {
    std::vector<std::vector<std::uint8_t>> blocks;
    std::vector<State> states(job_count, kInitial);
    std::vector<Job> jobs;
    for (std::size_t i = 0; i < job_count; ++i) {
      blocks.emplace_back(octets_.begin(), octets_.begin() + 2 * kBlockOctets);
      blocks.back().shrink_to_fit();
      jobs.push_back({.state = &states[i], .blocks = blocks.back().data(), .block_count = 2});
    }
    run(jobs, GetParam());
    for (const State& state : states) {
      EXPECT_TRUE(equal(state, reference(kInitial, octets_.data(), 2)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, RunTest, testing::ValuesIn(kAllIsas),
                         [](const auto& isa) { return to_text(isa.param); });

TEST(Isa, TheBestIsSupportedAndScalarAlways) {
  EXPECT_TRUE(supported(best_isa()));
  EXPECT_TRUE(supported(Isa::scalar));
}

TEST(IsaDeathTest, RefusesWhatTheProcessorCannotRun) {
  for (const Isa isa : kAllIsas) {
    if (!supported(isa)) {
      EXPECT_DEATH(run({}, isa), "scalar");
    }
  }
}

}  // namespace
}  // namespace sallyport::md5
