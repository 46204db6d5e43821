#include "verify/gate/operators.h"

#include <fmt/core.h>

#include "protocol/octets.h"
#include "protocol/otp/totp.h"
#include "verify/gate/lockout.h"
#include "verify/gate/passkey_store.h"
#include "verify/gate/secrets.h"

namespace sallyport::verify {
namespace {

constexpr std::string_view kAway = "the store cannot be asked now\n";

/// As the directory spells him; as he was given if it cannot be asked or does not know him: his
/// registration may be older than his leaving.
std::string spelled(const Core& core, std::string_view user) {
  const auto found = core.find_user(user);
  return found && *found ? (*found)->id : std::string(user);
}

/// False: the store is not there.
bool describe_factors(const Core& core, const std::string& user, std::string& out) {
  const auto otp = core.load<OtpRecord>(otp_key(user));
  const auto passkeys = list_passkeys(core, user);
  if (!otp || !passkeys) return false;
  if (*otp) {
    out += fmt::format("app: registered {}\nrecovery codes left: {}\n",
                       time_text((*otp)->record.since_ms), (*otp)->record.recovery_hashes.size());
  } else {
    out += "app: none\n";
  }
  for (const ListedPasskey& listed : *passkeys) {
    out += fmt::format("passkey: {} registered {}\n", listed.passkey.name,
                       time_text(listed.passkey.since_ms));
  }
  return true;
}

bool describe_sessions(const Core& core, const std::string& user, std::string& out) {
  const auto sessions = core.checked(core.world.store.list(RecordKind::session, user));
  if (!sessions) return false;
  for (const ListedRecord& listed : *sessions) {
    const auto session = read<Session>(listed.record.value);
    if (!session) continue;
    out += fmt::format("session: {} from {} by {} since {}\n", session->device,
                       session->address.text(), to_text(session->by), time_text(session->since_ms));
  }
  return true;
}

bool describe_locks(const Core& core, const std::string& user, std::string& out) {
  const auto locks = core.checked(core.world.store.list(RecordKind::lock, subject_of(user)));
  if (!locks) return false;
  for (const ListedRecord& listed : *locks) {
    const auto count = read<WrongCount>(listed.record.value);
    if (!count) continue;
    out += fmt::format("wrong answers: {} from {} until {}\n", count->count, listed.id,
                       time_text(count->until_ms));
  }
  return true;
}

}  // namespace

std::string describe_user(Core& core, std::string_view user, bool has_directory) {
  const std::string id = spelled(core, user);
  std::string text = fmt::format("user: {}\n", id);
  const auto found = core.find_user(user);
  if (!found) {
    text += "directory: cannot be asked now\n";
  } else {
    const bool named = *found && !(*found)->name.empty();
    if (!has_directory)
      text += "directory: none: whom the RADIUS server behind lets in is a user\n";
    else if (!*found)
      text += "directory: does not know him\n";
    else
      text += fmt::format("directory: knows him{}{}\n", named ? ", " : "", (*found)->name);
  }
  for (const Grant& grant : core.world.grants.of_user(id)) {
    text += fmt::format("grant: {} {} by {} until {}\n", grant.id, grant.address.text(), grant.by,
                        time_text(grant.until_ms));
  }
  const bool all = describe_factors(core, id, text) && describe_sessions(core, id, text) &&
                   describe_locks(core, id, text);
  if (!all) text += kAway;
  return text;
}

Changed unlock(Core& core, std::string_view user) {
  const std::string id = spelled(core, user);
  bool any = false;
  // Under both spellings: what failed before he was found was counted under what was typed.
  for (const std::string_view each : {std::string_view(id), user}) {
    any |= core.forget_limits(subject_of(each));
    const auto ended = end_locks(core, each);
    if (!ended) return std::nullopt;
    any |= *ended;
  }
  return any;
}

Changed remove_otp(Core& core, std::string_view user) {
  const std::string id = spelled(core, user);
  const auto removed = core.checked(core.world.store.remove(otp_key(id)));
  return removed ? Changed(*removed) : std::nullopt;
}

Registered register_app(Core& core, std::string_view user) {
  const auto found = core.find_user(user);
  if (!found) return std::unexpected(RegisterFailure::unavailable);
  if (!*found) return std::unexpected(RegisterFailure::unknown_user);
  const std::string& id = (*found)->id;
  std::string secret(otp::kSecretOctets, '\0');
  thread_random().fill({reinterpret_cast<std::uint8_t*>(secret.data()), secret.size()});
  OtpRecord otp;
  otp.sealed_secret = core.world.sealer.seal(otp_key(id), secret, thread_random());
  otp.since_ms = core.world.now_ms();
  std::string url = otp::otpauth_url(core.settings()->issuer, id, as_octets(secret), kOtpDigits);
  wipe({reinterpret_cast<std::uint8_t*>(secret.data()), secret.size()});
  // Of two operators at once one says yes; and nobody's app is replaced.
  const auto added = core.checked(core.world.store.add(otp_key(id), write(otp), 0));
  if (!added) return std::unexpected(RegisterFailure::unavailable);
  if (!*added) return std::unexpected(RegisterFailure::registered);
  return url;
}

Changed remove_passkeys(Core& core, std::string_view user) {
  const std::string id = spelled(core, user);
  // Also those that cannot be unsealed any more.
  const auto all = core.checked(core.world.store.list(RecordKind::passkey, id));
  if (!all) return std::nullopt;
  for (const ListedRecord& listed : *all) {
    if (!core.checked(core.world.store.remove(passkey_key(id, listed.id)))) return std::nullopt;
  }
  return !all->empty();
}

}  // namespace sallyport::verify
