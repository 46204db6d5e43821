#pragma once
// radius.clients_file: RADIUS clients by the hundred thousand, one a line, "address,name,secret".
// Read in one pass and kept as it was read: a million of them take a second and some 60 MB until
// their table is made, where as many [[client]] would take minutes.

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/mistake.h"
#include "protocol/ip_address.h"
#include "protocol/octets.h"

namespace sallyport::config {

struct Client;

/// Immutable; any thread. The secrets are wiped with it.
class ClientRows {
 public:
  /// Views into the rows.
  struct Row {
    Prefix prefix;
    std::string_view name;
    Octets secret;
  };

  ClientRows() = default;
  ~ClientRows() { wipe(text_); }
  ClientRows(const ClientRows&) = delete;
  ClientRows& operator=(const ClientRows&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  [[nodiscard]] Row operator[](std::size_t index) const noexcept;

 private:
  friend class ClientsFileReader;
  struct Place {
    Prefix prefix;
    std::uint8_t name_octets;
    std::uint16_t secret_octets;
    std::uint32_t name_begin;  ///< in the text; a comma, and then the secret follows the name
  };
  static_assert(sizeof(Place) == 24);

  std::vector<std::uint8_t> text_;
  std::vector<Place> places_;
};

struct ClientsFile {
  std::shared_ptr<const ClientRows> rows;
  std::vector<Mistake> warnings;
};

/// All mistakes, with the numbers of their lines; of very many the first and how many more there
/// are. An address or prefix that stands twice is one, in the file or in one of `others`.
[[nodiscard]] std::expected<ClientsFile, std::vector<Mistake>> read_clients_file(
    const std::string& path, std::span<const Client> others);

}  // namespace sallyport::config
