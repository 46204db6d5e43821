#include "verify/store/redis_tls.h"

#include <cerrno>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "protocol/check.h"
#include "protocol/ip_address.h"

namespace sallyport::verify {
namespace {

constexpr const char* kSystemCaFile = "/etc/ssl/certs/ca-certificates.crt";

// BoringSSL's own BIO of a socket raises SIGPIPE when the peer is gone.

int socket_of(BIO* bio) noexcept {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int read_socket(BIO* bio, char* out, int room) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(socket_of(bio), out, static_cast<std::size_t>(room), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

int write_socket(BIO* bio, const char* data, int length) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(socket_of(bio), data, static_cast<std::size_t>(length), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* method() noexcept {
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* const fresh = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");
    CHECK(fresh != nullptr);
    CHECK(BIO_meth_set_read(fresh, read_socket) == 1);
    CHECK(BIO_meth_set_write(fresh, write_socket) == 1);
    CHECK(BIO_meth_set_ctrl(fresh, control) == 1);
    return fresh;
  }();
  return made;
}

}  // namespace

std::expected<std::shared_ptr<const RedisTls>, std::string> RedisTls::load(
    const RedisSettings& settings) {
  auto tls = std::make_shared<RedisTls>();
  tls->server_name_ = settings.server_name;
  tls->context_.reset(SSL_CTX_new(TLS_method()));
  SSL_CTX* const context = tls->context_.get();
  CHECK(context != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  const std::string ca = settings.ca_file.empty() ? kSystemCaFile : settings.ca_file;
  if (SSL_CTX_load_verify_locations(context, ca.c_str(), nullptr) != 1) {
    return std::unexpected(
        ca + ": no trusted certificates can be read from it: " + take_tls_error(nullptr));
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (settings.certificate_file.empty()) return tls;
  const std::string& key =
      settings.key_file.empty() ? settings.certificate_file : settings.key_file;
  if (SSL_CTX_use_certificate_chain_file(context, settings.certificate_file.c_str()) != 1) {
    return std::unexpected(settings.certificate_file +
                           ": our certificate cannot be read: " + take_tls_error(nullptr));
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return std::unexpected(key + ": our certificate's key cannot be read, or is of another: " +
                           take_tls_error(nullptr));
  }
  return tls;
}

bssl::UniquePtr<SSL> RedisTls::session(int socket, const std::string& host) const {
  bssl::UniquePtr<SSL> ssl(SSL_new(context_.get()));
  BIO* const bio = BIO_new(method());
  CHECK(ssl && bio != nullptr);
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_connect_state(ssl.get());
  // The order of a pooled connection's writes is ours: a retried one is the same text elsewhere.
  SSL_set_mode(ssl.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
  const std::string& name = server_name_.empty() ? host : server_name_;
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl.get());
  if (const auto address = IpAddress::parse(name)) {  // RFC 6066 §3: an address is no SNI
    const Octets octets = Octets(address->octets).subspan(address->is_v4() ? 12 : 0);
    CHECK(X509_VERIFY_PARAM_set1_ip(wanted, octets.data(), octets.size()) == 1);
  } else {
    // A name that cannot be one makes verification fail, whatever the peer shows.
    X509_VERIFY_PARAM_set_hostflags(
        wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size());
    SSL_set_tlsext_host_name(ssl.get(), name.c_str());
    ERR_clear_error();
  }
  return ssl;
}

std::string take_tls_error(const SSL* ssl) {
  const long verified = ssl == nullptr ? X509_V_OK : SSL_get_verify_result(ssl);
  const std::uint32_t error = ERR_peek_last_error();
  const char* const reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  std::string text = reason == nullptr ? "the connection was closed" : reason;
  if (verified != X509_V_OK) text = X509_verify_cert_error_string(verified);
  ERR_clear_error();
  return text;
}

}  // namespace sallyport::verify
