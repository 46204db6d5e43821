#include "engine/admin/status_text.h"

#include <iterator>

#include <fmt/format.h>
#include <simdjson.h>

#include "engine/admin/health_text.h"
#include "engine/admin/pages.h"
#include "engine/log/text.h"

namespace sallyport::admin {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;
using verify::HealthState;

std::string text_at(const element& document, std::string_view pointer) {
  std::string_view text;
  if (document.at_pointer(pointer).get(text) != simdjson::SUCCESS) return {};
  // Whatever answered at that address, it writes to a terminal only what can be shown.
  fmt::memory_buffer shown;
  log::append_escaped(shown, text, log::Escape::plain);
  return fmt::to_string(shown);
}

std::uint64_t number_at(const element& document, std::string_view pointer) {
  std::uint64_t number = 0;
  return document.at_pointer(pointer).get(number) == simdjson::SUCCESS ? number : 0;
}

/// Empty: there is none.
std::string number_text(const element& document, std::string_view pointer) {
  std::uint64_t number = 0;
  return document.at_pointer(pointer).get(number) == simdjson::SUCCESS ? fmt::format("{}", number)
                                                                       : std::string();
}

std::string duration_text(std::uint64_t seconds) {
  const std::uint64_t minutes = seconds / 60;
  const std::uint64_t hours = minutes / 60;
  if (hours >= 24) return fmt::format("{} d {} h", hours / 24, hours % 24);
  if (hours > 0) return fmt::format("{} h {} min", hours, minutes % 60);
  if (minutes > 0) return fmt::format("{} min {} s", minutes, seconds % 60);
  return fmt::format("{} s", seconds);
}

/// "accept 12, reject 3" of an object of numbers.
std::string numbers_text(const element& document, std::string_view pointer) {
  object members;
  if (document.at_pointer(pointer).get(members) != simdjson::SUCCESS) return {};
  std::string text;
  for (const auto [key, value] : members) {
    std::uint64_t number = 0;
    if (value.get(number) != simdjson::SUCCESS) continue;
    std::string name(key);
    for (char& c : name)
      if (c == '_') c = ' ';
    fmt::format_to(std::back_inserter(text), "{}{} {}", text.empty() ? "" : ", ", name, number);
  }
  return text;
}

std::string listening_text(const element& document) {
  simdjson::dom::array addresses;
  if (document.at_pointer("/listening").get(addresses) != simdjson::SUCCESS) return {};
  std::string text;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (i > 0) text += ", ";
    text += text_at(document, fmt::format("/listening/{}", i));
  }
  return text;
}

/// How many servers are up, and what each of the others is: "2 up; app 10.0.0.1:8080 down (status
/// 503)". Empty: there are none. `list`: where they stand in the document.
std::string servers_text(const element& document, std::string_view list) {
  simdjson::dom::array servers;
  if (document.at_pointer(list).get(servers) != simdjson::SUCCESS) return {};
  if (servers.size() == 0) return {};
  std::size_t up = 0;
  std::string others;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto of = [&](std::string_view key) {
      return text_at(document, fmt::format("{}/{}/{}", list, i, key));
    };
    const std::string state = of("state");
    if (state == "up") {
      ++up;
      continue;
    }
    fmt::format_to(std::back_inserter(others), "; {} {} {} ({})", of("pool"), of("server"), state,
                   of("reason"));
  }
  return fmt::format("{} up{}", up, others);
}

std::vector<Problem> problems_in(const element& document) {
  simdjson::dom::array listed;
  if (document.at_pointer("/health/problems").get(listed) != simdjson::SUCCESS) return {};
  std::vector<Problem> problems;
  for (std::size_t i = 0; i < listed.size(); ++i) {
    problems.push_back(
        {.text = text_at(document, fmt::format("/health/problems/{}/text", i)),
         .look_at = text_at(document, fmt::format("/health/problems/{}/look_at", i))});
  }
  return problems;
}

StatusReport report_without_document(HealthState state, std::string text) {
  StatusReport report;
  report.health.state = state;
  report.health.text = std::move(text);
  std::string health = health_json(report.health);
  health.pop_back();  // its newline
  report.json = fmt::format("{{\"health\":{}}}\n", health);
  return report;
}

}  // namespace

StatusReport read_status(const std::expected<std::string, std::string>& answer,
                         std::string_view asked) {
  if (!answer)
    return report_without_document(HealthState::not_running,
                                   fmt::format("no answer from {}: {}", asked, answer.error()));
  simdjson::dom::parser parser;
  element document;
  std::string_view state;
  if (parser.parse(*answer).get(document) != simdjson::SUCCESS ||
      document.at_pointer("/health/state").get(state) != simdjson::SUCCESS)
    return report_without_document(
        HealthState::other_error,
        fmt::format("what answers at {} is not sallyport's admin listener", asked));

  StatusReport report;
  report.health.state = state_named(state);
  report.health.text = text_at(document, "/health/detail");
  report.problems = problems_in(document);
  report.json = *answer;
  report.asks_notakey = document.at_pointer("/pending/verifications").error() == simdjson::SUCCESS;
  const auto fact = [&](std::string name, std::string value) {
    if (!value.empty()) report.facts.emplace_back(std::move(name), std::move(value));
  };
  fact("version", fmt::format("{}, up {}", text_at(document, "/version"),
                              duration_text(number_at(document, "/uptime_s"))));
  fact("listening", listening_text(document));
  fact("downstream", text_at(document, "/downstream"));
  fact("is", servers_text(document, "/downstreams"));
  fact("shards", fmt::format("{}", number_at(document, "/shards")));
  fact("requests", number_text(document, "/requests"));
  fact("answers", numbers_text(document, "/answers"));
  fact("verdicts", numbers_text(document, "/verdicts"));
  fact("pending", numbers_text(document, "/pending"));
  fact("dropped", numbers_text(document, "/dropped"));
  fact("accounting", numbers_text(document, "/accounting"));
  fact("CoA", numbers_text(document, "/coa"));
  fact("http", numbers_text(document, "/http"));
  fact("answered", numbers_text(document, "/http/answers"));
  fact("let in", numbers_text(document, "/http/admissions"));
  fact("errors", numbers_text(document, "/http/errors"));
  fact("servers", servers_text(document, "/http/upstreams"));
  fact("gate", numbers_text(document, "/gate"));
  fact("store", text_at(document, "/store/detail"));
  fact("messages", numbers_text(document, "/messages"));
  fact("confirmed", numbers_text(document, "/events"));
  fact("checked", text_at(document, "/health/checked"));
  return report;
}

std::string human_text(const StatusReport& report) {
  const HealthWords& words = words_for(report.health.state);
  const bool well = report.health.state == HealthState::ok;
  const std::string_view meaning =
      well && !report.asks_notakey ? "The daemon runs." : words.meaning;
  const bool degraded = well && !report.problems.empty();
  std::string text =
      fmt::format("Status: {}\n  {}\n", degraded ? "degraded" : title_of(report.health), meaning);
  if (!well) {
    if (!report.health.text.empty() && report.health.state != HealthState::other_error)
      fmt::format_to(std::back_inserter(text), "  Seen: {}\n", report.health.text);
    fmt::format_to(std::back_inserter(text), "  Look at: {}\n", words.look_at);
  }
  for (const Problem& problem : report.problems)
    fmt::format_to(std::back_inserter(text), "  Seen: {}\n  Look at: {}\n", problem.text,
                   problem.look_at);
  for (const auto& [name, value] : report.facts)
    fmt::format_to(std::back_inserter(text), "{:<11} {}\n", name, value);
  return text;
}

int exit_status(const StatusReport& report) noexcept {
  return report.health.state == HealthState::ok && report.problems.empty() ? 0 : 1;
}

}  // namespace sallyport::admin
