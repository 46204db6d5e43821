#include "bench/load/exchanges.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "protocol/check.h"
#include "protocol/radius/codes.h"

namespace sallyport::lab {
namespace {

constexpr std::size_t kCacheLine = 64;

radius::Authenticator authenticator_of(Octets packet) noexcept {
  radius::Authenticator authenticator;
  std::memcpy(authenticator.octets.data(), packet.data() + 4, authenticator.octets.size());
  return authenticator;
}

std::size_t round_up(std::size_t octets) noexcept {
  return (octets + kCacheLine - 1) / kCacheLine * kCacheLine;
}

}  // namespace

Exchanges::Exchanges(const ExchangeSettings& settings, Workload& workload, std::uint32_t sockets,
                     std::uint64_t first_session, std::uint64_t stride, Sender& sender)
    : settings_(settings),
      workload_(workload),
      sender_(sender),
      channels_(sockets),
      stride_octets_(round_up(workload.max_request_octets())),
      under_way_(channels_.channels()),
      former_(channels_.channels()),
      next_session_(first_session),
      session_stride_(stride) {
  if (workload_.presigned() > 0) return;
  // Not set to zero: a page that no channel uses costs no memory.
  requests_ = std::make_unique_for_overwrite<std::uint8_t[]>(channels_.channels() * stride_octets_);
  sessions_.resize(channels_.channels());
}

void Exchanges::start(std::uint64_t measured_from_ns) {
  measured_from_ns_ = measured_from_ns;
  ready_.clear();
  burst_left_ = 0;
  tally_ = {};
  recent_ = {};
}

// --- Sending -----------------------------------------------------------------------------------

bool Exchanges::send_next(std::uint64_t intended_ns, std::uint64_t now_ns) noexcept {
  const bool goes_on = ready_.size() >= settings_.open_sessions;
  const std::optional<Channel> channel = choose_channel(goes_on);
  if (!channel) {
    ++tally_.without_channel;
    return false;
  }
  UnderWay& request = under_way_[*channel];
  if (request.uses++ > 0) {
    former_[*channel] = authenticator_of(request_on(*channel));
    request.former_lost = request.state == State::lost;
    request.former_measured = request.measured;
  }
  const Octets octets = make_request(*channel, goes_on);
  request.intended_ns = intended_ns;
  request.state = State::waiting;
  request.measured = intended_ns >= measured_from_ns_;
  request.resends = static_cast<std::uint8_t>(settings_.resends);
  request.repeats = repeats_of_next();
  if (request.measured) {
    ++tally_.requests;
    if (now_ns > intended_ns + kLateNs) ++tally_.sent_late;
  }
  transmit(*channel, now_ns);
  if (settings_.repeat_answered) return true;
  for (; request.repeats > 0; --request.repeats) {
    sender_.send(socket_of(*channel), octets);
    if (request.measured) ++tally_.duplicates_sent;
  }
  return true;
}

std::optional<Channel> Exchanges::choose_channel(bool goes_on) noexcept {
  // A dialogue stays with its client: servers tell by the address whose State it is.
  if (goes_on) {
    if (const auto channel = channels_.take(ready_.front().socket)) return channel;
  }
  if (burst_left_ > 0) {
    --burst_left_;
    if (const auto channel = channels_.take(burst_socket_)) return channel;
  }
  const auto socket = channels_.next_socket();
  if (!socket) return std::nullopt;
  burst_socket_ = *socket;
  burst_left_ = settings_.burst - 1;
  return channels_.take(*socket);
}

Octets Exchanges::request_on(Channel channel) const noexcept {
  const UnderWay& request = under_way_[channel];
  if (requests_ == nullptr) return workload_.presigned_request(request.entry);
  return {requests_.get() + channel * stride_octets_, request.octets};
}

Octets Exchanges::make_request(Channel channel, bool goes_on) noexcept {
  UnderWay& request = under_way_[channel];
  if (requests_ == nullptr) {
    request.entry =
        workload_.presigned_entry(socket_of(channel), identifier_of(channel), request.uses);
    return request_on(channel);
  }
  Session& session = sessions_[channel];
  if (goes_on) {
    session = ready_.front().session;
    ready_.pop_front();
  } else {
    const std::uint64_t number = next_session_;
    next_session_ += session_stride_;
    const std::uint64_t known = workload_.sessions();
    session = workload_.begin(known == 0 ? number : number % known);
  }
  const MutableOctets place(requests_.get() + channel * stride_octets_, stride_octets_);
  request.octets =
      static_cast<std::uint16_t>(workload_.write(session, identifier_of(channel), place));
  return request_on(channel);
}

std::uint16_t Exchanges::repeats_of_next() noexcept {
  repeats_owed_ += settings_.repeats;
  const double whole = std::floor(repeats_owed_);
  repeats_owed_ -= whole;
  return static_cast<std::uint16_t>(whole);
}

void Exchanges::transmit(Channel channel, std::uint64_t now_ns) noexcept {
  UnderWay& request = under_way_[channel];
  const bool resend = request.resends > 0 && request.state == State::waiting;
  request.deadline_ns = now_ns + (resend ? settings_.resend_after_ns : settings_.timeout_ns);
  channels_.wait(resend ? Queue::resend : Queue::give_up, channel);
  sender_.send(socket_of(channel), request_on(channel));
}

// --- Answers -----------------------------------------------------------------------------------

void Exchanges::answer(std::uint32_t socket, Octets datagram, std::uint64_t now_ns) noexcept {
  // What is too short to have an Identifier is judged as an answer to any request.
  const std::uint32_t identifier = datagram.size() > 1 ? datagram[1] : 0;
  const Channel channel = socket * kIdentifiers + identifier;
  UnderWay& request = under_way_[channel];
  switch (request.state) {
    case State::waiting: first_answer(channel, datagram, now_ns); break;
    case State::repeating:
      if (!workload_.answers(authenticator_of(request_on(channel)), datagram)) {
        stray_answer(channel, datagram, Judgement::wrong_authenticator);
        break;
      }
      count_repeated(request, datagram);
      repeat_or_release(channel, now_ns);
      break;
    case State::unused:
    case State::answered:
    case State::lost: stray_answer(channel, datagram, Judgement::wrong_identifier); break;
  }
}

Judgement Exchanges::judge(Channel channel, Octets answer) noexcept {
  if (requests_ == nullptr) return workload_.judge_presigned(under_way_[channel].entry, answer);
  return workload_.judge(sessions_[channel], request_on(channel), answer);
}

void Exchanges::first_answer(Channel channel, Octets answer, std::uint64_t now_ns) noexcept {
  UnderWay& request = under_way_[channel];
  const Judgement judgement = judge(channel, answer);
  if (!is_right(judgement)) {
    stray_answer(channel, answer, judgement);
    return;
  }
  const std::uint64_t latency_ns = now_ns - std::min(now_ns, request.intended_ns);
  ++recent_.answers;
  recent_.latency.record(latency_ns);
  if (request.measured) {
    ++tally_.answers;
    tally_.accepts += judgement == Judgement::done_accept ? 1 : 0;
    tally_.rejects += judgement == Judgement::done_reject ? 1 : 0;
    tally_.latency.record(latency_ns);
  }
  if (judgement == Judgement::next) {
    ready_.push_back({.session = sessions_[channel], .socket = socket_of(channel)});
  }
  request.first_answer = authenticator_of(answer).octets;
  repeat_or_release(channel, now_ns);
}

void Exchanges::stray_answer(Channel channel, Octets answer, Judgement judgement) noexcept {
  UnderWay& request = under_way_[channel];
  const bool whole = answer.size() >= radius::kHeaderOctets;
  if (whole && (request.state == State::answered || request.state == State::lost) &&
      workload_.answers(authenticator_of(request_on(channel)), answer)) {
    if (request.state == State::answered) {
      count_repeated(request, answer);
    } else if (request.measured) {
      ++tally_.late_answers;
    }
    return;
  }
  if (whole && request.uses > 1 && workload_.answers(former_[channel], answer)) {
    std::uint64_t& count = request.former_lost ? tally_.late_answers : tally_.duplicate_answers;
    if (request.former_measured) ++count;
    return;
  }
  ++tally_.wrong_answers;
  if (failure_) return;
  const bool known = requests_ != nullptr && request.state != State::unused;
  failure_ = workload_.explain(judgement, known ? sessions_[channel] : Session{},
                               known ? request_on(channel) : Octets{}, answer);
}

void Exchanges::count_repeated(UnderWay& request, Octets answer) noexcept {
  if (!request.measured) return;
  ++tally_.duplicate_answers;
  if (request.first_answer != authenticator_of(answer).octets) ++tally_.differing_answers;
}

void Exchanges::repeat_or_release(Channel channel, std::uint64_t now_ns) noexcept {
  UnderWay& request = under_way_[channel];
  if (request.repeats == 0) {
    release(channel, State::answered);
    return;
  }
  --request.repeats;
  request.state = State::repeating;
  if (request.measured) ++tally_.duplicates_sent;
  transmit(channel, now_ns);
}

void Exchanges::release(Channel channel, State state) noexcept {
  under_way_[channel].state = state;
  channels_.give_back(channel);
}

// --- Time --------------------------------------------------------------------------------------

void Exchanges::expire(std::uint64_t now_ns) noexcept {
  for (const Queue queue : {Queue::resend, Queue::give_up}) {
    for (;;) {
      const auto channel = channels_.first(queue);
      if (!channel || under_way_[*channel].deadline_ns > now_ns) break;
      if (queue == Queue::give_up) {
        give_up(*channel);
        continue;
      }
      --under_way_[*channel].resends;
      if (under_way_[*channel].measured) ++tally_.retransmissions;
      transmit(*channel, now_ns);
    }
  }
}

void Exchanges::give_up(Channel channel) noexcept {
  const UnderWay& request = under_way_[channel];
  if (request.state == State::repeating) {
    release(channel, State::answered);
    return;
  }
  ++recent_.lost;
  if (request.measured) ++tally_.lost;
  release(channel, State::lost);
}

std::optional<std::uint64_t> Exchanges::next_deadline_ns() const noexcept {
  std::optional<std::uint64_t> earliest;
  for (const Queue queue : {Queue::resend, Queue::give_up}) {
    const auto channel = channels_.first(queue);
    if (!channel) continue;
    const std::uint64_t deadline_ns = under_way_[*channel].deadline_ns;
    earliest = std::min(earliest.value_or(deadline_ns), deadline_ns);
  }
  return earliest;
}

}  // namespace sallyport::lab
