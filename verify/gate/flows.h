#pragma once
// What the gate does at each of its paths. Any thread; each may wait.

#include "verify/gate/claim.h"
#include "verify/gate/core.h"
#include "verify/gate/replies.h"

namespace sallyport::verify {

// start.cc
[[nodiscard]] GateReply answer_first_page(const Turn& turn);
[[nodiscard]] GateReply answer_start(const Turn& turn);
[[nodiscard]] GateReply answer_captcha_picture(const Turn& turn);
[[nodiscard]] GateReply answer_captcha(const Turn& turn);

// asking.cc
[[nodiscard]] GateReply answer_visit(const Turn& turn);
[[nodiscard]] GateReply answer_wait(const Turn& turn);
[[nodiscard]] GateReply answer_factor(const Turn& turn);
[[nodiscard]] GateReply answer_again(const Turn& turn);

// code.cc
[[nodiscard]] GateReply answer_code(const Turn& turn);

// passkey.cc
[[nodiscard]] GateReply answer_passkey(const Turn& turn);

// approval.cc
[[nodiscard]] GateReply show_approval(const Turn& turn);
[[nodiscard]] GateReply answer_approval(const Turn& turn);

// registration.cc
[[nodiscard]] GateReply show_registration(const Turn& turn);
[[nodiscard]] GateReply answer_registration(const Turn& turn);

// access.cc
[[nodiscard]] GateReply show_access(const Turn& turn);
[[nodiscard]] GateReply answer_access(const Turn& turn);

// pair.cc
[[nodiscard]] GateReply show_pair(const Turn& turn);
[[nodiscard]] GateReply answer_pair(const Turn& turn);

}  // namespace sallyport::verify
