#pragma once
// What the gate's settings take over from others, and rules between them: factors that need a
// channel or a server, directories and channels that lack what their kind needs, cookies and
// passkeys that would not work.

#include "engine/config/config.h"
#include "engine/config/notes.h"
#include "engine/config/rules.h"

namespace sallyport::config {

/// Fills in what is not said: URLs from the door's, the issuer, the key file beside the database.
/// Without a gate, nothing.
void complete_gate(Config& config);

/// Whether a [[gate.channel]] sends such messages.
[[nodiscard]] bool is_carried(const Gate& gate, verify::MessageKind kind);

/// Of a completed configuration.
void check_gate_rules(const Config& config, const Places& places, Notes& notes);
/// Directories and channels alone; check_gate_rules() calls it.
void check_gate_elements(const Config& config, const Places& places, Notes& notes);

}  // namespace sallyport::config
