#include "engine/ring/tls_server.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "engine/ring/tls_certificate.h"
#include "engine/ring/tls_io.h"
#include "protocol/ascii.h"
#include "protocol/check.h"

namespace sallyport::ring {
namespace {

constexpr std::string_view kHttp2 = "h2";
constexpr std::string_view kHttp1 = "http/1.1";
constexpr std::string_view kAcme = "acme-tls/1";
/// What a ClientHello has that offers this protocol and no other (RFC 8737 §3), without the list's
/// own length.
constexpr std::string_view kAcmeOnly =
    "\x0a"
    "acme-tls/1";
constexpr std::size_t kMostNameOctets = 253;  ///< of a DNS name in text (RFC 1035 §2.3.4)

/// Certificates for one name, in the order in which visitors are offered them.
using Choice = std::vector<const TlsCertificate*>;

/// A host name from a stranger, fit to be looked up and to be part of a path: lower case, letters,
/// digits, '-' and '_' between single dots. Empty: it is none.
std::string host_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > kMostNameOctets) return {};
  std::string name;
  char before = '.';
  for (const char c : text) {
    const bool plain = is_letter_or_digit(c) || c == '-' || c == '_';
    if (!plain && (c != '.' || before == '.')) return {};
    name.push_back(to_lower(c));
    before = c;
  }
  return before == '.' ? std::string() : name;
}

bool asks_for_acme(const SSL_CLIENT_HELLO* hello) noexcept {
  const std::uint8_t* data = nullptr;
  std::size_t octets = 0;
  return SSL_early_callback_ctx_extension_get(
             hello, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &octets) == 1 &&
         octets > 2 && as_text(Octets(data, octets).subspan(2)) == kAcmeOnly;
}

/// Whether the suite of TlsPsk is among those that the client would take.
bool offers_key(const SSL_CLIENT_HELLO* hello) noexcept {
  CBS suites;
  CBS_init(&suites, hello->cipher_suites, hello->cipher_suites_len);
  std::uint16_t suite = 0;
  while (CBS_get_u16(&suites, &suite) == 1) {
    if (suite == (TLS1_CK_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 & 0xffff)) return true;
  }
  return false;
}

bool offers(Octets protocols, std::string_view wanted) noexcept {
  CBS list;
  CBS_init(&list, protocols.data(), protocols.size());
  CBS name;
  while (CBS_get_u8_length_prefixed(&list, &name) == 1) {
    if (as_text({CBS_data(&name), CBS_len(&name)}) == wanted) return true;
  }
  return false;
}

}  // namespace

struct TlsServerContext::State {
  bssl::UniquePtr<SSL_CTX> context;
  std::vector<TlsCertificate> certificates;
  std::map<std::string, Choice, std::less<>> by_name;      ///< exact names
  std::map<std::string, Choice, std::less<>> by_wildcard;  ///< ".example.net" for *.example.net
  Choice first;
  std::shared_ptr<const TicketKeys> tickets;
  std::string acme_challenge_folder;
  std::vector<TlsProtocol> protocols;  ///< in our order
  struct Key {
    Secret key;
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> sha256{};
  };
  std::map<std::string, Key, std::less<>> keys;  ///< by identity

  void set_keys(const std::vector<TlsPsk>& psks);
  void index_names();
  void set_callbacks();
  [[nodiscard]] const Choice& choice_of(std::string_view name) const noexcept;
  [[nodiscard]] bool answer_challenge(const SSL_CLIENT_HELLO* hello, const std::string& name) const;
  [[nodiscard]] bool choose(const SSL_CLIENT_HELLO* hello) const;
  [[nodiscard]] std::expected<void, std::string> ask_for_certificates(const std::string& ca_file);
  [[nodiscard]] std::string_view protocol_for(Octets offered, int tls_version) const noexcept;

  static const State& of(const SSL* ssl) noexcept {
    return *static_cast<const State*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  }
};

void TlsServerContext::State::index_names() {
  if (certificates.empty()) return;
  for (const TlsCertificate& certificate : certificates) {
    for (const std::string& name : certificate.names) {
      Choice& choice = name.starts_with("*.") ? by_wildcard[name.substr(1)] : by_name[name];
      if (std::ranges::find(choice, &certificate) == choice.end()) choice.push_back(&certificate);
    }
  }
  const auto rsa_last = [](Choice& choice) {
    std::ranges::stable_sort(choice, {}, &TlsCertificate::rsa);
  };
  for (auto& [name, choice] : by_name) rsa_last(choice);
  for (auto& [name, choice] : by_wildcard) rsa_last(choice);
  // Who names no host gets the first certificate, or its twin with another kind of key.
  first = {&certificates.front()};
  for (const TlsCertificate& other : certificates) {
    if (&other != first.front() && other.names == certificates.front().names) {
      first.push_back(&other);
    }
  }
  rsa_last(first);
}

const Choice& TlsServerContext::State::choice_of(std::string_view name) const noexcept {
  if (const auto found = by_name.find(name); found != by_name.end()) return found->second;
  // A wildcard is for exactly one label (RFC 9525 §6.3).
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return first;
  const auto found = by_wildcard.find(name.substr(dot));
  return found != by_wildcard.end() ? found->second : first;
}

/// The one file read on a shard's thread: a challenge is asked for seconds after it was written,
/// and rarely.
bool TlsServerContext::State::answer_challenge(const SSL_CLIENT_HELLO* hello,
                                               const std::string& name) const {
  if (acme_challenge_folder.empty() || name.empty()) return false;
  const std::string path = acme_challenge_folder + "/" + name + ".pem";
  const auto challenge = load_certificate(path, path);
  return challenge && challenge->apply(hello->ssl);
}

bool TlsServerContext::State::choose(const SSL_CLIENT_HELLO* hello) const {
  // With TLS 1.3 it would be asked for a certificate, which it may not have.
  if (!keys.empty() && offers_key(hello))
    CHECK(SSL_set_max_proto_version(hello->ssl, TLS1_2_VERSION) == 1);
  if (certificates.empty()) return true;
  const char* const asked = SSL_get_servername(hello->ssl, TLSEXT_NAMETYPE_host_name);
  const std::string name = asked != nullptr ? host_name(asked) : std::string();
  if (asks_for_acme(hello)) return answer_challenge(hello, name);
  const Choice& choice = choice_of(name);
  const auto suitable = std::ranges::find_if(
      choice, [&](const TlsCertificate* certificate) { return certificate->suits(hello); });
  // With none he has to fail, and BoringSSL finds the right alert for it.
  return (suitable != choice.end() ? *suitable : choice.back())->apply(hello->ssl);
}

std::string_view TlsServerContext::State::protocol_for(Octets offered,
                                                       int tls_version) const noexcept {
  for (const TlsProtocol& protocol : protocols) {
    if (protocol.needs_tls13 && tls_version < TLS1_3_VERSION) continue;
    if (offers(offered, protocol.name)) return protocol.name;
  }
  // Alone it came past choose(), so there is a challenge's certificate.
  if (as_text(offered) == kAcmeOnly) return kAcme;
  return {};
}

std::expected<void, std::string> TlsServerContext::State::ask_for_certificates(
    const std::string& ca_file) {
  SSL_CTX* const raw = context.get();
  if (auto trusted = trust_file(raw, ca_file, "Check the path and that our user may read it");
      !trusted)
    return trusted;
  // Peers choose their certificate by the names of who we trust (RFC 8446 §4.2.4).
  SSL_CTX_set_client_CA_list(raw, SSL_load_client_CA_file(ca_file.c_str()));
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  ERR_clear_error();  // the end of the file is an error to the reader of names
  return {};
}

void TlsServerContext::State::set_keys(const std::vector<TlsPsk>& psks) {
  for (const TlsPsk& psk : psks) {
    CHECK(!psk.identity.empty() && psk.identity.size() <= TlsPsk::kMaxIdentityOctets);
    CHECK(!psk.key.empty() && psk.key.size() <= TlsPsk::kMaxKeyOctets);
    Key& key = keys[psk.identity];
    key.key = psk.key;
    SHA256(psk.key.reveal().data(), psk.key.size(), key.sha256.data());
  }
  if (keys.empty()) return;
  SSL_CTX_set_psk_server_callback(
      context.get(), [](SSL* ssl, const char* identity, std::uint8_t* out, unsigned room) {
        const State& state = of(ssl);
        const auto found = state.keys.find(std::string_view(identity == nullptr ? "" : identity));
        if (found == state.keys.end() || found->second.key.size() > room) return 0u;
        const Octets key = found->second.key.reveal();
        copy_octets(key, MutableOctets(out, room));
        return static_cast<unsigned>(key.size());
      });
}

void TlsServerContext::State::set_callbacks() {
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_app_data(raw, this);
  SSL_CTX_set_select_certificate_cb(raw, [](const SSL_CLIENT_HELLO* hello) {
    const bool chosen = of(hello->ssl).choose(hello);
    ERR_clear_error();
    return chosen ? ssl_select_cert_success : ssl_select_cert_error;
  });
  SSL_CTX_set_alpn_select_cb(
      raw,
      [](SSL* ssl, const std::uint8_t** out, std::uint8_t* out_octets, const std::uint8_t* offered,
         unsigned octets, void* /*argument*/) {
        const std::string_view chosen = of(ssl).protocol_for({offered, octets}, SSL_version(ssl));
        // RFC 7301 §3.2: nothing in common is fatal, or another protocol's client could be led
        // here.
        if (chosen.empty()) return SSL_TLSEXT_ERR_ALERT_FATAL;
        *out = as_octets(chosen).data();
        *out_octets = static_cast<std::uint8_t>(chosen.size());
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  static constexpr SSL_TICKET_AEAD_METHOD kTickets = {
      .max_overhead = [](SSL* /*ssl*/) { return TicketKeys::kOverheadOctets; },
      .seal =
          [](SSL* ssl, std::uint8_t* out, std::size_t* out_octets, std::size_t room,
             const std::uint8_t* in, std::size_t octets) {
            const auto sealed = of(ssl).tickets->seal({in, octets}, {out, room});
            *out_octets = sealed.value_or(0);
            return sealed ? 1 : 0;
          },
      .open =
          [](SSL* ssl, std::uint8_t* out, std::size_t* out_octets, std::size_t room,
             const std::uint8_t* in, std::size_t octets) {
            const auto opened = of(ssl).tickets->open({in, octets}, {out, room});
            *out_octets = opened.value_or(0);
            return opened ? ssl_ticket_aead_success : ssl_ticket_aead_ignore_ticket;
          },
  };
  if (tickets) SSL_CTX_set_ticket_aead_method(raw, &kTickets);
}

namespace {

/// What an administrator should know of a certificate that works, or seems to.
void add_warnings(const TlsCertificateFiles& files, TlsCertificate& certificate,
                  std::int64_t now_unix_s, std::vector<std::string>& warnings) {
  if (now_unix_s > certificate.not_after_unix_s) {
    warnings.push_back(files.certificate_file + ": has expired; visitors will refuse it. Renew it");
  } else if (now_unix_s < certificate.not_before_unix_s) {
    warnings.push_back(files.certificate_file +
                       ": is not valid yet; visitors will refuse it. Check the clock");
  }
  struct stat status = {};
  if (::stat(files.key_file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0) {
    warnings.push_back(files.key_file + ": everybody on this machine can read the key. chmod 600");
  }
  if (files.ocsp_file.empty()) return;
  const auto staple = read_file(files.ocsp_file);
  if (!staple) {
    warnings.push_back(files.ocsp_file + ": cannot be read: " + staple.error() +
                       ". Nothing is stapled until it can");
  } else if (staple->empty() || staple->reveal().front() != 0x30) {  // OCSPResponse is a SEQUENCE
    warnings.push_back(files.ocsp_file +
                       ": no OCSP response in DER. Nothing is stapled; fetch it with openssl ocsp "
                       "-respout");
  } else {
    certificate.ocsp.reset(
        CRYPTO_BUFFER_new(staple->reveal().data(), staple->reveal().size(), nullptr));
  }
}

}  // namespace

std::expected<TlsServerContext::Loaded, std::string> TlsServerContext::load(
    const TlsServerPlan& plan, std::shared_ptr<const TicketKeys> tickets, std::int64_t now_unix_s) {
  const bool asks = !plan.client_ca_file.empty();
  const bool has_keys = !plan.keys.empty();
  CHECK((tickets || asks || has_keys) && (has_keys || !plan.certificates.empty()));
  auto state = std::make_shared<State>();
  Loaded loaded;
  for (const TlsCertificateFiles& files : plan.certificates) {
    auto certificate = load_certificate(files.certificate_file, files.key_file);
    if (!certificate) return std::unexpected(certificate.error());
    add_warnings(files, *certificate, now_unix_s, loaded.warnings);
    state->certificates.push_back(std::move(*certificate));
  }
  state->tickets = std::move(tickets);
  state->acme_challenge_folder = plan.acme_challenge_folder;
  state->protocols = plan.protocols;
  if (state->protocols.empty()) {
    if (plan.http2) state->protocols.push_back({.name = std::string(kHttp2)});
    state->protocols.push_back({.name = std::string(kHttp1)});
  }
  state->index_names();
  // Certificates stay octets where nobody has to verify one.
  state->context.reset(SSL_CTX_new(asks ? TLS_method() : TLS_with_buffers_method()));
  CHECK(state->context);
  SSL_CTX* const context = state->context.get();
  set_common_options(context, !has_keys                   ? TlsProof::certificates
                              : plan.certificates.empty() ? TlsProof::keys
                                                          : TlsProof::both);
  if (asks || has_keys) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets only
  constexpr std::string_view kOurSessions = "sallyport http";
  CHECK(SSL_CTX_set_session_id_context(context, as_octets(kOurSessions).data(),
                                       kOurSessions.size()) == 1);
  SSL_CTX_set_timeout(context, TicketKeys::kTicketLifetimeS);
  SSL_CTX_set_session_psk_dhe_timeout(context, TicketKeys::kTicketLifetimeS);
  state->set_callbacks();
  state->set_keys(plan.keys);
  if (asks) {
    if (const auto asked = state->ask_for_certificates(plan.client_ca_file); !asked) {
      return std::unexpected(asked.error());
    }
  }
  loaded.context = std::shared_ptr<TlsServerContext>(new TlsServerContext(std::move(state)));
  return loaded;
}

TlsServerContext::TlsServerContext(std::shared_ptr<const State> state) : state_(std::move(state)) {}

TlsServerContext::~TlsServerContext() = default;

TlsSession TlsServerContext::open() const {
  TlsSession::SslPointer ssl(SSL_new(state_->context.get()));
  CHECK(ssl);
  SSL_set_accept_state(ssl.get());
  return {std::move(ssl), state_, nullptr};
}

TlsPskPeer TlsSession::psk_peer() const noexcept {
  const char* const identity = SSL_get_psk_identity(ssl_.get());
  if (SSL_is_server(ssl_.get()) != 1 || identity == nullptr) return {};
  const auto& keys = TlsServerContext::State::of(ssl_.get()).keys;
  const auto found = keys.find(std::string_view(identity));
  const bool failed = state_ != State::established;
  if (failed == (found != keys.end())) return {};
  if (failed) return {.identity = identity};
  return {.identity = found->first, .key_sha256 = found->second.sha256};
}

std::vector<std::string> files_of(const TlsServerPlan& plan) {
  std::vector<std::string> paths;
  for (const TlsCertificateFiles& files : plan.certificates) {
    paths.push_back(files.certificate_file);
    paths.push_back(files.key_file);
    if (!files.ocsp_file.empty()) paths.push_back(files.ocsp_file);
  }
  if (!plan.client_ca_file.empty()) paths.push_back(plan.client_ca_file);
  return paths;
}

}  // namespace sallyport::ring
