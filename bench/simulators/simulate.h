#pragma once
// `sallyport-lab simulate …`: options as they were written, made into settings; the ready line; and
// the wait for a signal.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::lab {

struct SimulateNotakeyOptions {
  std::string listen = "127.0.0.1:0";
  std::string phone_listen;  ///< extra plain listener; with TLS 127.0.0.1:0 is taken when empty
  bool tls = false;
  std::string certificate_file;
  std::string key_file;
  std::string write_ca_file;
  std::string access_id;
  std::string client_id;
  std::string client_secret;
  std::string script_file;
  std::vector<std::string> users;
  std::string default_behaviour = "ask";
  std::string hold = "0";
  std::string token_lifetime = "2h";
  std::vector<std::string> faults;
  std::uint64_t seed = 1;
  std::uint32_t max_streams = 1000;
};

/// Runs until SIGINT or SIGTERM. An error says what is wrong with the options or the machine.
[[nodiscard]] std::expected<void, std::string> simulate_notakey(
    const SimulateNotakeyOptions& options);

[[nodiscard]] std::expected<std::string, std::string> read_file(const std::string& path);

}  // namespace sallyport::lab
