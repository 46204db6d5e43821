#pragma once
// What the demo prepares before anything runs: ports, secrets, the daemon's configuration.

#include <cstdint>
#include <expected>
#include <string>

#include "protocol/ip_address.h"

namespace sallyport::lab {

/// All on 127.0.0.1.
struct DemoPorts {
  Endpoint radius;  ///< sallyport's RADIUS door
  Endpoint downstream;
  Endpoint phone;
  Endpoint admin;
  Endpoint web;  ///< sallyport's HTTP door
};

/// Consecutive ones from `base`, or free ones when it is 0.
[[nodiscard]] std::expected<DemoPorts, std::string> choose_ports(std::uint16_t base);

struct DemoSecrets {
  std::string client = "testing123";  ///< known, so that the radclient line can be typed
  std::string downstream;
  std::string notakey_client;
  [[nodiscard]] static DemoSecrets random();
};

inline constexpr const char* kDemoServiceId = "5a11f0a7-0000-4000-8000-000000000001";
inline constexpr const char* kDemoClientId = "sallyport-demo";

/// `control_socket`: by which `sallyport grant` lets visitors in.
[[nodiscard]] std::string demo_config(const DemoPorts& ports, const DemoSecrets& secrets,
                                      const std::string& control_socket);

/// The daemon's binary: as given, or beside our own.
[[nodiscard]] std::expected<std::string, std::string> find_sallyport(const std::string& given);

/// Whether a program is in PATH.
[[nodiscard]] bool is_installed(const std::string& program);

}  // namespace sallyport::lab
