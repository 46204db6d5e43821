#include "bench/simulators/token_table.h"

#include "bench/simulators/request_store.h"

namespace sallyport::lab {
namespace {

constexpr std::string_view kScheme = "Bearer ";

std::string token_of(std::string_view authorization) {
  if (!authorization.starts_with(kScheme)) return {};
  return std::string(authorization.substr(kScheme.size()));
}

}  // namespace

std::string TokenTable::issue(std::uint64_t now_ms) {
  std::erase_if(expires_ms_, [now_ms](const auto& token) { return token.second <= now_ms; });
  ++issued_;
  std::string token(Uuid::random().view());
  expires_ms_.emplace(token, now_ms + lifetime_ms_);
  return token;
}

bool TokenTable::accepts(std::string_view authorization, std::uint64_t now_ms) const {
  const auto found = expires_ms_.find(token_of(authorization));
  return found != expires_ms_.end() && now_ms < found->second;
}

void TokenTable::revoke(std::string_view authorization) {
  expires_ms_.erase(token_of(authorization));
}

}  // namespace sallyport::lab
