#pragma once
// The demo's own RADIUS client: one PAP login, or the question whether a server is there
// (Status-Server, RFC 5997). Every answer's authenticators are checked.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/simulators/descriptor.h"
#include "protocol/ip_address.h"
#include "protocol/radius/hop_key.h"
#include "protocol/random.h"

namespace sallyport::lab {

struct RadiusAnswer {
  radius::Code code;
  std::string reply_message;
};

class RadiusClient {
 public:
  /// Talks to `server` only. Throws nothing; a socket that cannot be had shows as no answer.
  RadiusClient(const Endpoint& server, const Secret& secret);

  void send_status();
  void send_login(std::string_view user, std::string_view password);
  /// An authentic answer to what was sent last, if one has come.
  [[nodiscard]] std::optional<RadiusAnswer> receive();
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  void begin(radius::Code code);
  void add(radius::Type type, Octets value);
  void finish_and_send();

  radius::HopKey key_;
  Descriptor socket_;
  SystemRandom random_;
  radius::Identifier identifier_;
  radius::Authenticator authenticator_;
  std::vector<std::uint8_t> packet_;
};

}  // namespace sallyport::lab
