#include "verify/gate/senders.h"

#include <array>
#include <functional>

#include "protocol/otp/totp.h"
#include "verify/gate/claim.h"
#include "verify/gate/visits.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kChallengeOctets = 32;

/// The visit ends, if it still waits for this attempt.
void end_attempt(Core& core, const Sending& sending, GateError error) {
  static_cast<void>(
      change_visit_of_id(core, sending.visit, core.world.now_ms(), [&](Visit& visit) -> Outcome<> {
        if (visit.attempt != sending.attempt || !move(visit, VisitState::ended)) {
          return std::unexpected(GateError::no_request);
        }
        visit.error = error;
        return {};
      }));
}

/// Looks the user up on another thread, and goes on if there is one who may.
void with_user(const std::shared_ptr<Core>& core, const SettingsPointer& settings,
               const Sending& sending, std::function<void(const User&)> then) {
  core->world.later([core, settings, sending, then = std::move(then)] {
    const auto user = core->find_user(sending.user);
    if (!user) {
      // True of all users alike, so it may be told.
      if (!sending.visit.empty()) end_attempt(*core, sending, user.error());
      return;
    }
    if (!*user) {
      core->audit("unknown_user", sending.user, sending.address);
      return;
    }
    if (is_denied_user(*settings, sending.user) || is_denied_user(*settings, (*user)->id)) {
      core->audit("user_denied", (*user)->id, sending.address);
      return;
    }
    // Another spelling that the directory knows him by has no limits of its own.
    const std::string subject = subject_of((*user)->id);
    if (subject != subject_of(sending.user)) {
      const LimitedBy by =
          core->take(Limited::send, sending.address, subject, core->world.now_ms());
      if (by != LimitedBy::none) return core->audit("limited", (*user)->id, sending.address);
    }
    then(**user);
  });
}

void post(const Core& core, const Sending& sending, MessageKind kind, const User& user,
          std::vector<std::pair<std::string, std::string>> values, std::string_view event) {
  if (core.world.messages == nullptr) return;
  Message message;
  message.kind = kind;
  message.to = user;
  message.language = user.language.empty() ? sending.language : user.language;
  message.values = std::move(values);
  const bool posted = core.world.messages->post(std::move(message));
  core.audit(posted ? event : "message_refused", user.id, sending.address);
}

std::string spaced(std::string_view code, std::string_view spacing) {
  std::string text;
  for (const char digit : code) {
    if (!text.empty()) text += spacing;
    text += digit;
  }
  return text;
}

/// {what} of a message, as the beginning of its sentence.
std::string_view change_text(std::string_view what, std::string_view language) {
  struct Words {
    std::string_view what;
    std::string_view english;
    std::string_view german;
  };
  static constexpr Words kWords[] = {
      {.what = "otp_registered",
       .english = "An authenticator app was registered",
       .german = "Eine Authenticator-App wurde registriert"},
      {.what = "otp_removed",
       .english = "Your authenticator app was removed",
       .german = "Ihre Authenticator-App wurde entfernt"},
      {.what = "passkey_registered",
       .english = "A passkey was registered",
       .german = "Ein Passkey wurde registriert"},
      {.what = "passkey_removed",
       .english = "A passkey was removed",
       .german = "Ein Passkey wurde entfernt"},
  };
  for (const Words& words : kWords) {
    if (words.what == what) return language == "de" ? words.german : words.english;
  }
  return what;
}

/// What the phone said. Nothing that it could not say tells whether there is such a user.
void on_push(Core& core, const Sending& sending, Verdict verdict) {
  core.audit(std::string("push_") + to_text(verdict), sending.user, sending.address);
  if (verdict == Verdict::denied) return end_attempt(core, sending, GateError::denied);
  if (verdict != Verdict::approved) return;
  static_cast<void>(
      change_visit_of_id(core, sending.visit, core.world.now_ms(), [&](Visit& visit) -> Outcome<> {
        if (visit.state != VisitState::push || visit.attempt != sending.attempt ||
            visit.until_ms <= core.world.now_ms()) {
          return std::unexpected(GateError::expired);
        }
        return approve(visit);
      }));
}

}  // namespace

void send_token(const std::shared_ptr<Core>& core, const SettingsPointer& settings,
                const Sending& sending, const std::string& code) {
  with_user(core, settings, sending, [core, settings, sending, code](const User& user) {
    post(*core, sending, MessageKind::token, user,
         {{"code", code},
          {"spaced_code", spaced(code, settings->spacing)},
          {"minutes", minutes_text(sending.duration_ms)}},
         "token_sent");
  });
}

void send_link(const std::shared_ptr<Core>& core, const SettingsPointer& settings,
               const Sending& sending, const std::string& secret) {
  with_user(core, settings, sending, [core, settings, sending, secret](const User& user) {
    post(*core, sending, MessageKind::link, user,
         {{"link", settings->gate_url + "/approve?k=" + secret},
          {"address", sending.address.text()},
          {"device", sending.device},
          {"time", time_text(sending.at_ms)},
          {"minutes", minutes_text(sending.duration_ms)}},
         "link_sent");
  });
}

void send_push(const std::shared_ptr<Core>& core, const SettingsPointer& settings,
               const Sending& sending) {
  with_user(core, settings, sending, [core, sending](const User& user) {
    const auto decided = [core, sending](Verdict verdict) {
      // The verdict comes on a thread that must not wait for the store.
      core->world.later([core, sending, verdict] { on_push(*core, sending, verdict); });
    };
    const bool asked =
        core->world.push->ask(user.id, sending.address, sending.device, sending.number, decided);
    core->audit(asked ? "push_sent" : "push_refused", user.id, sending.address);
  });
}

void send_registration(const std::shared_ptr<Core>& core, const SettingsPointer& settings,
                       const Sending& sending, Factor factor) {
  with_user(core, settings, sending, [core, settings, sending, factor](const User& user) {
    RandomSource& random = thread_random();
    const std::string secret = random_secret(random);
    const RecordKey key = registration_key(hash_of(secret));
    Registration registration;
    registration.user = user.id;
    registration.factor = factor;
    registration.until_ms = core->world.now_ms() + settings->registration_duration_ms;
    if (factor == Factor::otp) {
      std::array<std::uint8_t, otp::kSecretOctets> octets{};
      random.fill(octets);
      registration.sealed_secret = core->world.sealer.seal(key, as_text(octets), random);
      wipe(octets);
    } else {
      std::array<std::uint8_t, kChallengeOctets> octets{};
      random.fill(octets);
      registration.challenge = as_text(octets);
    }
    const auto added =
        core->checked(core->world.store.add(key, write(registration), registration.until_ms));
    if (!added || !*added) return;
    post(*core, sending, MessageKind::registration, user,
         {{"link", settings->gate_url + "/register?k=" + secret},
          {"minutes", minutes_text(settings->registration_duration_ms)}},
         "registration_sent");
  });
}

void send_changed(const std::shared_ptr<Core>& core, const SettingsPointer& settings,
                  const Sending& sending, std::string_view what) {
  with_user(core, settings, sending, [core, sending, what = std::string(what)](const User& user) {
    post(*core, sending, MessageKind::changed, user,
         {{"what", std::string(change_text(
                       what, user.language.empty() ? sending.language : user.language))},
          {"address", sending.address.text()},
          {"time", time_text(sending.at_ms)}},
         "change_told");
  });
}

}  // namespace sallyport::verify
