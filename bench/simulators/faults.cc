#include "bench/simulators/faults.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "bench/simulators/text.h"
#include "simdjson.h"

namespace sallyport::lab {
namespace {

constexpr std::array kCalls = {ApiCall::create, ApiCall::poll, ApiCall::token, ApiCall::service,
                               ApiCall::any};
constexpr std::array kKinds = {
    FaultKind::status,           FaultKind::slow,        FaultKind::cut,
    FaultKind::cut_after,        FaultKind::cut_middle,  FaultKind::hang,
    FaultKind::bad_json,         FaultKind::wrong_uuid,  FaultKind::wrong_username,
    FaultKind::unknown_response, FaultKind::refuse_token};

std::expected<ApiCall, std::string> parse_call(std::string_view text) {
  for (const ApiCall call : kCalls) {
    if (text == to_text(call)) return call;
  }
  return std::unexpected(
      fmt::format("'{}' is not a call (create, poll, token, service, any)", text));
}

std::string known_kinds() {
  std::string known;
  for (const FaultKind kind : kKinds)
    known += fmt::format("{}{}", known.empty() ? "" : ", ", to_text(kind));
  return known;
}

std::expected<FaultKind, std::string> parse_kind(std::string_view text) {
  for (const FaultKind kind : kKinds) {
    if (text == to_text(kind)) return kind;
  }
  return std::unexpected(fmt::format("'{}' is not a fault ({})", text, known_kinds()));
}

std::string not_as_json(std::string_view wrong) {
  return fmt::format(
      R"({}: write {{"call":"poll","kind":"status","status":429}}, with kind one of {})", wrong,
      known_kinds());
}

template <typename Number>
std::expected<Number, std::string> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::unexpected(fmt::format("'{}' is not a number", text));
  return number;
}

std::expected<void, std::string> check(const Fault& fault) {
  if (fault.status < 100 || fault.status > 599)
    return std::unexpected(fmt::format("{} is not an HTTP status", fault.status));
  if (!(fault.probability >= 0 && fault.probability <= 1))
    return std::unexpected("a probability is a number from 0 to 1");
  if (fault.kind == FaultKind::refuse_token && fault.status != 401 && fault.status != 403)
    return std::unexpected("refuse-token answers 401 or 403");
  return {};
}

/// The kind's own value: "status=503", "slow=200ms", "refuse-token=401".
std::expected<void, std::string> set_kind_value(Fault& fault, std::string_view value) {
  if (fault.kind == FaultKind::slow) {
    const auto delay_ms = parse_duration_ms(value);
    if (!delay_ms) return std::unexpected(delay_ms.error());
    fault.delay_ms = *delay_ms;
    return {};
  }
  if (fault.kind == FaultKind::status || fault.kind == FaultKind::refuse_token) {
    const auto status = parse_number<std::uint16_t>(value);
    if (!status) return std::unexpected(status.error());
    fault.status = *status;
    return {};
  }
  return std::unexpected(fmt::format("'{}' takes no value", to_text(fault.kind)));
}

std::expected<void, std::string> set_option(Fault& fault, std::string_view name,
                                            std::string_view value) {
  if (name == "count") {
    const auto count = parse_number<std::uint64_t>(value);
    if (!count) return std::unexpected(count.error());
    fault.count = *count;
  } else if (name == "probability") {
    const auto probability = parse_number<double>(value);
    if (!probability) return std::unexpected(probability.error());
    fault.probability = *probability;
  } else if (name == "retry-after") {
    const auto seconds = parse_number<std::uint32_t>(value);
    if (!seconds) return std::unexpected(seconds.error());
    fault.retry_after_s = *seconds;
  } else {
    return std::unexpected(
        fmt::format("'{}' is not an option of a fault (count, probability, retry-after)", name));
  }
  return {};
}

/// Reads one optional member; absent is fine, of another type is not.
template <typename Value, typename Target>
bool read_member(const simdjson::dom::object& object, std::string_view name, Target& target) {
  Value value;
  const auto error = object[name].get(value);
  if (error == simdjson::NO_SUCH_FIELD) return true;
  if (error != simdjson::SUCCESS) return false;
  target = static_cast<Target>(value);
  return true;
}

}  // namespace

const char* to_text(ApiCall call) noexcept {
  switch (call) {
    case ApiCall::create: return "create";
    case ApiCall::poll: return "poll";
    case ApiCall::token: return "token";
    case ApiCall::service: return "service";
    case ApiCall::any: return "any";
  }
  return "?";
}

const char* to_text(FaultKind kind) noexcept {
  switch (kind) {
    case FaultKind::status: return "status";
    case FaultKind::slow: return "slow";
    case FaultKind::cut: return "cut";
    case FaultKind::cut_after: return "cut-after";
    case FaultKind::cut_middle: return "cut-middle";
    case FaultKind::hang: return "hang";
    case FaultKind::bad_json: return "bad-json";
    case FaultKind::wrong_uuid: return "wrong-uuid";
    case FaultKind::wrong_username: return "wrong-username";
    case FaultKind::unknown_response: return "unknown-response";
    case FaultKind::refuse_token: return "refuse-token";
  }
  return "?";
}

std::expected<Fault, std::string> parse_fault(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    return std::unexpected(fmt::format("'{}': write call:fault, e.g. create:status=503", text));
  Fault fault;
  const auto call = parse_call(text.substr(0, colon));
  if (!call) return std::unexpected(call.error());
  fault.call = *call;
  std::string_view rest = text.substr(colon + 1);
  for (bool first = true; first || !rest.empty(); first = false) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    if (first) {
      const auto kind = parse_kind(name);
      if (!kind) return std::unexpected(kind.error());
      fault.kind = *kind;
      if (*kind == FaultKind::refuse_token) fault.status = 403;
      if (equals == std::string_view::npos) continue;
    } else if (equals == std::string_view::npos) {
      return std::unexpected(fmt::format("'{}' lacks a value", part));
    }
    const std::string_view value = part.substr(equals + 1);
    const auto set = first ? set_kind_value(fault, value) : set_option(fault, name, value);
    if (!set) return std::unexpected(set.error());
  }
  if (const auto checked = check(fault); !checked) return std::unexpected(checked.error());
  return fault;
}

std::expected<Fault, std::string> parse_fault_json(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  const simdjson::padded_string padded(json);
  if (parser.parse(padded).get(object) != simdjson::SUCCESS)
    return std::unexpected(not_as_json("a fault is a JSON object"));
  std::string_view call_name = "any";
  std::string_view kind_name;
  Fault fault;
  bool good = read_member<std::string_view>(object, "call", call_name) &&
              read_member<std::string_view>(object, "kind", kind_name);
  if (kind_name.empty()) return std::unexpected(not_as_json("a fault has a kind"));
  const auto call = parse_call(call_name);
  if (!call) return std::unexpected(call.error());
  const auto kind = parse_kind(kind_name);
  if (!kind) return std::unexpected(kind.error());
  fault.call = *call;
  fault.kind = *kind;
  if (*kind == FaultKind::refuse_token) fault.status = 403;
  good = good && read_member<std::uint64_t>(object, "status", fault.status) &&
         read_member<std::uint64_t>(object, "retry_after_s", fault.retry_after_s) &&
         read_member<std::uint64_t>(object, "delay_ms", fault.delay_ms) &&
         read_member<std::uint64_t>(object, "count", fault.count) &&
         read_member<double>(object, "probability", fault.probability);
  if (!good) return std::unexpected("a member of the fault has the wrong type");
  if (const auto checked = check(fault); !checked) return std::unexpected(checked.error());
  return fault;
}

std::uint32_t FaultTable::add(Fault fault) {
  fault.id = next_id_++;
  fault.hits = 0;
  faults_.push_back(fault);
  return fault.id;
}

bool FaultTable::remove(std::uint32_t id) {
  return std::erase_if(faults_, [id](const Fault& fault) { return fault.id == id; }) > 0;
}

std::optional<Fault> FaultTable::draw(ApiCall call) {
  for (Fault& fault : faults_) {
    if (fault.call != ApiCall::any && fault.call != call) continue;
    if (fault.count == 0U) continue;
    if (fault.probability < 1 &&
        std::uniform_real_distribution<double>(0, 1)(random_) >= fault.probability)
      continue;
    if (fault.count) --*fault.count;
    ++fault.hits;
    return fault;
  }
  return std::nullopt;
}

std::string FaultTable::json() const {
  std::string out = "[";
  for (const Fault& fault : faults_) {
    if (out.size() > 1) out += ',';
    out += fmt::format(R"({{"id":{},"call":"{}","kind":"{}","status":{},"delay_ms":{},)", fault.id,
                       to_text(fault.call), to_text(fault.kind), fault.status, fault.delay_ms);
    out += fmt::format(R"("count":{},"probability":{},"hits":{}}})",
                       fault.count ? fmt::to_string(*fault.count) : "null", fault.probability,
                       fault.hits);
  }
  return out + "]";
}

}  // namespace sallyport::lab
