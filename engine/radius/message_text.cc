#include "engine/radius/message_text.h"

#include <optional>

#include "protocol/ascii.h"

namespace sallyport::radius_door {
namespace {

using Digits = std::array<char, 2>;

std::optional<std::string_view> value_of(std::string_view placeholder, const SenderNote& note,
                                         std::string_view client,
                                         std::string_view number) noexcept {
  if (placeholder == "{user}") return note.user.view();
  if (placeholder == "{client}") return client;
  if (placeholder == "{calling_station}") return note.calling_station.view();
  if (placeholder == "{nas}") return note.nas.view();
  if (placeholder == "{number}") return number;
  return std::nullopt;
}

class Writer {
 public:
  explicit Writer(MessageRoom& room) : room_(room) {}

  void add(std::string_view text) noexcept {
    for (const char c : text) {
      if (is_control(c)) continue;
      if (size_ == room_.size()) {
        full_ = true;
        return;
      }
      room_[size_++] = c;
    }
  }
  /// Without a character of which only the front had room.
  [[nodiscard]] std::string_view text() const noexcept {
    std::size_t size = size_;
    if (full_) {
      while (size > 0 && (static_cast<unsigned char>(room_[size - 1]) & 0xc0) == 0x80) --size;
      if (size > 0 && (static_cast<unsigned char>(room_[size - 1]) & 0x80) != 0) --size;
    }
    return {room_.data(), size};
  }

 private:
  MessageRoom& room_;
  std::size_t size_ = 0;
  bool full_ = false;
};

}  // namespace

std::string_view render_message(std::string_view text, const SenderNote& note,
                                std::string_view client, std::uint8_t number,
                                MessageRoom& room) noexcept {
  const Digits digits = {static_cast<char>('0' + number / 10),
                         static_cast<char>('0' + number % 10)};
  const std::string_view number_text(digits.data(), number == 0 ? 0 : digits.size());
  Writer writer(room);
  while (!text.empty()) {
    const auto open = text.find('{');
    writer.add(text.substr(0, open));
    if (open == std::string_view::npos) break;
    const auto close = text.find('}', open);
    const std::string_view placeholder =
        text.substr(open, close == std::string_view::npos ? close : close - open + 1);
    writer.add(value_of(placeholder, note, client, number_text).value_or(placeholder));
    text.remove_prefix(open + placeholder.size());
  }
  return writer.text();
}

}  // namespace sallyport::radius_door
