#include "engine/ring/tls_client.h"

#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "engine/ring/tls_certificate.h"
#include "engine/ring/tls_io.h"
#include "protocol/check.h"

namespace sallyport::ring {
namespace {

constexpr const char* kSystemCaFile = "/etc/ssl/certs/ca-certificates.crt";
constexpr std::string_view kAskHttp2 = "\x02h2";
constexpr std::string_view kAskHttp1 = "\x08http/1.1";

/// Sessions to resume, by server; bounded, the longest unused server goes first. Any thread.
class SessionCache {
 public:
  explicit SessionCache(std::uint32_t most) : most_(most) {}

  void keep(const std::string& server, bssl::UniquePtr<SSL_SESSION> session) {
    if (most_ == 0) return;
    const std::scoped_lock lock(mutex_);
    Server& entry = touch(server);
    if (entry.sessions.size() == kSessionsEach) entry.sessions.pop_front();
    entry.sessions.push_back(std::move(session));
    if (order_.size() <= most_) return;
    servers_.erase(order_.back());
    order_.pop_back();
  }

  /// A TLS 1.3 ticket is for one use (RFC 8446 §C.4) and leaves the cache.
  bssl::UniquePtr<SSL_SESSION> take(const std::string& server) {
    const std::scoped_lock lock(mutex_);
    const auto found = servers_.find(server);
    if (found == servers_.end() || found->second.sessions.empty()) return nullptr;
    Server& entry = touch(server);
    if (SSL_SESSION_should_be_single_use(entry.sessions.back().get()) != 1) {
      return bssl::UpRef(entry.sessions.back());
    }
    bssl::UniquePtr<SSL_SESSION> session = std::move(entry.sessions.back());
    entry.sessions.pop_back();
    return session;
  }

  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return servers_.size();
  }

 private:
  static constexpr std::size_t kSessionsEach = 4;  ///< connections opened at once can all resume
  struct Server {
    std::list<std::string>::iterator order;
    std::list<bssl::UniquePtr<SSL_SESSION>> sessions;
  };

  Server& touch(const std::string& server) {
    const auto found = servers_.find(server);
    if (found != servers_.end()) {
      order_.splice(order_.begin(), order_, found->second.order);
      return found->second;
    }
    order_.push_front(server);
    return servers_.emplace(server, Server{.order = order_.begin(), .sessions = {}}).first->second;
  }

  const std::uint32_t most_;
  mutable std::mutex mutex_;
  std::list<std::string> order_;  ///< last used first
  std::unordered_map<std::string, Server> servers_;
};

}  // namespace

struct TlsClientContext::State {
  explicit State(std::uint32_t most) : cache(most) {}
  SessionCache cache;
  bool verifies_name = true;
  std::optional<TlsCertificate> own;
  std::optional<TlsPsk> key;
  bssl::UniquePtr<SSL_CTX> context;

  [[nodiscard]] std::expected<void, std::string> set_certificates(const TlsClientPlan& plan);
  void set_key(const TlsPsk& psk);
  void verify(SSL* ssl, const std::string& name) const;
};

/// Whom we trust, and who we are.
std::expected<void, std::string> TlsClientContext::State::set_certificates(
    const TlsClientPlan& plan) {
  const std::string path = plan.ca_file.empty() ? kSystemCaFile : plan.ca_file;
  const std::string_view mend = plan.ca_file.empty()
                                    ? "Install the package ca-certificates"
                                    : "Check the path and that our user may read it";
  if (auto trusted = trust_file(context.get(), path, mend); !trusted) return trusted;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  verifies_name = plan.verifies_name;
  if (plan.certificate_file.empty()) return {};
  auto loaded = load_certificate(plan.certificate_file, plan.key_file);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  own = std::move(*loaded);
  return {};
}

void TlsClientContext::State::set_key(const TlsPsk& psk) {
  CHECK(!psk.identity.empty() && psk.identity.size() <= TlsPsk::kMaxIdentityOctets);
  CHECK(!psk.key.empty() && psk.key.size() <= TlsPsk::kMaxKeyOctets);
  key = psk;
  SSL_CTX_set_psk_client_callback(
      context.get(), [](SSL* ssl, const char* /*hint*/, char* identity, unsigned identity_room,
                        std::uint8_t* out, unsigned room) {
        const TlsPsk& ours = *static_cast<State*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->key;
        // With the NUL behind it.
        if (ours.identity.size() >= identity_room || ours.key.size() > room) return 0u;
        identity[ours.identity.copy(identity, identity_room)] = '\0';
        copy_octets(ours.key.reveal(), MutableOctets(out, room));
        return static_cast<unsigned>(ours.key.size());
      });
}

/// Whose certificate the server must show.
void TlsClientContext::State::verify(SSL* ssl, const std::string& name) const {
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
  if (!verifies_name) {
    if (!IpAddress::parse(name)) SSL_set_tlsext_host_name(ssl, name.c_str());
    ERR_clear_error();
  } else if (const auto address = IpAddress::parse(name)) {  // RFC 6066 §3: an address is no SNI
    const Octets octets = Octets(address->octets).subspan(address->is_v4() ? 12 : 0);
    CHECK(X509_VERIFY_PARAM_set1_ip(wanted, octets.data(), octets.size()) == 1);
  } else {
    // A name that cannot be one makes verification fail, whatever the peer shows.
    X509_VERIFY_PARAM_set_hostflags(
        wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size());
    SSL_set_tlsext_host_name(ssl, name.c_str());
    ERR_clear_error();
  }
}

std::expected<std::shared_ptr<TlsClientContext>, std::string> TlsClientContext::load(
    const TlsClientPlan& plan) {
  auto state = std::make_shared<State>(plan.max_cached_servers);
  state->context.reset(SSL_CTX_new(TLS_method()));
  CHECK(state->context);
  SSL_CTX* const context = state->context.get();
  set_common_options(context, plan.key ? TlsProof::keys : TlsProof::certificates);
  if (plan.key) {
    state->set_key(*plan.key);
  } else if (auto set = state->set_certificates(plan); !set) {
    return std::unexpected(std::move(set.error()));
  }
  std::string offer(plan.http2 ? kAskHttp2 : kAskHttp1);
  if (!plan.protocols.empty()) offer.clear();
  for (const std::string& name : plan.protocols) {
    CHECK(!name.empty() && name.size() < 256);
    offer += static_cast<char>(name.size());
    offer += name;
  }
  const Octets protocols = as_octets(offer);
  CHECK(SSL_CTX_set_alpn_protos(context, protocols.data(),
                                static_cast<unsigned>(protocols.size())) == 0);  // 0: success
  SSL_CTX_enable_ocsp_stapling(context);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_set_app_data(context, state.get());
  SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
    const TlsIo* const io = tls_io_of(ssl);
    if (io == nullptr || io->note == nullptr) return 0;
    auto* const owner = static_cast<State*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    owner->cache.keep(io->note->server, bssl::UniquePtr<SSL_SESSION>(session));
    return 1;  // the reference is ours now
  });
  return std::shared_ptr<TlsClientContext>(new TlsClientContext(std::move(state)));
}

TlsClientContext::TlsClientContext(std::shared_ptr<State> state) : state_(std::move(state)) {}

TlsClientContext::~TlsClientContext() = default;

TlsSession TlsClientContext::open(const Endpoint& server, std::string_view server_name) {
  CHECK(!server_name.empty());  // else any certificate of a trusted CA would do
  TlsSession::SslPointer owned(SSL_new(state_->context.get()));
  CHECK(owned);
  SSL* const ssl = owned.get();
  SSL_set_connect_state(ssl);
  const std::string name(server_name);
  if (state_->own) CHECK(state_->own->apply(ssl));
  if (!state_->key) state_->verify(ssl, name);
  auto note = std::make_unique<TlsClientNote>(server.text() + " " + name);
  if (const auto session = state_->cache.take(note->server)) SSL_set_session(ssl, session.get());
  return {std::move(owned), state_, std::move(note)};
}

std::size_t TlsClientContext::cached_servers() const { return state_->cache.size(); }

}  // namespace sallyport::ring
