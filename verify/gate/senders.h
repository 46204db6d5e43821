#pragma once
// What goes out to a user: looked up and sent by a job, so that no page waits for it or tells
// whether there is such a user. Any thread.

#include <memory>
#include <string>
#include <string_view>

#include "verify/gate/core.h"

namespace sallyport::verify {

/// To whom, and about which visit.
struct Sending {
  std::string user;  ///< as typed
  IpAddress address;
  std::string device;
  std::string language;
  std::string visit;  ///< id of its record
  std::string attempt;
  std::string number;
  std::uint64_t at_ms = 0;
  std::uint64_t duration_ms = 0;
};

using SettingsPointer = std::shared_ptr<const GateSettings>;

void send_token(const std::shared_ptr<Core>& core, const SettingsPointer& settings,
                const Sending& sending, const std::string& code);
void send_link(const std::shared_ptr<Core>& core, const SettingsPointer& settings,
               const Sending& sending, const std::string& secret);
void send_push(const std::shared_ptr<Core>& core, const SettingsPointer& settings,
               const Sending& sending);

/// Makes a registration and mails its link.
void send_registration(const std::shared_ptr<Core>& core, const SettingsPointer& settings,
                       const Sending& sending, Factor factor);
/// Tells a user that one of his factors was registered or removed: "otp_registered", …
void send_changed(const std::shared_ptr<Core>& core, const SettingsPointer& settings,
                  const Sending& sending, std::string_view what);

}  // namespace sallyport::verify
