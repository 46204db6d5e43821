#pragma once
// The gate's answers: which page shows what is the case. Any thread.

#include <string>
#include <string_view>

#include "verify/gate/core.h"
#include "verify/gate/visits.h"

namespace sallyport::verify {

[[nodiscard]] std::uint16_t status_of(GateError error) noexcept;

/// A page with what every page has.
[[nodiscard]] GateReply page(const Turn& turn, PageId id, GateError error = GateError::none);
/// A page that says only what is wrong.
[[nodiscard]] GateReply message(const Turn& turn, GateError error);
[[nodiscard]] GateReply redirect(std::string location);
/// The page where a visit stands. `error`: above its form.
[[nodiscard]] GateReply visit_page(const Turn& turn, const Present& present,
                                   GateError error = GateError::none);
/// What came of an attempt that failed: the visit's page with the error, and 429, 503 … for what is
/// not about the visit.
[[nodiscard]] GateReply visit_failed(const Turn& turn, const Present& present, GateError error);
/// To /visit, with the cookie of a visit whose secret is new.
[[nodiscard]] GateReply to_visit(const Present& present);
/// After a form: a redirect to the visit's page, so that loading it again sends nothing again.
[[nodiscard]] GateReply after_form(const Turn& turn, const Present& present);

/// Whether the form was made for this visit.
[[nodiscard]] bool has_form_token(const Turn& turn, std::string_view expected) noexcept;
/// That of forms which a secret in the URL or a session's cookie stands behind.
[[nodiscard]] std::string form_token_of(std::string_view secret);

/// Where a visit stands at this time: a factor whose time is over has ended.
[[nodiscard]] bool is_expired(const Visit& visit, std::uint64_t now_ms) noexcept;
[[nodiscard]] bool can_send_again(const Visit& visit) noexcept;

/// The domain that passkeys are for, and the page's origin as a browser writes it.
[[nodiscard]] std::string relying_party_of(const Turn& turn);
[[nodiscard]] std::string origin_of(const Turn& turn);

}  // namespace sallyport::verify
