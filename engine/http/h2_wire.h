#pragma once
// Where an HTTP/2 connection's octets go: the byte stream that it was accepted or opened on, or a
// test's memory.

#include "engine/ring/buffer_pool.h"
#include "engine/ring/streams.h"
#include "protocol/octets.h"

namespace sallyport::http_door {

class H2Wire {
 public:
  virtual void send(Octets octets) = 0;      ///< copied
  virtual void send(ring::Slice slice) = 0;  ///< takes the slice over
  [[nodiscard]] virtual bool writable() const = 0;

 protected:
  ~H2Wire() = default;
};

class H2StreamWire final : public H2Wire {
 public:
  H2StreamWire(ring::Streams& streams, ring::StreamId stream)
      : streams_(streams), stream_(stream) {}
  void send(Octets octets) override { streams_.send(stream_, octets); }
  void send(ring::Slice slice) override { streams_.send(stream_, slice); }
  [[nodiscard]] bool writable() const override { return streams_.writable(stream_); }

 private:
  ring::Streams& streams_;
  ring::StreamId stream_;
};

}  // namespace sallyport::http_door
