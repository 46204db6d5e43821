// VerificationTable: who waits on which verification, with 1,000 others pending.

#include <string_view>
#include <utility>

#include "bench/micro/hot_function.h"
#include "protocol/check.h"
#include "verify/deadline_heap.h"
#include "verify/verification_table.h"

namespace sallyport::micro {
namespace {

using verify::Question;
using verify::VerificationTable;

constexpr std::uint32_t kPending = 1'000;

Question question(std::uint32_t n) {
  Question question;
  question.ticket.value = n;
  for (std::uint32_t i = 0; i < 4; ++i)
    question.join_key.octets[i] = static_cast<std::uint8_t>(n * 0x9e37'79b9 >> 8 * i);
  question.user.assign(std::string_view("jdoe0001"));
  return question;
}

Calls begin_and_end() {
  auto table = std::make_unique<VerificationTable>();
  for (std::uint32_t n = 0; n < kPending; ++n) table->begin(question(n));
  return [table = std::move(table), n = kPending](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const Question asked = question(++n);
      CHECK(table->find(asked.join_key) == VerificationTable::kNone);
      const std::uint32_t index = table->begin(asked);
      CHECK(table->find(asked.join_key) == index);
      table->end(index);
    }
  };
}

Calls reschedule_deadline() {
  verify::DeadlineHeap heap;
  for (std::uint32_t index = 0; index < kPending; ++index) heap.schedule(index, 1'000 + index);
  return [heap = std::move(heap), now_ms = std::uint64_t{1'000}](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const auto due = heap.take_due(now_ms);
      CHECK(due.has_value());
      heap.schedule(*due, now_ms + kPending);  // the next poll
      ++now_ms;
    }
  };
}

}  // namespace

void add_verification_table(HotFunctions& all) {
  all.push_back({"verification_table/begin_end", [] { return begin_and_end(); }});
  all.push_back({"deadline_heap/reschedule", [] { return reschedule_deadline(); }});
}

}  // namespace sallyport::micro
