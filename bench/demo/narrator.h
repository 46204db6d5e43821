#pragma once
// Tells people what happens to each request, one line a step: from the simulators' events and from
// the daemon's own log. Rendering is pure; only `print` writes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/simulators/notakey_service.h"
#include "bench/simulators/radius_simulator.h"

namespace sallyport::lab {

/// What the daemon decided, read back from its log.
struct Decision {
  std::string user;
  std::string answer;   ///< "Access-Accept", …, "none"
  std::string outcome;  ///< "approved", "denied", …
  std::string source;
  std::string detail;
  bool second_factor = false;
  bool joined = false;
  double downstream_ms = 0;
  double verdict_ms = 0;
  double total_ms = 0;
};

/// Nothing: the line is not JSON, or tells something else.
[[nodiscard]] std::optional<Decision> parse_decision(std::string_view line);
/// The text of a warning or an error in the daemon's log.
[[nodiscard]] std::optional<std::string> parse_trouble(std::string_view line);
/// "840 µs", "12.3 ms", "4.2 s".
[[nodiscard]] std::string human_ms(double ms);

/// A request at the HTTP door, read back from its access log.
struct Visit {
  std::string visitor;
  std::string user;
  std::string method;
  std::string target;
  std::string admission;  ///< "granted", "gate", …
  unsigned status = 0;
};
[[nodiscard]] std::optional<Visit> parse_visit(std::string_view line);

class Narrator {
 public:
  explicit Narrator(bool coloured) : coloured_(coloured) {}

  [[nodiscard]] std::vector<std::string> tell(const RadiusEvent& event) const;
  [[nodiscard]] std::vector<std::string> tell(const NotakeyEvent& event) const;
  [[nodiscard]] std::vector<std::string> tell(const Decision& decision,
                                              std::uint64_t unix_ms) const;
  [[nodiscard]] std::string tell(const Visit& visit, std::uint64_t unix_ms) const;
  [[nodiscard]] std::string trouble(std::string_view text) const;
  [[nodiscard]] std::string bold(std::string_view text) const;
  [[nodiscard]] std::string dim(std::string_view text) const;

 private:
  enum class Colour : std::uint8_t { plain, dim, bold, green, red, yellow, blue };
  [[nodiscard]] std::string paint(Colour colour, std::string_view text) const;
  [[nodiscard]] std::string line(std::uint64_t unix_ms, std::string_view user,
                                 std::string_view step, Colour colour, std::string_view text) const;
  bool coloured_;
};

}  // namespace sallyport::lab
