#pragma once
// The part of the command line that speaks to the running daemon: `sallyport grants …` and
// `sallyport users …`. For command_line.cc alone: it is in CLI11's terms.

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "engine/config/command_line.h"

namespace sallyport::config {

class OperatorWords {
 public:
  /// Adds both commands to `app`, which outlives this.
  void define(CLI::App& app);
  [[nodiscard]] bool parsed() const { return grants_->parsed() || users_->parsed(); }
  /// What was asked, or what is wrong with it.
  [[nodiscard]] Command command() const;

 private:
  void define_grants(CLI::App& app);
  void define_users(CLI::App& app);
  void add_daemon(CLI::App& verb);
  [[nodiscard]] Command done(const CLI::App& verb, std::string line,
                             OperatorCommand::Print print) const;
  [[nodiscard]] Command list() const;
  [[nodiscard]] Command add() const;
  [[nodiscard]] Command revoke() const;

  CLI::App* grants_ = nullptr;
  CLI::App* list_ = nullptr;
  CLI::App* add_ = nullptr;
  CLI::App* revoke_ = nullptr;
  CLI::App* users_ = nullptr;
  std::string config_path_;
  std::string socket_;
  std::string id_;
  std::string address_;
  std::string user_;
  std::string for_;
  std::string reason_;
  bool all_ = false;
  bool json_ = false;
};

}  // namespace sallyport::config
