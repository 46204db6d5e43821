#pragma once
// The static whitelists: addresses from the configuration, from files and from commands, put
// together as one set. Control thread.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/config/http.h"
#include "engine/http/address_set.h"
#include "engine/ring/tls_files.h"

namespace sallyport::http_door {

class Whitelists {
 public:
  /// Reads all. An error is one line: which list, what is wrong with it.
  [[nodiscard]] static std::expected<Whitelists, std::string> open(
      const std::vector<config::HttpWhitelist>& config, std::uint64_t now_ms);

  [[nodiscard]] const std::shared_ptr<const AddressSet>& set() const noexcept { return set_; }

  /// Reads anew the files that have changed and runs the commands whose time has come. True: set()
  /// is another. A list that cannot be read stays as it was, and `problems` tells.
  [[nodiscard]] bool refresh(std::uint64_t now_ms, std::vector<std::string>& problems);

 private:
  struct List {
    config::HttpWhitelist config;
    std::vector<Prefix> addresses;
    std::unique_ptr<ring::TlsFiles> file;
    std::uint64_t due_ms = 0;  ///< of a command
  };
  [[nodiscard]] static std::expected<std::vector<Prefix>, std::string> read(
      const config::HttpWhitelist& list);
  void rebuild();

  std::vector<List> lists_;
  std::shared_ptr<const AddressSet> set_;
};

}  // namespace sallyport::http_door
