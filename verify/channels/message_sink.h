#pragma once
// Where messages to users are handed in. The messenger is one; tests have another.

#include <cstdint>

namespace sallyport::verify {

struct Message;
struct User;
enum class MessageKind : std::uint8_t;

class MessageSink {
 public:
  virtual ~MessageSink() = default;
  /// Any thread; does not wait. False: there is no room, and the message is not sent.
  [[nodiscard]] virtual bool post(Message message) = 0;
  /// Any thread; does not wait. Whether a channel carries such messages, and knows of the user what
  /// it needs: a mail address, a number.
  [[nodiscard]] virtual bool reaches(MessageKind /*kind*/, const User& /*user*/) const {
    return true;
  }
};

}  // namespace sallyport::verify
