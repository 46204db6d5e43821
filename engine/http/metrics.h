#pragma once
// What one shard of the HTTP door counts. Written by its thread only, read by the admin thread.

#include <array>

#include "engine/http/admission.h"
#include "verify/metrics.h"

namespace sallyport::http_door {

using verify::Counter;

inline constexpr std::size_t kAnswerClasses = 6;

struct HttpMetrics {
  Counter connections;       ///< of visitors, accepted
  Counter connections_open;  ///< gauge
  Counter tls_handshakes;
  Counter tls_failures;
  Counter requests;
  std::array<Counter, kAnswerClasses> answers;  ///< by the first digit of the status; 0: cut off
  Counter bad_requests;  ///< refused by the strict reading (400, 414, 431, 501, 505)
  std::array<Counter, kVerdicts> admissions;  ///< by Verdict: requests that came to a route
  Counter cut_off;                            ///< streams closed because their grant had ended
  Counter upstream_connects;
  Counter upstream_reuses;
  Counter upstream_failures;  ///< attempts that failed, retries included
  Counter retries;
  Counter timeouts;     ///< of visitors, any phase
  Counter floods;       ///< HTTP/2 connections ended for their behaviour
  Counter access_lost;  ///< lines of the access log that found the queue full
};

}  // namespace sallyport::http_door
