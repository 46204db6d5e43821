#include "tests/engine/ring/tls_world.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "protocol/check.h"
#include "protocol/ip_address.h"

namespace sallyport::ring {
namespace {

bssl::UniquePtr<EVP_PKEY> make_key(KeyKind kind) {
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (kind == KeyKind::ecdsa) {
    EC_KEY* const ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    CHECK(EC_KEY_generate_key(ec) == 1 && EVP_PKEY_assign_EC_KEY(key.get(), ec) == 1);
  } else if (kind == KeyKind::ed25519) {
    std::uint8_t seed[32];
    RAND_bytes(seed, sizeof(seed));
    key.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed, sizeof(seed)));
  } else {
    RSA* const rsa = RSA_new();
    const bssl::UniquePtr<BIGNUM> exponent(BN_new());
    CHECK(BN_set_word(exponent.get(), RSA_F4) == 1);
    CHECK(RSA_generate_key_ex(rsa, 2048, exponent.get(), nullptr) == 1);
    CHECK(EVP_PKEY_assign_RSA(key.get(), rsa) == 1);
  }
  return key;
}

std::string text_of(BIO* bio) {
  const std::uint8_t* data = nullptr;
  std::size_t octets = 0;
  CHECK(BIO_mem_contents(bio, &data, &octets) == 1);
  return std::string(as_text({data, octets}));
}

std::string pem_of(X509* certificate) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return text_of(bio.get());
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  std::string text = value;
  const bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, &context, nid, text.data()));
  CHECK(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

bssl::UniquePtr<X509> begin_certificate(EVP_PKEY* key, const std::string& subject,
                                        const CertificateWish& wish) {
  bssl::UniquePtr<X509> certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<std::uint8_t*>(&serial), 4);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial + 1);
  const std::time_t now = std::time(nullptr);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), now + wish.begins_s);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), now + wish.ends_s);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             as_octets(subject).data(), static_cast<int>(subject.size()), -1, 0);
  CHECK(X509_set_pubkey(certificate.get(), key) == 1);
  return certificate;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sallyport-tls-XXXXXX").string();
  CHECK(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(std::string_view name, std::string_view text) const {
  std::ofstream(file(name), std::ios::binary) << text;
  std::filesystem::permissions(
      file(name), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return file(name);
}

TestAuthority::TestAuthority() : key_(make_key(KeyKind::ecdsa)) {
  certificate_ = begin_certificate(key_.get(), "Test Authority", {});
  CHECK(X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get())) == 1);
  add_extension(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
  CHECK(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
}

std::string TestAuthority::pem() const { return pem_of(certificate_.get()); }

std::pair<std::string, std::string> TestAuthority::issue(const CertificateWish& wish) const {
  const bssl::UniquePtr<EVP_PKEY> key = make_key(wish.kind);
  const bssl::UniquePtr<X509> certificate =
      begin_certificate(key.get(), wish.names.empty() ? "nobody" : wish.names.front(), wish);
  CHECK(X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get())) == 1);
  std::string alternatives;
  for (const std::string& name : wish.names) {
    if (!alternatives.empty()) alternatives += ",";
    alternatives += (IpAddress::parse(name) ? "IP:" : "DNS:") + name;
  }
  if (!alternatives.empty()) {
    add_extension(certificate.get(), NID_subject_alt_name, alternatives);
  }
  CHECK(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0);
  return {pem_of(certificate.get()), pem_of(key.get())};
}

TlsCertificateFiles TestAuthority::issue_files(const TemporaryFolder& folder, std::string_view name,
                                               const CertificateWish& wish) const {
  const auto [certificate, key] = issue(wish);
  return {.certificate_file = folder.write(std::string(name) + ".crt", certificate),
          .key_file = folder.write(std::string(name) + ".key", key)};
}

std::pair<std::string, std::string> self_signed(const std::string& name, bool authority) {
  const bssl::UniquePtr<EVP_PKEY> key = make_key(KeyKind::ecdsa);
  const bssl::UniquePtr<X509> certificate = begin_certificate(key.get(), name, {.names = {name}});
  CHECK(X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())) == 1);
  add_extension(certificate.get(), NID_basic_constraints, authority ? "CA:TRUE" : "CA:FALSE");
  add_extension(certificate.get(), NID_subject_alt_name, "DNS:" + name);
  CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  return {pem_of(certificate.get()), pem_of(key.get())};
}

MutableOctets Wire::room() noexcept {
  if (filled_ == buffer_.size()) {
    if (rooms == 0) return {};
    if (rooms != SIZE_MAX) --rooms;
    buffer_.assign(room_each, 0);
    filled_ = 0;
  }
  return MutableOctets(buffer_).subspan(filled_);
}

void Wire::written(std::size_t count) noexcept {
  CHECK(count > 0 && filled_ + count <= buffer_.size());
  const auto from = buffer_.begin() + static_cast<std::ptrdiff_t>(filled_);
  octets.insert(octets.end(), from, from + static_cast<std::ptrdiff_t>(count));
  filled_ += count;
}

std::vector<std::uint8_t> Wire::take(std::size_t most) {
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, octets.size()));
  std::vector<std::uint8_t> taken(octets.begin(), octets.begin() + count);
  octets.erase(octets.begin(), octets.begin() + count);
  return taken;
}

bool Pair::shake_hands() {
  const auto turn = [this](TlsSession& session, Wire& in, Wire& out) {
    const std::vector<std::uint8_t> arrived = in.take(fragment);
    Octets ciphertext(arrived);
    const TlsStatus status = session.handshake(ciphertext, out);
    in.octets.insert(in.octets.begin(), ciphertext.begin(), ciphertext.end());
    return status;
  };
  for (int turns = 0; turns < 100'000; ++turns) {
    const TlsStatus of_client = turn(client, to_client, to_server);
    const TlsStatus of_server = turn(server, to_server, to_client);
    if (of_client == TlsStatus::failed || of_server == TlsStatus::failed) {
      // The other one hears of it.
      if (of_client == TlsStatus::failed) (void)turn(server, to_server, to_client);
      (void)turn(client, to_client, to_server);
      return false;
    }
    if (of_client == TlsStatus::ok && of_server == TlsStatus::ok) return true;
  }
  return false;
}

std::string Pair::read(TlsSession& session, TlsStatus* status) {
  Wire& in = &session == &client ? to_client : to_server;
  Wire& out = &session == &client ? to_server : to_client;
  std::string text;
  std::uint8_t plain[1000];
  for (;;) {
    const std::vector<std::uint8_t> arrived = in.take(fragment);
    Octets ciphertext(arrived);
    const TlsSession::Progress progress = session.read(ciphertext, plain, out);
    in.octets.insert(in.octets.begin(), ciphertext.begin(), ciphertext.end());
    text += as_text(Octets(plain).first(progress.octets));
    if (progress.status == TlsStatus::ok) continue;
    if (progress.status == TlsStatus::want_input && !in.octets.empty()) continue;
    if (status != nullptr) *status = progress.status;
    return text;
  }
}

TlsStatus Pair::send(TlsSession& session, std::string_view text) {
  return session.write(as_octets(text), &session == &client ? to_server : to_client).status;
}

Stranger::Stranger() : context_(SSL_CTX_new(TLS_method())) {}

SSL* Stranger::ssl() {
  if (!ssl_) {
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_connect_state(ssl_.get());
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  }
  return ssl_.get();
}

void Stranger::name(std::string_view sni) {
  CHECK(SSL_set_tlsext_host_name(ssl(), std::string(sni).c_str()) == 1);
}

void Stranger::protocols(std::string_view alpn) {
  CHECK(SSL_set_alpn_protos(ssl(), as_octets(alpn).data(), static_cast<unsigned>(alpn.size())) ==
        0);
}

bool Stranger::shake_hands(TlsSession& server) {
  Wire to_us;
  for (int turns = 0; turns < 10; ++turns) {
    const int result = SSL_do_handshake(ssl());
    const std::string sent = text_of(SSL_get_wbio(ssl()));
    CHECK(BIO_reset(SSL_get_wbio(ssl())) == 1);
    Octets ciphertext = as_octets(sent);
    const TlsStatus status = server.handshake(ciphertext, to_us);
    const std::vector<std::uint8_t> answer = to_us.take(SIZE_MAX);
    if (!answer.empty()) {
      BIO_write(SSL_get_rbio(ssl()), answer.data(), static_cast<int>(answer.size()));
    }
    if (result == 1 && status == TlsStatus::ok) return true;
    if (status == TlsStatus::failed) {
      (void)SSL_do_handshake(ssl());
      return false;
    }
  }
  return false;
}

bool Stranger::shown(std::string_view dns_name) const {
  const bssl::UniquePtr<X509> leaf(SSL_get_peer_certificate(ssl_.get()));
  return leaf && X509_check_host(leaf.get(), dns_name.data(), dns_name.size(),
                                 X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1;
}

int Stranger::key_type() const {
  const bssl::UniquePtr<X509> leaf(SSL_get_peer_certificate(ssl_.get()));
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(leaf.get()));
  return EVP_PKEY_id(key.get());
}

}  // namespace sallyport::ring
