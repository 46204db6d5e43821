#include "engine/log/refusal_report.h"

#include <iterator>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "engine/log/text.h"

namespace sallyport::log {
namespace {

using radius_door::Refusal;
using radius_door::RefusedPeer;

/// Around what the client is, or has shown.
struct Words {
  std::string_view before;
  std::string_view after;
};

Words words_for(Refusal kind) noexcept {
  switch (kind) {
    case Refusal::unknown_address: return {"no [[client]] has this address", ""};
    case Refusal::wrong_secret:
      return {"client ", ": an authenticator is wrong. Has it the same secret?"};
    case Refusal::not_signed:
      return {"client ",
              ": no Message-Authenticator, which require_message_authenticator or "
              "limit_proxy_state wants"};
    case Refusal::untrusted_certificate:
      return {"its certificate is not signed by one of ca_file, or not valid now: ", ""};
    case Refusal::unfit: return {"no [[radsec.client]] fits this address and ", ""};
    case Refusal::unknown_identity: return {"no [[radsec.client]] has psk_identity ", ""};
  }
  return {};
}

}  // namespace

std::string refusal_text(Refusal kind, const RefusedPeer& peer, std::uint64_t count) {
  const Words words = words_for(kind);
  fmt::memory_buffer text;
  fmt::format_to(std::back_inserter(text), "clients: {} is refused: {}", peer.address.text(),
                 words.before);
  if (!peer.text.empty()) {
    text.push_back('"');
    append_escaped(text, peer.text.view(), Escape::quoted);
    text.push_back('"');
  }
  append(text, words.after);
  if (count > 1)
    fmt::format_to(std::back_inserter(text), " ({} such since the line before)", count);
  return fmt::to_string(text);
}

void RefusalReport::look(std::uint64_t now_ms) {
  for (std::size_t i = 0; i < told_.size(); ++i) {
    if (now_ms < told_[i].next_ms) continue;
    const auto kind = static_cast<Refusal>(i);
    std::optional<RefusedPeer> peer;
    std::uint64_t count = 0;
    for (const radius_door::RefusalNotes* const shard : shards_) {
      const std::optional<RefusedPeer> taken = shard->take(kind);
      if (!peer) peer = taken;
      count += shard->count(kind);
    }
    if (!peer) continue;
    spdlog::warn("{}", refusal_text(kind, *peer, count - told_[i].count));
    told_[i] = {.next_ms = now_ms + kApartMs, .count = count};
  }
}

}  // namespace sallyport::log
