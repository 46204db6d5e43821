// MD5 of messages side by side, by each set of instructions that this processor has. Three blocks:
// as long as a PAP request behind a secret; one: as HMAC's outer block.

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>

#include "bench/micro/hot_function.h"
#include "protocol/check.h"
#include "protocol/md5/batch.h"
#include "protocol/md5/md5.h"

namespace sallyport::micro {
namespace {

constexpr std::size_t kMaxMessages = 64;
constexpr std::uint32_t kMaxBlocks = 3;

/// One call: all messages.
Calls run_jobs(md5::Isa isa, std::size_t messages, std::uint32_t blocks) {
  return [=](std::uint32_t calls) {
    alignas(md5::kBlockOctets) std::array<std::uint8_t, kMaxBlocks * md5::kBlockOctets> message;
    message.fill(0x5a);
    std::array<md5::State, kMaxMessages> states;
    std::array<md5::Job, kMaxMessages> jobs;
    for (std::size_t i = 0; i < messages; ++i)
      jobs[i] = {.state = &states[i], .blocks = message.data(), .block_count = blocks};
    md5::State expected = md5::kInitial;
    const md5::Job reference{.state = &expected, .blocks = message.data(), .block_count = blocks};
    md5::run({&reference, 1}, md5::Isa::scalar);
    for (std::uint32_t i = 0; i < calls; ++i) {
      std::fill_n(states.begin(), messages, md5::kInitial);
      md5::run(std::span(jobs).first(messages), isa);
      CHECK(states[i % messages].words[0] == expected.words[0]);
    }
  };
}

/// One call: the HMACs of a turn of 64 requests of 130 octets each, in the pieces a hop adds them
/// in.
Calls run_batch(md5::Isa isa) {
  return [batch = std::make_unique<md5::Batch>(isa)](std::uint32_t calls) {
    std::array<std::uint8_t, 130> packet;
    packet.fill(0x5a);
    const Octets octets(packet);
    std::array<std::array<std::uint8_t, md5::kDigestOctets>, kMaxMessages> digests{};
    for (std::uint32_t i = 0; i < calls; ++i) {
      for (auto& digest : digests)
        batch->add_hmac(md5::kInitial, md5::kInitial,
                        {octets.first(4), octets.subspan(4, 16), octets.subspan(20)}, digest);
      batch->run();
      CHECK(digests[i % kMaxMessages] == digests[0]);
    }
  };
}

}  // namespace

void add_md5(HotFunctions& all) {
  for (const md5::Isa isa : md5::kAllIsas) {
    if (!md5::supported(isa)) continue;
    const std::string name = md5::to_text(isa);
    all.push_back({"md5/run_8_messages/" + name, [isa] { return run_jobs(isa, 8, 3); }});
    all.push_back({"md5/batch_of_64_hmacs/" + name, [isa] { return run_batch(isa); }, false});
    for (const std::uint32_t blocks : {1, 3})
      for (const std::size_t messages : {1, 2, 4, 16, 32, 64})
        all.push_back({"md5/run/" + name + "/" + std::to_string(messages) + "_messages_of_" +
                           std::to_string(blocks),
                       [=] { return run_jobs(isa, messages, blocks); }, false});
  }
}

}  // namespace sallyport::micro
