#pragma once
// Access tokens that the simulated service has given out (v3): each valid for a time. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sallyport::lab {

class TokenTable {
 public:
  explicit TokenTable(std::uint64_t lifetime_ms) : lifetime_ms_(lifetime_ms) {}

  [[nodiscard]] std::string issue(std::uint64_t now_ms);
  /// `authorization`: the header as sent, "Bearer …".
  [[nodiscard]] bool accepts(std::string_view authorization, std::uint64_t now_ms) const;
  /// No longer valid, as if an operator had revoked it.
  void revoke(std::string_view authorization);
  void revoke_all() { expires_ms_.clear(); }
  [[nodiscard]] std::uint64_t lifetime_ms() const { return lifetime_ms_; }
  [[nodiscard]] std::uint64_t issued() const { return issued_; }

 private:
  std::uint64_t lifetime_ms_;
  std::uint64_t issued_ = 0;
  std::unordered_map<std::string, std::uint64_t> expires_ms_;
};

}  // namespace sallyport::lab
