#pragma once
// TLS 1.2 and 1.3 (RFC 5246, RFC 8446) without I/O, by BoringSSL: octets in, octets out. A context
// opens sessions; a session turns ciphertext into plaintext and back, wherever the octets come
// from. Off on purpose: renegotiation, compression and 0-RTT (early data can be replayed, RFC 8446
// §8).

#include "engine/ring/tls_client.h"
#include "engine/ring/tls_server.h"
#include "engine/ring/tls_session.h"
