#pragma once
// For what uses the gate's parts and opens no grants: logins over RADIUS.

#include "verify/gate/grant_keeper.h"

namespace sallyport::verify {

class NoGrants final : public GrantKeeper {
 public:
  std::expected<Grant, GrantFailure> open(const Grant&) override {
    return std::unexpected(GrantFailure::unavailable);
  }
  std::expected<void, GrantFailure> end(std::uint64_t, std::string_view) override {
    return std::unexpected(GrantFailure::unknown);
  }
  std::expected<std::uint32_t, GrantFailure> end_session(std::string_view,
                                                         std::string_view) override {
    return 0;
  }
  [[nodiscard]] std::vector<Grant> of_user(std::string_view) const override { return {}; }
};

}  // namespace sallyport::verify
