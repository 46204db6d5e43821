#include "bench/verify/pool_question.h"

#include <cstring>

#include <fmt/format.h>

#include "verify/clock.h"

namespace sallyport::lab {

verify::PoolSettings pool_settings(const SimulatorChild& simulator) {
  verify::PoolSettings settings;
  settings.notakey.host = simulator.origin();
  settings.notakey.ca_file = simulator.ca_file();
  settings.notakey.access_id = kBenchAccessId;
  settings.notakey.action = kBenchAction;
  settings.notakey.description = kBenchDescription;
  settings.notakey.ttl_ms = kBenchTtlMs;
  return settings;
}

verify::Question pool_question(std::uint64_t number) {
  verify::Question made;
  made.ticket = {number};
  made.user_hash = number * 0x9e37'79b9'7f4a'7c15;
  // The real key is a hash: its first octets must look like one.
  std::memcpy(made.join_key.octets.data(), &made.user_hash, sizeof made.user_hash);
  made.asked_ns = verify::monotonic_ns();
  fmt::memory_buffer user;
  fmt::format_to(std::back_inserter(user), "user{:06}", number);
  made.user.assign(std::string_view(user.data(), user.size()));
  made.client.assign(std::string_view("office-gateway"));
  made.calling_station.assign(std::string_view("203.0.113.200"));
  made.called_station.assign(std::string_view("192.0.2.1"));
  made.nas.assign(std::string_view("vpn.example.org"));
  return made;
}

}  // namespace sallyport::lab
