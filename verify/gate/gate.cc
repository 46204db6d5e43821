#include "verify/gate/gate.h"

#include <algorithm>
#include <array>

#include "verify/gate/flows.h"
#include "verify/gate/operators.h"

namespace sallyport::verify {
namespace {

using Flow = GateReply (*)(const Turn& turn);

/// A path of the gate. GET changes nothing; a visit that is already decided is claimed by it.
struct Place {
  std::string_view path;
  Flow get = nullptr;
  Flow post = nullptr;
  /// A page of the gate's other name posts there without cookies, with a token that is all it
  /// needs.
  bool from_elsewhere = false;
};

constexpr std::array kPlaces = {
    Place{.path = "/", .get = answer_first_page},
    Place{.path = "/start", .post = answer_start},
    Place{.path = "/visit", .get = answer_visit},
    Place{.path = "/wait", .get = answer_wait},
    Place{.path = "/captcha.png", .get = answer_captcha_picture},
    Place{.path = "/captcha", .post = answer_captcha},
    Place{.path = "/factor", .post = answer_factor},
    Place{.path = "/again", .post = answer_again},
    Place{.path = "/code", .post = answer_code},
    Place{.path = "/passkey", .post = answer_passkey},
    Place{.path = "/approve", .get = show_approval, .post = answer_approval},
    Place{.path = "/register", .get = show_registration, .post = answer_registration},
    Place{.path = "/access", .get = show_access, .post = answer_access},
    Place{.path = "/pair", .get = show_pair, .post = answer_pair, .from_elsewhere = true},
};

bool is_denied(const Turn& turn) {
  return std::ranges::any_of(turn.settings->denied_addresses, [&](const Prefix& denied) {
    return denied.contains(turn.request.visitor);
  });
}

}  // namespace

struct Gate::Impl {
  std::shared_ptr<Core> core;
};

Gate::Gate(GateSettings settings, GateWorld world)
    : impl_(std::make_unique<Impl>(
          Impl{.core = std::make_shared<Core>(std::move(settings), std::move(world))})) {}

Gate::~Gate() = default;

GateReply Gate::answer(const GateRequest& request) {
  const Turn turn{.core = impl_->core, .settings = impl_->core->settings(), .request = request};
  const auto* const place = std::ranges::find(kPlaces, request.path, &Place::path);
  const Flow flow = place == kPlaces.end() ? nullptr : request.post ? place->post : place->get;
  if (is_denied(turn)) {
    turn.audit("address_denied", {});
    return message(turn, GateError::not_allowed);
  }
  if (flow == nullptr) {
    // A form's path that is loaded as a page: back to where its visit is.
    const bool form_only = place != kPlaces.end() && !request.post;
    return form_only ? redirect("/visit") : message(turn, GateError::not_found);
  }
  if (request.post && !request.same_origin && !place->from_elsewhere) {
    turn.audit("not_same_origin", {});
    return message(turn, GateError::not_same_origin);
  }
  return flow(turn);
}

std::string Gate::show_user(std::string_view user) { return describe_user(*impl_->core, user); }

Changed Gate::unlock_user(std::string_view user) { return unlock(*impl_->core, user); }

Changed Gate::reset_otp(std::string_view user) { return remove_otp(*impl_->core, user); }

Changed Gate::reset_passkeys(std::string_view user) { return remove_passkeys(*impl_->core, user); }

Registered Gate::register_otp(std::string_view user) { return register_app(*impl_->core, user); }

void Gate::use(GateSettings settings) { impl_->core->use(std::move(settings)); }

}  // namespace sallyport::verify
