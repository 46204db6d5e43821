#include "verify/gate/passkey_store.h"

namespace sallyport::verify {
namespace {

std::optional<PasskeyRecord> unsealed(const Core& core, const RecordKey& key,
                                      std::string_view value) {
  const auto plain = core.world.sealer.open(key, value);
  if (!plain) return std::nullopt;
  return read<PasskeyRecord>(*plain);
}

}  // namespace

Outcome<std::optional<Held<PasskeyRecord>>> load_passkey(const Core& core, const RecordKey& key) {
  const auto stored = core.checked(core.world.store.get(key));
  if (!stored) return std::unexpected(stored.error());
  if (!*stored) return std::nullopt;
  auto passkey = unsealed(core, key, (*stored)->value);
  if (!passkey) {
    core.audit("passkey_unreadable", key.group, {});
    return std::unexpected(GateError::unavailable);
  }
  return Held<PasskeyRecord>{.record = std::move(*passkey), .version = (*stored)->version};
}

Outcome<std::vector<ListedPasskey>> list_passkeys(const Core& core, std::string_view user) {
  const auto stored = core.checked(core.world.store.list(RecordKind::passkey, user));
  if (!stored) return std::unexpected(stored.error());
  std::vector<ListedPasskey> passkeys;
  for (const ListedRecord& listed : *stored) {
    auto passkey = unsealed(core, passkey_key(user, listed.id), listed.record.value);
    // One that cannot be read can still be seen, and removed.
    if (!passkey) passkey = PasskeyRecord{};
    passkeys.push_back({.id = listed.id, .passkey = std::move(*passkey)});
  }
  return passkeys;
}

std::string sealed(const Core& core, const RecordKey& key, const PasskeyRecord& passkey) {
  return core.world.sealer.seal(key, write(passkey), thread_random());
}

std::string user_handle_of(std::string_view user) {
  return hash_of("passkey user " + std::string(user)).substr(0, 32);
}

}  // namespace sallyport::verify
