#pragma once
// What one run, or one second of it, counted. Each thread has its own; they are merged at the end.

#include <cstdint>

#include "bench/load/histogram.h"

namespace sallyport::lab {

/// Of the requests that were meant to be sent in the measured time, and their answers whenever they
/// came.
struct Tally {
  std::uint64_t requests = 0;  ///< without retransmissions and duplicates
  std::uint64_t answers = 0;   ///< accepts, rejects and what leads to another request
  std::uint64_t accepts = 0;
  std::uint64_t rejects = 0;
  std::uint64_t lost = 0;  ///< given up
  std::uint64_t retransmissions = 0;
  std::uint64_t duplicates_sent = 0;
  std::uint64_t duplicate_answers = 0;  ///< right answers to what had been answered
  std::uint64_t differing_answers = 0;  ///< of these: not the same octets as the first answer
  std::uint64_t late_answers = 0;       ///< right answers to what had been given up
  std::uint64_t wrong_answers = 0;
  std::uint64_t refused = 0;          ///< sends and receives that the kernel refused, as by ICMP
  std::uint64_t unanswered = 0;       ///< still under way when the run was interrupted
  std::uint64_t sent_late = 0;        ///< more than kLateNs after the intended time
  std::uint64_t unsent = 0;           ///< due, and not sent at all
  std::uint64_t without_channel = 0;  ///< turns that could not send: all Identifiers in use
  Histogram latency;                  ///< from the intended time; first answers only

  void merge(const Tally& other) noexcept {
    for (const auto member :
         {&Tally::requests, &Tally::answers, &Tally::accepts, &Tally::rejects, &Tally::lost,
          &Tally::retransmissions, &Tally::duplicates_sent, &Tally::duplicate_answers,
          &Tally::differing_answers, &Tally::late_answers, &Tally::wrong_answers, &Tally::refused,
          &Tally::unanswered, &Tally::sent_late, &Tally::unsent, &Tally::without_channel}) {
      this->*member += other.*member;
    }
    latency.merge(other.latency);
  }
};

/// A request that leaves this much after its intended time shows that the generator is behind.
inline constexpr std::uint64_t kLateNs = 1'000'000;

}  // namespace sallyport::lab
