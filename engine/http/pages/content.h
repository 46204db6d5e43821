#pragma once
// The content of each page, within the frame (frame.h).

#include "engine/http/pages/writer.h"

namespace sallyport::http_door {

// ask.cc: what a visitor fills in.
void write_start(Writer& to);
void write_captcha(Writer& to);
void write_choose(Writer& to);
void write_token(Writer& to);
void write_otp(Writer& to);
void write_passkey(Writer& to);

// wait.cc: what he waits for, and how it ended.
void write_link(Writer& to);
void write_push(Writer& to);
void write_done(Writer& to);
void write_ended(Writer& to);
void write_message(Writer& to);

// register.cc: how he gets a factor.
void write_register_sent(Writer& to);
void write_register_otp(Writer& to);
void write_register_passkey(Writer& to);
void write_recovery_codes(Writer& to);

// decide.cc: what he says yes or no to.
void write_approve(Writer& to);
void write_approved(Writer& to);
void write_refused(Writer& to);
void write_pair(Writer& to);

// access.cc: what he has.
void write_access(Writer& to);

}  // namespace sallyport::http_door
