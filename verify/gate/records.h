#pragma once
// What the gate keeps in the store, and how each is written. Nothing that is read is trusted: what
// is not understood is `nothing`. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ip_address.h"
#include "verify/gate/view.h"
#include "verify/gate/visit.h"
#include "verify/store/store.h"

namespace sallyport::verify {

/// A browser that a user has signed in with. Its cookie: secret "." base64url(user).
struct Session {
  struct Opened {
    std::uint64_t id = 0;
    std::uint64_t until_ms = 0;
    bool operator==(const Opened&) const = default;
  };
  Factor by = Factor::token;  ///< that it was confirmed with
  std::uint64_t since_ms = 0;
  std::uint64_t until_ms = 0;
  IpAddress address;  ///< at its beginning
  std::string device;
  /// The grants it has opened: one that is gone before its time was ended by somebody, and is not
  /// opened again without a factor.
  std::vector<Opened> opened;
  bool operator==(const Session&) const = default;
};

/// What a link asks. Its id is the hash of the secret in the message.
struct Approval {
  std::string visit;  ///< id of its record
  std::string user;   ///< as typed
  IpAddress address;  ///< of the waiting browser, as all below
  std::string device;
  std::string number;
  std::uint64_t at_ms = 0;
  std::uint64_t until_ms = 0;
  bool operator==(const Approval&) const = default;
};

/// What a registration message is good for. Its id is the hash of the secret in the message.
struct Registration {
  std::string user;             ///< as the directory spells it
  Factor factor = Factor::otp;  ///< otp or passkey
  std::string sealed_secret;    ///< otp: sealed for this record
  std::string challenge;        ///< passkey: octets
  std::uint64_t until_ms = 0;
  bool operator==(const Registration&) const = default;
};

/// A user's authenticator app.
struct OtpRecord {
  std::string sealed_secret;  ///< sealed for this record
  std::uint64_t last_step = 0;
  std::uint64_t since_ms = 0;
  std::vector<std::string> recovery_hashes;
  bool operator==(const OtpRecord&) const = default;
};

/// A passkey, but for the seal around all of it. Its id is the hash of the credential's.
struct PasskeyRecord {
  std::string credential;  ///< octets
  std::string public_key;
  std::uint32_t sign_count = 0;
  bool backed_up = false;
  std::string name;
  std::uint64_t since_ms = 0;
  bool operator==(const PasskeyRecord&) const = default;
};

/// Wrong answers.
struct WrongCount {
  std::uint32_t count = 0;
  std::uint64_t until_ms = 0;
  bool operator==(const WrongCount&) const = default;
};

[[nodiscard]] std::string write(const Visit& visit);
[[nodiscard]] std::string write(const Session& session);
[[nodiscard]] std::string write(const Approval& approval);
[[nodiscard]] std::string write(const Registration& registration);
[[nodiscard]] std::string write(const OtpRecord& otp);
[[nodiscard]] std::string write(const PasskeyRecord& passkey);
[[nodiscard]] std::string write(const WrongCount& count);

/// `Kind` is one of the above.
template <class Kind>
[[nodiscard]] std::optional<Kind> read(std::string_view value);

// Names of records.
[[nodiscard]] RecordKey visit_key(std::string_view id);
[[nodiscard]] RecordKey session_key(std::string_view user, std::string_view id);
[[nodiscard]] RecordKey approval_key(std::string_view id);
[[nodiscard]] RecordKey registration_key(std::string_view id);
[[nodiscard]] RecordKey otp_key(std::string_view user);
[[nodiscard]] RecordKey passkey_key(std::string_view user, std::string_view id);
[[nodiscard]] RecordKey known_key(std::string_view subject, std::string_view from);
[[nodiscard]] RecordKey lock_key(std::string_view subject, std::string_view from);

}  // namespace sallyport::verify
