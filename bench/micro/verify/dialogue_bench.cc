// Dialogue: one verification from its beginning to the approval, found at the second poll.

#include "bench/micro/hot_function.h"
#include "protocol/check.h"
#include "verify/notakey/dialogue.h"

namespace sallyport::micro {
namespace {

using sallyport::notakey::ApiVersion;
using sallyport::notakey::Created;
using sallyport::notakey::Response;
using sallyport::notakey::Result;
using verify::Verdict;
using verify::notakey::Action;
using verify::notakey::ActionKind;
using verify::notakey::Dialogue;
using verify::notakey::Event;
using verify::notakey::EventKind;

constexpr const char* kUser = "jdoe0001";
constexpr const char* kUuid = "0c1f4f0e-6a4e-4b9a-9f7e-5a1d2c3b4e5f";

Event polled(std::uint64_t now_ms, Response response) {
  return {.kind = EventKind::answered,
          .now_ms = now_ms,
          .user = kUser,
          .http_status = 200,
          .result = Result{.uuid = kUuid, .username = kUser, .response = response}};
}

Calls approve(ApiVersion version) {
  return [version](std::uint32_t calls) {
    for (std::uint32_t i = 0; i < calls; ++i) {
      Dialogue dialogue(version, 1'000, 61'000);
      Action action = dialogue.step({.kind = EventKind::begin, .now_ms = 1'000, .user = kUser});
      if (action.kind == ActionKind::get_token)
        action = dialogue.step({.kind = EventKind::token_ready, .now_ms = 1'000, .user = kUser});
      CHECK(action.kind == ActionKind::create);
      action = dialogue.step({.kind = EventKind::answered,
                              .now_ms = 1'100,
                              .user = kUser,
                              .http_status = 201,
                              .created = Created{kUuid}});
      for (const Response response : {Response::none, Response::approve}) {
        CHECK(action.kind == ActionKind::wait);
        const std::uint64_t due_ms = dialogue.wake_at_ms();
        action = dialogue.step({.kind = EventKind::due, .now_ms = due_ms, .user = kUser});
        if (action.kind == ActionKind::get_token)
          action = dialogue.step({.kind = EventKind::token_ready, .now_ms = due_ms, .user = kUser});
        CHECK(action.kind == ActionKind::poll);
        action = dialogue.step(polled(due_ms + 50, response));
      }
      CHECK(action.kind == ActionKind::decide && action.verdict == Verdict::approved);
    }
  };
}

}  // namespace

void add_dialogue(HotFunctions& all) {
  all.push_back({"dialogue/approved/v2", [] { return approve(ApiVersion::v2); }});
  all.push_back({"dialogue/approved/v3", [] { return approve(ApiVersion::v3); }});
}

}  // namespace sallyport::micro
