#pragma once
// Browsers that users are signed in with: "My access", and renewal without a factor. Any thread.

#include <optional>
#include <string>
#include <string_view>

#include "verify/gate/core.h"

namespace sallyport::verify {

struct SignedIn {
  std::string user;
  std::string secret;
  std::string id;  ///< hash of the secret: what grants carry
  Session session;
  std::uint64_t version = 0;
};

/// The value of the cookie of a session.
[[nodiscard]] std::string session_cookie(std::string_view secret, std::string_view user);
/// Whom the request's cookie signs in. Nothing: nobody.
[[nodiscard]] Outcome<std::optional<SignedIn>> signed_in(const Turn& turn);

/// Whether it was confirmed lately, and by more than the user's mail: a factor that mail alone
/// registers could else be put in the place of a better one.
[[nodiscard]] bool is_strong(const Session& session, std::uint64_t now_ms) noexcept;

/// Remembers that the session opened this grant. Best effort.
void remember_opened(Core& core, std::string_view user, std::string_view id, Session::Opened opened,
                     std::uint64_t now_ms);
/// Forgets it: it is gone by our own doing, and its end is no judgement on the session.
void forget_opened(Core& core, std::string_view user, std::string_view id, std::uint64_t grant);
/// Whether a grant that the session opened was ended before its time.
[[nodiscard]] bool was_revoked(const Core& core, const SignedIn& who, std::uint64_t now_ms);

/// Ends it with its grants; they first, so that what is left can be ended again.
[[nodiscard]] Outcome<> end_session(Core& core, std::string_view user, std::string_view id,
                                    std::string_view why);

}  // namespace sallyport::verify
