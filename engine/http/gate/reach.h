#pragma once
// How users are found and reached: the directories and the messenger of now, which a reload
// replaces while others work with them. Any thread, but where another is named.

#include <algorithm>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/config/gate.h"
#include "engine/http/gate/status.h"
#include "verify/channels/messenger.h"
#include "verify/users/directory.h"

namespace sallyport::http_door {

using DirectoryPointer = std::shared_ptr<verify::Directory>;
using MessengerPointer = std::shared_ptr<verify::Messenger>;

// Main thread. An error is one line that says what to mend.
[[nodiscard]] std::expected<DirectoryPointer, std::string> make_directories(
    const config::Gate& gate);
/// Started. Null: no channel is configured.
[[nodiscard]] std::expected<MessengerPointer, std::string> make_messenger(const config::Gate& gate);

/// The directory of now. A look-up that is under way ends with the one it began with.
class DirectoryOfNow final : public verify::Directory {
 public:
  void use(DirectoryPointer directory) {
    const std::scoped_lock lock(mutex_);
    directory_ = std::move(directory);
  }
  [[nodiscard]] std::expected<std::optional<verify::User>, std::string> find(
      std::string_view id) override {
    return current()->find(id);
  }

 private:
  [[nodiscard]] DirectoryPointer current() const {
    const std::scoped_lock lock(mutex_);
    return directory_;
  }
  mutable std::mutex mutex_;
  DirectoryPointer directory_;
};

/// The messenger of now, and those before it until they have sent what they were given.
class MessengerOfNow final : public verify::MessageSink {
 public:
  void use(MessengerPointer messenger) {
    const std::scoped_lock lock(mutex_);
    if (messenger_ != nullptr) former_.push_back(std::move(messenger_));
    messenger_ = std::move(messenger);
  }
  [[nodiscard]] bool post(verify::Message message) override {
    const MessengerPointer messenger = current();
    return messenger != nullptr && messenger->post(std::move(message));
  }
  [[nodiscard]] bool reaches(verify::MessageKind kind, const verify::User& user) const override {
    const MessengerPointer messenger = current();
    return messenger != nullptr && messenger->reaches(kind, user);
  }
  [[nodiscard]] MessengerPointer current() const {
    const std::scoped_lock lock(mutex_);
    return messenger_;
  }
  [[nodiscard]] std::optional<MessageStatus> status() const {
    const MessengerPointer messenger = current();
    if (messenger == nullptr) return std::nullopt;
    return MessageStatus{.channels = messenger->counts(), .queued = messenger->queued()};
  }
  void free_idle() {
    std::vector<MessengerPointer> idle;
    const std::scoped_lock lock(mutex_);
    const auto done = std::ranges::partition(
        former_, [](const MessengerPointer& messenger) { return messenger->queued() > 0; });
    idle.assign(done.begin(), done.end());
    former_.erase(done.begin(), done.end());
  }
  void end() {
    const std::scoped_lock lock(mutex_);
    messenger_.reset();
    former_.clear();
  }

 private:
  mutable std::mutex mutex_;
  MessengerPointer messenger_;
  std::vector<MessengerPointer> former_;
};

}  // namespace sallyport::http_door
