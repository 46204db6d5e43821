#pragma once
// The static whitelists: addresses from the configuration, from files and from commands, put
// together as one set. Under the server's lock; commands, which take their time, are run outside.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/http.h"
#include "engine/http/address_set.h"
#include "engine/ring/tls_files.h"

namespace sallyport::http_door {

class Whitelists {
 public:
  using Addresses = std::expected<std::vector<Prefix>, std::string>;

  /// Reads all, but takes over from `before` those that are configured as they were: a command is
  /// not run, and need not succeed, because of somebody's reload. An error is one line: which list,
  /// what is wrong with it. `stop` as for verify::run_process().
  [[nodiscard]] static std::expected<Whitelists, std::string> open(
      const std::vector<config::HttpWhitelist>& config, std::uint64_t now_ms, int stop,
      const Whitelists* before = nullptr);

  [[nodiscard]] const std::shared_ptr<const AddressSet>& set() const noexcept { return set_; }

  /// Reads the files that have changed. True: set() is another. A list that cannot be read stays as
  /// it was, and `problems` tells so, once until it changes.
  [[nodiscard]] bool refresh_files(std::vector<std::string>& problems);

  /// A command whose time has come; its next is an interval from now.
  [[nodiscard]] std::optional<config::HttpWhitelist> take_due(std::uint64_t now_ms);
  /// What read() said of it. True: set() is another. Unknown by now: dropped.
  [[nodiscard]] bool update(const config::HttpWhitelist& list, Addresses addresses,
                            std::vector<std::string>& problems);
  /// Runs the command, or reads the file. Needs no lock.
  [[nodiscard]] static Addresses read(const config::HttpWhitelist& list, int stop);

 private:
  struct List {
    config::HttpWhitelist config;
    std::vector<Prefix> addresses;
    std::optional<ring::TlsFiles> file;
    std::uint64_t due_ms = 0;  ///< of a command
    std::string problem = {};  ///< as it was told last; empty: it has been read since
  };
  [[nodiscard]] bool update(List& list, Addresses addresses, std::vector<std::string>& problems);
  void rebuild();

  std::vector<List> lists_;
  std::shared_ptr<const AddressSet> set_;
};

}  // namespace sallyport::http_door
