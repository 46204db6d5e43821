#include "verify/store/store.h"

#include "protocol/check.h"

namespace sallyport::verify {

const char* to_text(RecordKind kind) noexcept {
  switch (kind) {
    case RecordKind::grant: return "grant";
    case RecordKind::otp: return "otp";
    case RecordKind::passkey: return "passkey";
    case RecordKind::visit: return "visit";
    case RecordKind::session: return "session";
    case RecordKind::approval: return "approval";
    case RecordKind::registration: return "registration";
    case RecordKind::lock: return "lock";
    case RecordKind::known: return "known";
    case RecordKind::key: return "key";
  }
  CHECK(false);
}

const char* to_text(StoreError error) noexcept {
  switch (error) {
    case StoreError::unavailable: return "the store cannot be reached or did not answer in time";
    case StoreError::full: return "the store has no room left";
    case StoreError::broken: return "what the store holds cannot be read";
  }
  CHECK(false);
}

}  // namespace sallyport::verify
