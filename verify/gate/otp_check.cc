#include "verify/gate/otp_check.h"

#include "protocol/otp/totp.h"
#include "verify/otp/recovery_codes.h"

namespace sallyport::verify {
namespace {

/// Uses the code up in the record. False: it is wrong.
bool use_in(const Turn& turn, OtpRecord& otp, const std::string& secret, std::string_view code) {
  if (looks_like_recovery_code(code)) {
    const auto index = find_recovery_code(otp.recovery_hashes, code);
    if (!index) return false;
    otp.recovery_hashes.erase(otp.recovery_hashes.begin() + static_cast<std::ptrdiff_t>(*index));
    return true;
  }
  const auto step =
      otp::find_step(as_octets(secret), code, kOtpDigits, turn.now_ms() / 1'000, otp.last_step);
  if (!step) return false;
  otp.last_step = *step;
  return true;
}

/// The work of a user who has an app, for one who has none.
void work_for_nothing(const Turn& turn, std::string_view code) {
  OtpRecord nobody;
  static_cast<void>(use_in(turn, nobody, std::string(otp::kSecretOctets, '\0'), code));
}

/// Nothing: another was faster.
Outcome<std::optional<bool>> try_use(const Turn& turn, const std::string& user,
                                     std::string_view code) {
  const Core& core = *turn.core;
  const RecordKey key = otp_key(user);
  auto held = core.load<OtpRecord>(key);
  if (!held) return std::unexpected(held.error());
  if (!*held) {
    work_for_nothing(turn, code);
    return false;
  }
  OtpRecord otp = std::move((*held)->record);
  auto secret = core.world.sealer.open(key, otp.sealed_secret);
  if (!secret) {
    turn.audit("otp_unreadable", user);
    return std::unexpected(GateError::unavailable);
  }
  const bool recovery = looks_like_recovery_code(code);
  const bool right = use_in(turn, otp, *secret, code);
  if (right && core.world.sealer.is_old(otp.sealed_secret)) {
    otp.sealed_secret = core.world.sealer.seal(key, *secret, thread_random());
  }
  wipe({reinterpret_cast<std::uint8_t*>(secret->data()), secret->size()});
  if (!right) return false;
  const auto done = core.checked(core.world.store.replace(key, (*held)->version, write(otp), 0));
  if (!done) return std::unexpected(done.error());
  if (!*done) return std::nullopt;
  if (recovery) turn.audit("recovery_code_used", user);
  return true;
}

}  // namespace

Outcome<> use_otp_code(const Turn& turn, const std::optional<std::string>& user,
                       std::string_view code) {
  if (code.size() > kMaxCode) return std::unexpected(GateError::bad_code);
  // For nobody the store is asked as well: for a user id that no directory has, none is kept.
  const std::string id = user.value_or(std::string{});
  for (int conflicts = 0; conflicts < kConflicts; ++conflicts) {
    const auto used = try_use(turn, id, code);
    if (!used) return std::unexpected(used.error());
    if (!*used) continue;
    if (**used) return {};
    return std::unexpected(GateError::bad_code);
  }
  return std::unexpected(GateError::busy);
}

}  // namespace sallyport::verify
