#pragma once
// An H2Server that tests talk to in frames made by hand.

#include <cctype>
#include <optional>

#include <gmock/gmock.h>

#include "engine/http/h2_server.h"
#include "tests/engine/http/h2_peer.h"

namespace sallyport::http_door {

inline constexpr std::uint8_t kEndStream = NGHTTP2_FLAG_END_STREAM;
inline constexpr std::uint8_t kEndHeaders = NGHTTP2_FLAG_END_HEADERS;
inline constexpr std::uint8_t kWhole = kEndStream | kEndHeaders;
inline constexpr std::uint8_t kPadded = NGHTTP2_FLAG_PADDED;
inline constexpr std::uint8_t kAck = NGHTTP2_FLAG_ACK;

struct SeenFrame {
  std::uint8_t type;
  std::uint8_t flags;
  std::uint32_t stream;
  std::string payload;
};

inline std::uint32_t number(std::string_view octets) {
  std::uint32_t value = 0;
  for (const char c : octets) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

inline std::vector<SeenFrame> split(std::string_view octets) {
  std::vector<SeenFrame> frames;
  while (octets.size() >= 9) {
    const std::size_t length = number(octets.substr(0, 3));
    frames.push_back({static_cast<std::uint8_t>(octets[3]), static_cast<std::uint8_t>(octets[4]),
                      number(octets.substr(5, 4)), std::string(octets.substr(9, length))});
    octets.remove_prefix(9 + length);
  }
  return frames;
}

/// One server, fed with frames.
class Talk final : public H2Requests {
 public:
  explicit Talk(bool greet = true) {
    if (greet) send(std::string(kPreface) + frame(NGHTTP2_SETTINGS, 0, 0, ""));
  }
  ~Talk() {
    server_.lost();
    server_.deliver();
    EXPECT_EQ(server_.open_requests(), 0u);
  }

  void send(std::string_view octets) {
    while (!octets.empty()) {
      const auto some = octets.substr(0, 16'384);
      for (const auto slice : buffers_.slices(some)) server_.receive(slice, now_ms_);
      octets.remove_prefix(some.size());
    }
    for (int i = 0; i < 3; ++i) {
      server_.deliver();
      server_.flush(wire_);
    }
    for (SeenFrame& seen : split(wire_.take())) frames_.push_back(std::move(seen));
  }

  std::optional<std::uint32_t> goaway() const {
    for (const auto& seen : frames_) {
      if (seen.type == NGHTTP2_GOAWAY) return number(std::string_view(seen.payload).substr(4, 4));
    }
    return {};
  }
  std::optional<std::uint32_t> reset(std::uint32_t stream) const {
    for (const auto& seen : frames_) {
      if (seen.type == NGHTTP2_RST_STREAM && seen.stream == stream) return number(seen.payload);
    }
    return {};
  }
  std::size_t count(std::uint8_t type, std::uint8_t flags = 0) const {
    return static_cast<std::size_t>(std::ranges::count_if(frames_, [&](const SeenFrame& seen) {
      return seen.type == type && (seen.flags & flags) == flags;
    }));
  }
  /// It answers a PING, so the connection goes on.
  bool alive() {
    const std::size_t before = count(NGHTTP2_PING, kAck);
    send(frame(NGHTTP2_PING, 0, 0, "are you "));
    return count(NGHTTP2_PING, kAck) == before + 1 && !goaway();
  }

  ExchangeEvents* begin_request(ClientSide& side, http::RequestHead& head, bool) override {
    auto& exchange = *exchanges_.emplace_back(std::make_unique<NotingExchange>(buffers_));
    exchange.side = &side;
    std::swap(exchange.request, head);
    return &exchange;
  }
  ExchangeEvents* refuse_request(ClientSide& side, http::RequestHead&, std::uint16_t status,
                                 std::string_view) override {
    statuses_.push_back(status);
    http::ResponseHead head;
    head.status = status;
    side.respond(head, false);
    side.respond_end(nullptr);
    return nullptr;
  }
  void needs_turn() noexcept override {}

  H2Buffers buffers_;
  MemoryWire wire_{buffers_};
  H2Server server_{buffers_.pool(),
                   *this,
                   {.head = {.max_head_octets = 4096, .max_fields = 50, .max_target_octets = 1000},
                    .max_streams = 4}};
  std::vector<SeenFrame> frames_;
  std::vector<std::unique_ptr<NotingExchange>> exchanges_;
  std::vector<std::uint16_t> statuses_;
  std::uint64_t now_ms_ = 1000;
};

inline std::string headers(std::uint32_t stream, const FieldList& fields,
                           std::uint8_t flags = kWhole) {
  Hpack hpack;
  return frame(NGHTTP2_HEADERS, flags, stream, hpack.block(fields));
}

inline std::string setting(std::uint16_t id, std::uint32_t value) {
  return frame(NGHTTP2_SETTINGS, 0, 0, big_endian(id, 2) + big_endian(value));
}

struct Case {
  std::string name;
  std::string octets;
  enum class End { fine, connection, stream } end;
  std::uint32_t error = 0;
};

inline std::string name_of(const testing::TestParamInfo<Case>& info) {
  std::string name;
  for (const char c : info.param.name) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

/// kGet with one field changed or added.
inline FieldList with(std::string_view name, std::string_view value) {
  FieldList fields = kGet;
  for (auto& field : fields) {
    if (field.first == name) {
      field.second = value;
      return fields;
    }
  }
  fields.emplace_back(name, value);
  return fields;
}
inline FieldList without(std::string_view name) {
  FieldList fields = kGet;
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}
inline FieldList twice(std::string_view name) {
  FieldList fields = kGet;
  for (const auto& field : kGet) {
    if (field.first == name) fields.push_back(field);
  }
  return fields;
}
inline FieldList joined(FieldList fields, const FieldList& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

}  // namespace sallyport::http_door
