// Mailbox: how verdicts reach a shard that is awake.

#include <memory>
#include <utility>
#include <variant>

#include "bench/micro/hot_function.h"
#include "engine/radius/shard.h"
#include "engine/ring/mailbox.h"
#include "protocol/check.h"

namespace sallyport::micro {
namespace {

using radius_door::ShardMessage;

Calls post_and_take() {
  auto mailbox = std::make_unique<ring::Mailbox<ShardMessage>>(1'024, ring::Waker(-1, -1));
  return [mailbox = std::move(mailbox)](std::uint32_t calls) {
    verify::Answer answer;
    answer.verdict = verify::Verdict::approved;
    ShardMessage taken;
    for (std::uint32_t i = 0; i < calls; ++i) {
      answer.ticket.value = i;
      CHECK(mailbox->post(answer));
      CHECK(mailbox->take(taken));
      CHECK(std::get<verify::Answer>(taken).ticket.value == i);
    }
  };
}

}  // namespace

void add_mailbox(HotFunctions& all) {
  all.push_back({"mailbox/post_take", [] { return post_and_take(); }});
}

}  // namespace sallyport::micro
