#include "verify/notakey/fault.h"

#include <fmt/format.h>

namespace sallyport::verify::notakey {
namespace {

const char* words(FaultKind kind) noexcept {
  switch (kind) {
    case FaultKind::none: return "";
    case FaultKind::http: return "http";
    case FaultKind::resolve: return "host name not resolved";
    case FaultKind::refused: return "connection refused";
    case FaultKind::unreachable: return "no connection";
    case FaultKind::tls: return "tls failed";
    case FaultKind::timeout: return "timed out";
    case FaultKind::cut: return "connection cut";
    case FaultKind::malformed: return "malformed answer";
    case FaultKind::other_user: return "answer is for another user or request";
    case FaultKind::unsendable: return "user name or host not usable";
    case FaultKind::overload: return "too many pending verifications";
  }
  return "";
}

}  // namespace

ShortText<63> describe(const Fault& fault) noexcept {
  char text[63];
  const char* of_token = fault.of_token ? "token: " : "";
  const auto end =
      fault.kind == FaultKind::http
          ? fmt::format_to_n(text, sizeof text, "{}http {}", of_token, fault.http_status)
          : fmt::format_to_n(text, sizeof text, "{}{}", of_token, words(fault.kind));
  return ShortText<63>{std::string_view{text, std::min(end.size, sizeof text)}};
}

}  // namespace sallyport::verify::notakey
