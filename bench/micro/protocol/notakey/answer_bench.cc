// AnswerReader: what the Notakey API answers to a create and to a poll.

#include <memory>
#include <string>
#include <string_view>

#include "bench/micro/hot_function.h"
#include "protocol/check.h"
#include "protocol/notakey/answer.h"

namespace sallyport::micro {
namespace {

using notakey::AnswerReader;
using notakey::Body;

constexpr std::string_view kAnswer =
    R"({"uuid":"0c1f4f0e-6a4e-4b9a-9f7e-5a1d2c3b4e5f","username":"jdoe0001",)"
    R"("action":"Login","description":"Log in as jdoe0001 from 192.0.2.7?",)"
    R"("created_at":"2026-01-12T10:02:16Z","expires_at":"2026-01-12T10:03:16Z","expired":false,)"
    R"("response_type":"ApproveRequest","signature":null,"response_payload":{"device":"phone"}})";

struct Reading {
  std::string text = std::string(kAnswer) + std::string(notakey::kAnswerPadding, ' ');
  AnswerReader reader;
  [[nodiscard]] Body body() const {
    return {.data = text.data(), .size = kAnswer.size(), .capacity = text.size()};
  }
};

Calls read_created() {
  return [reading = std::make_unique<Reading>()](std::uint32_t calls) {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const auto created = reading->reader.created(reading->body());
      CHECK(created && created->uuid.size() == 36);
    }
  };
}

Calls read_result() {
  return [reading = std::make_unique<Reading>()](std::uint32_t calls) {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const auto result = reading->reader.result(reading->body());
      CHECK(result && result->response == notakey::Response::approve);
    }
  };
}

}  // namespace

void add_answer(HotFunctions& all) {
  all.push_back({"notakey/read_created", [] { return read_created(); }});
  all.push_back({"notakey/read_result", [] { return read_result(); }});
}

}  // namespace sallyport::micro
