// TLS on a stream.

#include "engine/ring/streams_core.h"

namespace sallyport::ring {

void Streams::start_tls(StreamId, TlsServerContext&) {}
bool Streams::is_tls(StreamId) const noexcept { return false; }
std::string_view Streams::alpn(StreamId) const noexcept { return {}; }
std::string_view Streams::sni(StreamId) const noexcept { return {}; }

}  // namespace sallyport::ring
