#include "tests/engine/http/h2_peer.h"

#include <algorithm>

namespace sallyport::http_door {
namespace {

std::vector<nghttp2_nv> name_values(const FieldList& fields) {
  std::vector<nghttp2_nv> out;
  for (const auto& [name, value] : fields) {
    out.push_back({.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                   .value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
                   .namelen = name.size(),
                   .valuelen = value.size(),
                   .flags = NGHTTP2_NV_FLAG_NONE});
  }
  return out;
}

}  // namespace

H2Buffers::H2Buffers() {
  auto ring = ring::Ring::open({});
  EXPECT_TRUE(ring) << ring.error();
  ring_ = std::move(*ring);
  ring_->enable();
  auto pool = ring::BufferPool::open(*ring_, {.lent = 16, .most = 1024});
  EXPECT_TRUE(pool) << pool.error();
  pool_ = std::move(*pool);
  before_ = pool_->in_use();
}

std::vector<ring::Slice> H2Buffers::slices(std::string_view octets, std::size_t most) {
  std::vector<ring::Slice> out;
  while (!octets.empty()) {
    ring::Slice slice = pool_->allocate();
    if (slice.buffer == ring::Slice::kNone) {
      ADD_FAILURE() << "no buffer is free";
      return out;
    }
    const std::size_t count = std::min({octets.size(), most, std::size_t{slice.length}});
    slice.length = static_cast<std::uint32_t>(count);
    copy_octets(as_octets(octets.substr(0, count)), pool_->writable(slice));
    octets.remove_prefix(count);
    out.push_back(slice);
  }
  return out;
}

std::string H2Buffers::take(ring::Slice slice) {
  std::string text(as_text(pool_->octets(slice)));
  pool_->release(slice);
  return text;
}

std::string text_of(const http::Fields& fields) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    text.append(fields[i].name).append(": ").append(fields[i].value).append("\n");
  }
  return text;
}

void NotingExchange::note_trailers(const http::Fields* fields) {
  if (fields != nullptr) trailers = text_of(*fields);
}

std::string big_endian(std::uint32_t value, int octets) {
  std::string out;
  for (int shift = (octets - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift);
  }
  return out;
}

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload) {
  std::string out = big_endian(static_cast<std::uint32_t>(payload.size()), 3);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  return out.append(big_endian(stream)).append(payload);
}

std::string Hpack::block(const FieldList& fields) {
  const auto list = name_values(fields);
  std::string out(nghttp2_hd_deflate_bound(deflater_, list.data(), list.size()), '\0');
  const ssize_t size = nghttp2_hd_deflate_hd(deflater_, reinterpret_cast<std::uint8_t*>(out.data()),
                                             out.size(), list.data(), list.size());
  EXPECT_GE(size, 0);
  out.resize(static_cast<std::size_t>(size));
  return out;
}

struct H2Peer::Callbacks {
  static H2Peer& self(void* user) { return *static_cast<H2Peer*>(user); }
  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).streams[frame->hd.stream_id].heads.emplace_back();
    return 0;
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_length, const std::uint8_t* value, std::size_t value_length,
                    std::uint8_t, void* user) {
    self(user).streams[frame->hd.stream_id].heads.back().emplace_back(
        std::string(as_text({name, name_length})), std::string(as_text({value, value_length})));
    return 0;
  }
  static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* octets,
                  std::size_t length, void* user) {
    self(user).streams[id].body += as_text({octets, length});
    return 0;
  }
  static int received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2Peer& me = self(user);
    const bool acknowledged = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS: {
        SeenStream& seen = me.streams[frame->hd.stream_id];
        if (!seen.heads.back().empty() && !seen.heads.back().front().first.starts_with(':')) {
          seen.trailers = seen.heads.back();
          seen.heads.pop_back();
        }
        [[fallthrough]];
      }
      case NGHTTP2_DATA:
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
          me.streams[frame->hd.stream_id].ended = true;
        }
        break;
      case NGHTTP2_GOAWAY:
        me.goaways.push_back(frame->goaway.error_code);
        me.goaway_last.push_back(frame->goaway.last_stream_id);
        break;
      case NGHTTP2_PING: me.pings += acknowledged ? 0 : 1; break;
      case NGHTTP2_SETTINGS: me.settings_acknowledged |= acknowledged; break;
      default: break;
    }
    return 0;
  }
  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    SeenStream& seen = self(user).streams[id];
    seen.closed = true;
    seen.error = error;
    return 0;
  }
  static ssize_t read(nghttp2_session* session, std::int32_t id, std::uint8_t* buffer,
                      std::size_t most, std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& outgoing = *static_cast<Outgoing*>(source->ptr);
    const std::size_t count = std::min(most, outgoing.body.size() - outgoing.at);
    std::copy_n(outgoing.body.data() + outgoing.at, count, buffer);
    outgoing.at += count;
    if (outgoing.at == outgoing.body.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!outgoing.trailers.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const auto list = name_values(outgoing.trailers);
        nghttp2_submit_trailer(session, id, list.data(), list.size());
      }
    }
    return static_cast<ssize_t>(count);
  }
};

H2Peer::H2Peer(bool server, std::vector<nghttp2_settings_entry> settings, bool auto_window) {
  nghttp2_session_callbacks* table = nullptr;
  nghttp2_session_callbacks_new(&table);
  nghttp2_session_callbacks_set_on_begin_headers_callback(table, Callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(table, Callbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table, Callbacks::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(table, Callbacks::received);
  nghttp2_session_callbacks_set_on_stream_close_callback(table, Callbacks::closed);
  nghttp2_option* options = nullptr;
  nghttp2_option_new(&options);
  nghttp2_option_set_no_auto_window_update(options, auto_window ? 0 : 1);
  nghttp2_option_set_no_http_messaging(options, 1);  // it may say what is wrong
  const auto open = server ? nghttp2_session_server_new2 : nghttp2_session_client_new2;
  open(&session_, table, this, options);
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(table);
  nghttp2_submit_settings(session_, 0, settings.data(), settings.size());
}

std::string H2Peer::output() {
  std::string out;
  for (;;) {
    const std::uint8_t* octets = nullptr;
    const ssize_t count = nghttp2_session_mem_send(session_, &octets);
    EXPECT_GE(count, 0);
    if (count <= 0) return out;
    out += as_text({octets, static_cast<std::size_t>(count)});
  }
}

ssize_t H2Peer::input(std::string_view octets) {
  return nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(octets.data()),
                                  octets.size());
}

nghttp2_data_provider H2Peer::provider(const std::string& body, const FieldList& trailers) {
  outgoing_.push_back({body, trailers});
  nghttp2_data_provider provider{};
  provider.source.ptr = &outgoing_.back();
  provider.read_callback = Callbacks::read;
  return provider;
}

std::int32_t H2Peer::request(const FieldList& fields, const std::string* body,
                             const FieldList& trailers) {
  const auto list = name_values(fields);
  nghttp2_data_provider source{};
  if (body != nullptr) source = provider(*body, trailers);
  return nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                body != nullptr ? &source : nullptr, nullptr);
}

void H2Peer::respond(std::int32_t id, const FieldList& fields, const std::string* body,
                     const FieldList& trailers) {
  const auto list = name_values(fields);
  nghttp2_data_provider source{};
  if (body != nullptr) source = provider(*body, trailers);
  EXPECT_EQ(nghttp2_submit_response(session_, id, list.data(), list.size(),
                                    body != nullptr ? &source : nullptr),
            0);
}

void H2Peer::interim(std::int32_t id, const FieldList& fields) {
  const auto list = name_values(fields);
  nghttp2_submit_headers(session_, 0, id, nullptr, list.data(), list.size(), nullptr);
}

void H2Peer::reset(std::int32_t id, std::uint32_t error) {
  nghttp2_submit_rst_stream(session_, 0, id, error);
}

}  // namespace sallyport::http_door
