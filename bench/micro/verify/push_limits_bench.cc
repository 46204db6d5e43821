// What verify asks itself before it puts a question, with as many users known as are asked at once
// in a bad hour: how often this one was asked, and what he has approved.

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "bench/micro/hot_function.h"
#include "protocol/check.h"
#include "verify/approval_memory.h"
#include "verify/push_limits.h"

namespace sallyport::micro {
namespace {

using verify::ApprovalMemory;
using verify::Asker;
using verify::AskerKeys;
using verify::PushLimitedBy;
using verify::PushLimits;

constexpr std::uint32_t kUsers = 40'000;
constexpr std::size_t kEntries = 131'072;
/// No rate is exceeded by one question in so long.
constexpr std::uint64_t kLongMs = 3'600'000;

verify::Question question(std::uint32_t n) {
  verify::Question question;
  std::array<char, 9> user = {'u', 's', 'e', 'r'};
  for (std::size_t i = user.size(); i-- > 4; n /= 10) user[i] = static_cast<char>('0' + n % 10);
  question.user.assign(std::string_view(user.data(), user.size()));
  question.client.assign(std::string_view("office-gateway"));
  question.calling_station.assign(std::string_view("203.0.113.200"));
  return question;
}

std::vector<Asker> askers() {
  const AskerKeys keys({1, 2, 3});
  std::vector<Asker> all;
  for (std::uint32_t n = 0; n < kUsers; ++n) all.push_back(keys.of(question(n)));
  return all;
}

Calls make_keys() {
  return [keys = AskerKeys({1, 2, 3}), asked = question(7)](std::uint32_t calls) {
    for (std::uint32_t i = 0; i < calls; ++i) CHECK(keys.of(asked).has_station);
  };
}

/// From one gateway alike for all: its place is the only one that everybody shares.
Calls take(bool known) {
  auto limits = std::make_unique<PushLimits>(verify::PushLimitSettings{.place = {}}, kEntries);
  std::vector<Asker> all = askers();
  for (const Asker& asker : all) CHECK(limits->take(asker, known, kLongMs) == PushLimitedBy::none);
  return [limits = std::move(limits), all = std::move(all), known, n = std::size_t{0},
          now_ms = 2 * kLongMs](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      CHECK(limits->take(all[n], known, now_ms) == PushLimitedBy::none);
      if (++n < all.size()) continue;
      n = 0;
      now_ms += kLongMs;
    }
  };
}

Calls approve() {
  auto memory = std::make_unique<ApprovalMemory>(kEntries);
  std::vector<Asker> all = askers();
  for (const Asker& asker : all) memory->approved(asker, true, "staff", kLongMs);
  return [memory = std::move(memory), all = std::move(all),
          n = std::size_t{0}](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const Asker& asker = all[n++ % kUsers];
      CHECK(memory->is_good(asker, kLongMs + 1, 2));
      memory->approved(asker, true, "staff", kLongMs);
    }
  };
}

}  // namespace

void add_push_limits(HotFunctions& all) {
  all.push_back({"asker_keys/of", [] { return make_keys(); }});
  all.push_back({"push_limits/take/40000_unknown", [] { return take(false); }});
  all.push_back({"push_limits/take/40000_known", [] { return take(true); }});
  all.push_back({"approval_memory/good_and_approved/40000", [] { return approve(); }});
}

}  // namespace sallyport::micro
