// TLS on a stream: ciphertext is decrypted as it arrives and encrypted when it is about to be sent,
// so that what its owner has queued by then shares records.

#include <algorithm>
#include <array>
#include <utility>

#include "engine/ring/streams_core.h"
#include "protocol/check.h"

namespace sallyport::ring {
namespace {

/// Plaintext encrypted for one send.
constexpr std::uint32_t kEncryptOctets = 128 * 1024;

StreamError judge_tls_error(TlsError error) noexcept {
  switch (error) {
    case TlsError::certificate: return StreamError::tls_certificate;
    case TlsError::handshake: return StreamError::tls_handshake;
    case TlsError::broken:
    case TlsError::none: break;
  }
  return StreamError::other;
}

}  // namespace

/// Puts ciphertext behind what the stream has to send.
class Streams::Impl::CipherSink final : public TlsSink {
 public:
  CipherSink(Impl& impl, Stream& stream) noexcept : impl_(impl), stream_(stream) {}
  ~CipherSink() {
    if (fresh_.buffer != Slice::kNone) impl_.buffers.release(fresh_);
    if (!stream_.out.empty()) impl_.want_sent(stream_);
  }
  CipherSink(const CipherSink&) = delete;
  CipherSink& operator=(const CipherSink&) = delete;

  MutableOctets room() noexcept override {
    if (const std::size_t behind = impl_.room_behind(stream_.out)) {
      const Slice& last = impl_.nodes.back(stream_.out);
      return impl_.buffers.writable({.buffer = last.buffer,
                                     .offset = last.offset + last.length,
                                     .length = static_cast<std::uint32_t>(behind)});
    }
    if (fresh_.buffer == Slice::kNone) fresh_ = impl_.buffers.allocate();
    if (fresh_.buffer == Slice::kNone) {
      starved_ = true;
      return {};
    }
    return impl_.buffers.writable(fresh_);
  }
  void written(std::size_t octets) noexcept override {
    const auto length = static_cast<std::uint32_t>(octets);
    if (fresh_.buffer != Slice::kNone) {
      fresh_.length = length;
      impl_.nodes.push(stream_.out, std::exchange(fresh_, Slice{}));
    } else {
      impl_.nodes.back(stream_.out).length += length;
    }
    stream_.out_octets += length;
  }
  [[nodiscard]] bool starved() const noexcept { return starved_; }

 private:
  Impl& impl_;
  Stream& stream_;
  Slice fresh_;  ///< offered as room, nothing written yet
  bool starved_ = false;
};

// --- The handshake ---------------------------------------------------------------------------

void Streams::Impl::start_tls(Stream& stream, std::unique_ptr<StreamTls> tls) noexcept {
  if (stream.state != StreamState::open) return;  // it broke meanwhile, and its owner will hear
  CHECK(stream.tls == nullptr && stream.out.empty());
  stream.tls = std::move(tls);
  std::swap(stream.in, stream.tls->cipher);
  stream.in_octets = 0;
  decrypt(stream);
  if (stream.peer_ended && stream.state == StreamState::open) tls_ended(stream);
}

/// A client's first flight.
void Streams::Impl::shake_hands(Stream& stream) noexcept {
  TlsStatus status = TlsStatus::ok;
  {
    CipherSink sink(*this, stream);
    Octets nothing;
    status = stream.tls->session.handshake(nothing, sink);
    if (sink.starved()) return fail(stream, StreamError::no_buffers);
  }
  if (status == TlsStatus::failed) tls_failed(stream);
}

// --- Octets in -------------------------------------------------------------------------------

void Streams::Impl::decrypt(Stream& stream) noexcept {
  StreamTls& tls = *stream.tls;
  while (!tls.cipher.empty()) {
    const Slice slice = nodes.front(tls.cipher);
    Octets cipher = buffers.octets(slice);
    const TlsStatus status = tls.peer_closed ? TlsStatus::closed : decrypt_some(stream, cipher);
    if (stream.state != StreamState::open) return;
    switch (status) {
      case TlsStatus::ok: {  // more can follow, also out of this slice
        Slice& rest = nodes.front(tls.cipher);
        rest.offset += rest.length - static_cast<std::uint32_t>(cipher.size());
        rest.length = static_cast<std::uint32_t>(cipher.size());
        continue;
      }
      case TlsStatus::want_input: buffers.release(nodes.pop(tls.cipher)); continue;
      case TlsStatus::closed:
        drop(tls.cipher);
        if (!std::exchange(tls.peer_closed, true)) note(stream, StreamEventKind::ended);
        return;
      case TlsStatus::want_room: return fail(stream, StreamError::no_buffers);
      case TlsStatus::failed: return tls_failed(stream);
    }
  }
}

/// Decrypts from the front of `cipher` into one buffer behind what is there.
TlsStatus Streams::Impl::decrypt_some(Stream& stream, Octets& cipher) noexcept {
  StreamTls& tls = *stream.tls;
  CipherSink sink(*this, stream);
  if (!tls.session.established()) {
    const TlsStatus status = tls.session.handshake(cipher, sink);
    if (status != TlsStatus::ok) return sink.starved() ? TlsStatus::want_room : status;
    note(stream, StreamEventKind::connected);
    want_sent(stream);  // what was queued before
  }
  const std::size_t behind = room_behind(stream.in);
  if (behind >= kCopyOctets) {
    Slice& last = nodes.back(stream.in);
    const auto progress =
        tls.session.read(cipher,
                         buffers.writable({.buffer = last.buffer,
                                           .offset = last.offset + last.length,
                                           .length = static_cast<std::uint32_t>(behind)}),
                         sink);
    last.length += static_cast<std::uint32_t>(progress.octets);
    if (progress.octets > 0) appended(stream, progress.octets);
    return progress.status;
  }
  Slice fresh = buffers.allocate();
  if (fresh.buffer == Slice::kNone) return TlsStatus::want_room;
  const auto progress = tls.session.read(cipher, buffers.writable(fresh), sink);
  if (progress.octets == 0 || stream.state != StreamState::open) {
    buffers.release(fresh);
    return progress.status;
  }
  fresh.length = static_cast<std::uint32_t>(progress.octets);
  nodes.push(stream.in, fresh);
  appended(stream, progress.octets);
  return progress.status;
}

/// The connection below has ended.
void Streams::Impl::tls_ended(Stream& stream) noexcept {
  if (stream.tls->peer_closed) return;
  fail(stream,
       stream.tls->session.established() ? StreamError::truncated : StreamError::tls_handshake);
}

// --- Octets out ------------------------------------------------------------------------------

void Streams::Impl::encrypt(Stream& stream) noexcept {
  StreamTls& tls = *stream.tls;
  if (!tls.session.established()) return;
  while (!tls.plain.empty()) {
    std::array<Octets, kSendPieces> pieces;
    std::size_t count = 0;
    std::uint32_t octets = 0;
    nodes.walk(tls.plain, [&](const Slice& slice) {
      pieces[count++] = buffers.octets(slice);
      octets += slice.length;
      return count < kSendPieces && octets < kEncryptOctets;
    });
    CipherSink sink(*this, stream);
    const auto progress = tls.session.write(std::span(pieces).first(count), sink);
    stream.out_octets -= static_cast<std::uint32_t>(progress.octets);
    skip(tls.plain, progress.octets);
    if (sink.starved()) return fail(stream, StreamError::no_buffers);
    if (progress.status != TlsStatus::ok) return fail(stream, StreamError::other);
    if (octets >= kEncryptOctets) return;
  }
}

void Streams::Impl::notify_close(Stream& stream) noexcept {
  stream.tls->close_notified = true;
  CipherSink sink(*this, stream);
  // Without it the peer takes what he got for truncated, and that it may be.
  static_cast<void>(stream.tls->session.close_notify(sink));
}

// --- Failures --------------------------------------------------------------------------------

/// Not by force: an alert is queued that tells the peer why.
void Streams::Impl::tls_failed(Stream& stream) noexcept {
  stream.error = judge_tls_error(stream.tls->session.error());
  stream.alerting = true;
  stream.end_wanted = true;
  stream.tls->close_notified = true;
  drop(stream.tls->plain);
  drop(stream.tls->cipher);
  enter(stream, StreamState::failed);
  note(stream, StreamEventKind::failed);
  want_sent(stream);
}

// --- The public face -------------------------------------------------------------------------

void Streams::start_tls(StreamId stream, TlsServerContext& context) {
  Stream* const found = impl_->find(stream);
  if (found != nullptr) impl_->start_tls(*found, std::make_unique<StreamTls>(context.open()));
}

bool Streams::is_tls(StreamId stream) const noexcept {
  const Stream* const found = impl_->find(stream);
  return found != nullptr && found->tls != nullptr;
}

std::string_view Streams::alpn(StreamId stream) const noexcept {
  return is_tls(stream) ? impl_->find(stream)->tls->session.alpn() : std::string_view{};
}

Octets Streams::peer_certificate(StreamId stream) const noexcept {
  return is_tls(stream) ? impl_->find(stream)->tls->session.peer_certificate() : Octets{};
}

TlsPskPeer Streams::psk_peer(StreamId stream) const noexcept {
  return is_tls(stream) ? impl_->find(stream)->tls->session.psk_peer() : TlsPskPeer{};
}

std::string_view Streams::sni(StreamId stream) const noexcept {
  return is_tls(stream) ? impl_->find(stream)->tls->session.sni() : std::string_view{};
}

bool Streams::tls_resumed(StreamId stream) const noexcept {
  return is_tls(stream) && impl_->find(stream)->tls->session.resumed();
}

std::string_view Streams::tls_version(StreamId stream) const noexcept {
  return is_tls(stream) ? impl_->find(stream)->tls->session.version() : std::string_view{};
}

TlsCertificateFault Streams::certificate_fault(StreamId stream) const noexcept {
  return is_tls(stream) ? impl_->find(stream)->tls->session.certificate_fault()
                        : TlsCertificateFault::none;
}

std::string Streams::tls_error_text(StreamId stream) const {
  return is_tls(stream) ? impl_->find(stream)->tls->session.error_text() : std::string{};
}

}  // namespace sallyport::ring
