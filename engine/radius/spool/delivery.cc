#include "engine/radius/spool/delivery.h"

#include <algorithm>

#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

constexpr std::uint32_t kIdentifiers = 256;  // of a socket
/// How many leave at first, while nothing is known of the server.
constexpr std::uint32_t kFirstWindow = 16;

}  // namespace

Delivery::Delivery(std::uint32_t sockets, std::uint32_t retransmit_ms, RandomSource& random)
    : retransmit_ms_(retransmit_ms),
      random_(random),
      slots_(std::size_t{sockets} * kIdentifiers),
      window_(kFirstWindow) {
  CHECK(sockets > 0 && retransmit_ms > 0);
  // One Identifier on all sockets, then the next: a socket is not used up before the others.
  for (std::uint32_t identifier = 0; identifier < kIdentifiers; ++identifier) {
    for (std::uint32_t socket = 0; socket < sockets; ++socket) {
      free_.push_back(socket * kIdentifiers + identifier);
    }
  }
}

void Delivery::add(std::uint64_t record, std::uint64_t session) {
  ++waiting_;
  Line& line = lines_[session];
  CHECK(line.records.empty() || line.records.back() < record);
  if (line.records.empty()) ready_.push_back(session);
  line.records.push_back(record);
}

std::optional<Delivery::Departure> Delivery::next(std::uint64_t now_ms) {
  if (ready_.empty() || under_way() >= window_ || free_.empty()) return std::nullopt;
  const std::uint64_t session = ready_.front();
  ready_.pop_front();
  const std::uint32_t channel = free_.front();
  free_.pop_front();
  const Line& line = lines_.at(session);
  slots_[channel] = {.record = line.records[line.first],
                     .session = session,
                     .began_ms = now_ms,
                     .deadline_ms = 0,
                     .interval_ms = jittered_ms(retransmit_ms_, retransmit_ms_ / 10),
                     .sends = 1,
                     .probe = silent_};
  schedule(channel, now_ms);
  return Departure{.record = slots_[channel].record, .channel = {channel}};
}

std::optional<DeliveryChannel> Delivery::repeat(std::uint64_t now_ms) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms) {
    const std::uint32_t channel = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    Slot& slot = slots_[channel];
    if (slot.sends == kSendsOfRound) {
      end_round(channel);
      continue;
    }
    ++slot.sends;
    // One probe at a steady pace burdens nobody, and the server's return is seen at once.
    const std::uint32_t previous_ms = slot.interval_ms;
    slot.interval_ms = slot.probe ? jittered_ms(retransmit_ms_, retransmit_ms_ / 10)
                                  : jittered_ms(2 * previous_ms, previous_ms / 10);
    schedule(channel, now_ms);
    return DeliveryChannel{channel};
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Delivery::acknowledged(DeliveryChannel channel, std::uint64_t now_ms) {
  if (!waits_on(channel)) return std::nullopt;
  const Slot slot = slots_[channel.number];
  deadlines_.erase({slot.deadline_ms, channel.number});
  acknowledged_ms_ = std::max(acknowledged_ms_, now_ms);
  silent_ = false;
  window_ = std::min(window_ + 1, static_cast<std::uint32_t>(slots_.size()));
  release(channel.number);
  move_on(slot.session);
  return slot.record;
}

bool Delivery::waits_on(DeliveryChannel channel) const noexcept {
  return channel.number < slots_.size() && slots_[channel.number].sends > 0;
}

void Delivery::give_up(DeliveryChannel channel) {
  CHECK(waits_on(channel));
  const Slot slot = slots_[channel.number];
  deadlines_.erase({slot.deadline_ms, channel.number});
  release(channel.number);
  move_on(slot.session);
}

void Delivery::restart(std::uint32_t retransmit_ms) {
  retransmit_ms_ = retransmit_ms;
  window_ = kFirstWindow;
  silent_ = false;
  while (!deadlines_.empty()) {
    const std::uint32_t channel = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    ready_.push_back(slots_[channel].session);
    release(channel);
  }
}

std::optional<std::uint64_t> Delivery::next_deadline_ms() const noexcept {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

void Delivery::schedule(std::uint32_t channel, std::uint64_t now_ms) {
  Slot& slot = slots_[channel];
  slot.deadline_ms = now_ms + slot.interval_ms;
  deadlines_.emplace(slot.deadline_ms, channel);
}

void Delivery::release(std::uint32_t channel) {
  slots_[channel].sends = 0;
  free_.push_back(channel);
}

void Delivery::end_round(std::uint32_t channel) {
  ++rounds_ended_;
  const Slot& slot = slots_[channel];
  // Others were acknowledged meanwhile: it is this record that the server does not take.
  if (acknowledged_ms_ < slot.began_ms) {
    silent_ = true;
    window_ = 1;
  }
  ready_.push_back(slot.session);  // behind the others, so that it keeps none of them from leaving
  release(channel);
}

/// The session's first record is done with.
void Delivery::move_on(std::uint64_t session) {
  --waiting_;
  const auto found = lines_.find(session);
  Line& line = found->second;
  if (++line.first == line.records.size()) {
    lines_.erase(found);
    return;
  }
  if (line.first > line.records.size() / 2) {
    line.records.erase(line.records.begin(),
                       line.records.begin() + static_cast<std::ptrdiff_t>(line.first));
    line.first = 0;
  }
  ready_.push_back(session);
}

/// RFC 5080 §2.2.1: even between interval - spread and interval + spread.
std::uint32_t Delivery::jittered_ms(std::uint32_t interval_ms, std::uint32_t spread_ms) noexcept {
  std::uint16_t dice;
  random_.fill({reinterpret_cast<std::uint8_t*>(&dice), sizeof(dice)});
  const std::uint64_t above_least = std::uint64_t{2} * spread_ms * dice / 0xffff;
  return static_cast<std::uint32_t>(interval_ms - spread_ms + above_least);
}

}  // namespace sallyport::radius_door
