#include "bench/demo/narrator.h"

#include <fmt/format.h>

#include "bench/simulators/clock.h"
#include "simdjson.h"

namespace sallyport::lab {
namespace {

std::string text_member(const simdjson::dom::object& object, std::string_view name) {
  std::string_view text;
  if (object[name].get(text) != simdjson::SUCCESS) return {};
  return std::string(text);
}

double number_member(const simdjson::dom::object& object, std::string_view name) {
  double number = 0;
  if (object[name].get(number) != simdjson::SUCCESS) return 0;
  return number;
}

bool true_member(const simdjson::dom::object& object, std::string_view name) {
  bool value = false;
  return object[name].get(value) == simdjson::SUCCESS && value;
}

/// Names come from the network: nothing that a terminal would act on.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

}  // namespace

std::optional<Decision> parse_decision(std::string_view line) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  const simdjson::padded_string padded(line);
  if (parser.parse(padded).get(object) != simdjson::SUCCESS) return std::nullopt;
  if (text_member(object, "event") != "decision") return std::nullopt;
  return Decision{.user = text_member(object, "user"),
                  .answer = text_member(object, "answer"),
                  .outcome = text_member(object, "outcome"),
                  .source = text_member(object, "source"),
                  .detail = text_member(object, "detail"),
                  .second_factor = true_member(object, "second_factor"),
                  .joined = true_member(object, "joined"),
                  .downstream_ms = number_member(object, "downstream_ms"),
                  .verdict_ms = number_member(object, "verdict_ms"),
                  .total_ms = number_member(object, "total_ms")};
}

std::optional<Visit> parse_visit(std::string_view line) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  const simdjson::padded_string padded(line);
  if (parser.parse(padded).get(object) != simdjson::SUCCESS) return std::nullopt;
  if (text_member(object, "event") != "request" || text_member(object, "component") != "access")
    return std::nullopt;
  return Visit{.visitor = text_member(object, "visitor"),
               .user = text_member(object, "user"),
               .method = text_member(object, "method"),
               .target = text_member(object, "path"),
               .admission = text_member(object, "admission"),
               .status = static_cast<unsigned>(number_member(object, "status"))};
}

std::optional<std::string> parse_trouble(std::string_view line) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  const simdjson::padded_string padded(line);
  // Before its log is set up, and when it cannot start, the daemon writes plain text.
  if (parser.parse(padded).get(object) != simdjson::SUCCESS) return printable(line);
  const std::string level = text_member(object, "level");
  if (level != "warning" && level != "error" && level != "critical") return std::nullopt;
  return printable(text_member(object, "message"));
}

std::string human_ms(double ms) {
  if (ms < 1) return fmt::format("{:.0f} µs", ms * 1000);
  if (ms < 1000) return fmt::format("{:.1f} ms", ms);
  return fmt::format("{:.1f} s", ms / 1000);
}

std::string Narrator::paint(Colour colour, std::string_view text) const {
  if (!coloured_) return std::string(text);
  const char* code = "";
  switch (colour) {
    case Colour::plain: return std::string(text);
    case Colour::dim: code = "2"; break;
    case Colour::bold: code = "1"; break;
    case Colour::green: code = "32"; break;
    case Colour::red: code = "31"; break;
    case Colour::yellow: code = "33"; break;
    case Colour::blue: code = "34"; break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string Narrator::line(std::uint64_t unix_ms, std::string_view user, std::string_view step,
                           Colour colour, std::string_view text) const {
  return fmt::format("  {}  {:<12} {} {}", paint(Colour::dim, time_of_day(unix_ms)),
                     printable(user), paint(colour, fmt::format("{:<10}", step)), text);
}

std::vector<std::string> Narrator::tell(const RadiusEvent& event) const {
  return {line(event.unix_ms, event.user, "request", Colour::bold,
               "asks to log in; sallyport asks the RADIUS server"),
          event.accepted
              ? line(event.unix_ms, event.user, "password", Colour::green, "right")
              : line(event.unix_ms, event.user, "password", Colour::red, "wrong: no push is sent")};
}

std::vector<std::string> Narrator::tell(const NotakeyEvent& event) const {
  const std::string waited = human_ms(static_cast<double>(event.waited_ms));
  switch (event.kind) {
    case NotakeyEvent::Kind::push_shown:
      return {line(event.unix_ms, event.user, "push", Colour::blue,
                   fmt::format("on the phone: {}", printable(event.text)))};
    case NotakeyEvent::Kind::user_refused:
      return {line(event.unix_ms, event.user, "push", Colour::red, printable(event.text))};
    case NotakeyEvent::Kind::approved:
      return {line(event.unix_ms, event.user, "phone", Colour::green,
                   fmt::format("approved after {}", waited))};
    case NotakeyEvent::Kind::denied:
      return {line(event.unix_ms, event.user, "phone", Colour::red,
                   fmt::format("denied after {}", waited))};
    case NotakeyEvent::Kind::expired:
      return {line(event.unix_ms, event.user, "phone", Colour::yellow,
                   fmt::format("no answer in {}", waited))};
  }
  return {};
}

std::vector<std::string> Narrator::tell(const Decision& decision, std::uint64_t unix_ms) const {
  const bool accepted = decision.answer == "Access-Accept";
  const bool silent = decision.answer == "none";
  std::string text = silent ? fmt::format("none ({})", decision.outcome)
                            : fmt::format("{} to {}", decision.answer, printable(decision.source));
  std::string parts = fmt::format("in {}: RADIUS server {}", human_ms(decision.total_ms),
                                  human_ms(decision.downstream_ms));
  if (decision.second_factor) parts += fmt::format(", phone {}", human_ms(decision.verdict_ms));
  if (decision.joined) parts += ", shared with an earlier request";
  if (!decision.detail.empty()) parts += fmt::format("; {}", printable(decision.detail));
  text += "  " + dim(parts);
  const Colour colour = accepted ? Colour::green : silent ? Colour::yellow : Colour::red;
  return {line(unix_ms, decision.user, "answer", colour, text), ""};
}

std::string Narrator::tell(const Visit& visit, std::uint64_t unix_ms) const {
  const bool granted = visit.admission == "granted";
  const bool refused = visit.admission == "gate";
  const std::string what = granted ? fmt::format("let in, his address is opened for {}", visit.user)
                           : refused ? "refused: his address is not let in yet"
                                     : "a page of the gate";
  const Colour colour = granted ? Colour::green : refused ? Colour::red : Colour::yellow;
  return line(unix_ms, visit.visitor, "web", colour,
              fmt::format("{} {}: {} {}", printable(visit.method), printable(visit.target),
                          printable(what), dim(fmt::format("({})", visit.status))));
}

std::string Narrator::trouble(std::string_view text) const {
  return fmt::format("  {} {}", paint(Colour::yellow, "sallyport:"), text);
}

std::string Narrator::bold(std::string_view text) const { return paint(Colour::bold, text); }
std::string Narrator::dim(std::string_view text) const { return paint(Colour::dim, text); }

}  // namespace sallyport::lab
