// Users in LDAP (RFC 4511), by libldap. Its calls wait, each at most as long as the directory may
// take; some connections are kept, and used by one caller at a time.

#include <array>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <ldap.h>
#include <sys/time.h>
#include <unistd.h>

#include "protocol/ascii.h"
#include "verify/users/directory.h"

namespace sallyport::verify {
namespace {

constexpr const char* kSystemCertificates = "/etc/ssl/certs/ca-certificates.crt";

struct Unbind {
  void operator()(LDAP* ldap) const noexcept { ldap_unbind_ext_s(ldap, nullptr, nullptr); }
};
using Connection = std::unique_ptr<LDAP, Unbind>;
struct FreeMessage {
  void operator()(LDAPMessage* message) const noexcept { ldap_msgfree(message); }
};
using Result = std::unique_ptr<LDAPMessage, FreeMessage>;
struct FreeValues {
  void operator()(berval** values) const noexcept { ldap_value_free_len(values); }
};

struct Problem {
  int code = LDAP_OTHER;
  std::string text;

  /// Whether another connection, or another server, may do better.
  [[nodiscard]] bool is_connections() const noexcept {
    return code == LDAP_SERVER_DOWN || code == LDAP_CONNECT_ERROR || code == LDAP_TIMEOUT ||
           code == LDAP_UNAVAILABLE || code == LDAP_BUSY;
  }
};

timeval to_timeval(std::uint32_t ms) noexcept {
  return {.tv_sec = ms / 1000, .tv_usec = static_cast<suseconds_t>(ms % 1000) * 1000};
}

/// RFC 4515 §3: nothing of it can end the value or begin another condition.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    const bool plain =
        octet >= 0x20 && octet < 0x7f && c != '*' && c != '(' && c != ')' && c != '\\';
    if (plain) {
      out.push_back(c);
    } else {
      out += fmt::format("\\{:02x}", octet);
    }
  }
  return out;
}

std::vector<std::string> values_of(LDAP* ldap, LDAPMessage* entry, const std::string& attribute) {
  std::vector<std::string> out;
  if (attribute.empty()) return out;
  const std::unique_ptr<berval*, FreeValues> values(
      ldap_get_values_len(ldap, entry, attribute.c_str()));
  for (berval** value = values.get(); value != nullptr && *value != nullptr; ++value) {
    out.emplace_back((*value)->bv_val, (*value)->bv_len);
  }
  return out;
}

std::string first_of(LDAP* ldap, LDAPMessage* entry, const std::string& attribute) {
  std::vector<std::string> values = values_of(ldap, entry, attribute);
  return values.empty() ? std::string() : std::move(values.front());
}

/// "cn=staff,ou=groups,dc=example" is the group "staff"; what is no name is taken as it is.
std::string group_name(const std::string& text) {
  LDAPDN name = nullptr;
  if (ldap_str2dn(text.c_str(), &name, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS || name == nullptr) {
    return text;
  }
  std::string out = text;
  if (name[0] != nullptr && name[0][0] != nullptr) {
    const berval& value = name[0][0]->la_value;
    out.assign(value.bv_val, value.bv_len);
  }
  ldap_dnfree(name);
  return out;
}

/// As people write numbers: what stands between the digits goes.
std::string phone_number(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_digit(c) || (c == '+' && out.empty())) out.push_back(c);
  }
  return out;
}

/// Cyrus SASL, which libldap starts with its first handle, loads every plug-in it finds, and some
/// bring OpenSSL, whose symbols BoringSSL's then capture. A simple bind needs none of them.
void keep_plugins_out() {
  static const bool done = ::setenv("SASL_PATH", "/nonexistent", 1) == 0;
  static_cast<void>(done);
}

class LdapDirectory final : public Directory {
 public:
  explicit LdapDirectory(LdapDirectorySettings settings) : settings_(std::move(settings)) {
    if (settings_.ca_file.empty() && ::access(kSystemCertificates, R_OK) == 0) {
      settings_.ca_file = kSystemCertificates;
    }
  }

  std::expected<std::optional<User>, std::string> find(std::string_view id) override {
    if (!enter()) return std::unexpected("all connections are busy");
    auto found = ask(id);
    leave();
    if (!found) return std::unexpected(std::move(found.error().text));
    return std::move(*found);
  }

 private:
  using Found = std::expected<std::optional<User>, Problem>;

  /// As many callers as there may be connections; others wait for their turn.
  [[nodiscard]] bool enter() {
    std::unique_lock lock(mutex_);
    const auto patience = std::chrono::milliseconds(settings_.timeout_ms);
    if (!freed_.wait_for(lock, patience, [this] { return used_ < settings_.connections; })) {
      return false;
    }
    ++used_;
    return true;
  }
  void leave() {
    {
      const std::scoped_lock lock(mutex_);
      --used_;
    }
    freed_.notify_one();
  }
  [[nodiscard]] Connection take_kept() {
    const std::scoped_lock lock(mutex_);
    if (kept_.empty()) return nullptr;
    Connection connection = std::move(kept_.back());
    kept_.pop_back();
    return connection;
  }
  void keep(Connection connection) {
    const std::scoped_lock lock(mutex_);
    kept_.push_back(std::move(connection));
  }

  Found ask(std::string_view id) {
    // A kept one may have been closed by the server meanwhile: that says nothing.
    while (Connection kept = take_kept()) {
      Found found = search(kept.get(), id);
      if (found || !found.error().is_connections()) {
        keep(std::move(kept));
        return found;
      }
    }
    Problem last{.code = LDAP_PARAM_ERROR, .text = "no server is configured"};
    for (const std::string& url : settings_.urls) {
      auto connection = connect(url);
      if (!connection) {
        last = std::move(connection.error());
        continue;
      }
      Found found = search(connection->get(), id);
      if (found || !found.error().is_connections()) {
        keep(std::move(*connection));
        return found;
      }
      last = std::move(found.error());
    }
    return std::unexpected(std::move(last));
  }

  std::expected<Connection, Problem> connect(const std::string& url) const {
    const auto failed = [&url](const char* what, int code) {
      return std::unexpected(
          Problem{code, fmt::format("{}: {}: {}", url, what, ldap_err2string(code))});
    };
    LDAP* made = nullptr;
    if (const int code = ldap_initialize(&made, url.c_str()); code != LDAP_SUCCESS) {
      return failed("cannot begin", code);
    }
    Connection connection(made);
    if (!set_options(made)) return failed("cannot set its options", LDAP_OTHER);
    if (settings_.start_tls) {
      const int code = ldap_start_tls_s(made, nullptr, nullptr);
      if (code != LDAP_SUCCESS) return failed("StartTLS", code);
    }
    const Octets password = settings_.bind_password.reveal();
    berval credentials{.bv_len = password.size(),
                       .bv_val = const_cast<char*>(as_text(password).data())};
    const int code = ldap_sasl_bind_s(made, settings_.bind_dn.c_str(), LDAP_SASL_SIMPLE,
                                      &credentials, nullptr, nullptr, nullptr);
    if (code != LDAP_SUCCESS) return failed("bind", code);
    return connection;
  }

  [[nodiscard]] bool set_options(LDAP* ldap) const {
    const int version = LDAP_VERSION3;
    const timeval timeout = to_timeval(settings_.timeout_ms);
    const int require = settings_.verify_certificate ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;
    const int oldest = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    const auto set = [ldap](int option, const void* value) {
      return ldap_set_option(ldap, option, value) == LDAP_OPT_SUCCESS;
    };
    bool good = set(LDAP_OPT_PROTOCOL_VERSION, &version) && set(LDAP_OPT_REFERRALS, LDAP_OPT_OFF) &&
                set(LDAP_OPT_RESTART, LDAP_OPT_ON) && set(LDAP_OPT_NETWORK_TIMEOUT, &timeout) &&
                set(LDAP_OPT_TIMEOUT, &timeout) && set(LDAP_OPT_X_TLS_REQUIRE_CERT, &require) &&
                set(LDAP_OPT_X_TLS_PROTOCOL_MIN, &oldest);
    if (!settings_.ca_file.empty()) {
      good = good && set(LDAP_OPT_X_TLS_CACERTFILE, settings_.ca_file.c_str());
    }
    const int as_client = 0;
    return good && set(LDAP_OPT_X_TLS_NEWCTX, &as_client);
  }

  Found search(LDAP* ldap, std::string_view id) const {
    const std::string filter =
        fmt::format("(&({}={}){})", settings_.user_attribute, escaped(id), settings_.filter);
    std::array<const char*, 8> attributes{};
    std::size_t count = 0;
    for (const std::string* name :
         {&settings_.user_attribute, &settings_.name_attribute, &settings_.mail_attribute,
          &settings_.mobile_attribute, &settings_.telephone_attribute, &settings_.group_attribute,
          &settings_.language_attribute}) {
      if (!name->empty()) attributes[count++] = name->c_str();
    }
    timeval timeout = to_timeval(settings_.timeout_ms);
    LDAPMessage* message = nullptr;
    // Two, so that a user who is there twice is noticed.
    const int code = ldap_search_ext_s(ldap, settings_.search_base.c_str(), LDAP_SCOPE_SUBTREE,
                                       filter.c_str(), const_cast<char**>(attributes.data()), 0,
                                       nullptr, nullptr, &timeout, 2, &message);
    const Result result(message);
    if (code == LDAP_NO_SUCH_OBJECT) return std::nullopt;
    if (code != LDAP_SUCCESS && code != LDAP_SIZELIMIT_EXCEEDED) {
      return std::unexpected(Problem{code, fmt::format("search: {}", ldap_err2string(code))});
    }
    LDAPMessage* const entry = ldap_first_entry(ldap, result.get());
    if (entry == nullptr) return std::nullopt;
    if (ldap_next_entry(ldap, entry) != nullptr) {
      return std::unexpected(Problem{LDAP_OTHER, "several entries are of one user id"});
    }
    return read(ldap, entry);
  }

  Found read(LDAP* ldap, LDAPMessage* entry) const {
    User user;
    // As the directory spells it: "Alice" and "alice" are one user there, and have to be here.
    user.id = first_of(ldap, entry, settings_.user_attribute);
    user.name = first_of(ldap, entry, settings_.name_attribute);
    user.mail = first_of(ldap, entry, settings_.mail_attribute);
    user.mobile = phone_number(first_of(ldap, entry, settings_.mobile_attribute));
    user.telephone = phone_number(first_of(ldap, entry, settings_.telephone_attribute));
    user.language = first_of(ldap, entry, settings_.language_attribute).substr(0, 2);
    for (const std::string& group : values_of(ldap, entry, settings_.group_attribute)) {
      user.groups.push_back(group_name(group));
    }
    if (!is_user_id(user.id)) {
      return std::unexpected(Problem{
          LDAP_OTHER,
          fmt::format("an entry has no {} that can be a user id", settings_.user_attribute)});
    }
    return user;
  }

  LdapDirectorySettings settings_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::uint32_t used_ = 0;        ///< callers
  std::vector<Connection> kept_;  ///< bound, unused now
};

/// An attribute's description (RFC 4512 §2.5): letters, digits, hyphens, options.
bool is_attribute(std::string_view text) noexcept {
  if (text.empty() || text.size() > 128) return false;
  for (const char c : text) {
    if (!is_letter_or_digit(c) && c != '-' && c != ';' && c != '.') return false;
  }
  return true;
}

}  // namespace

std::expected<std::unique_ptr<Directory>, std::string> make_directory(
    const LdapDirectorySettings& settings) {
  if (settings.urls.empty()) return std::unexpected("an LDAP directory names no url");
  for (const std::string& url : settings.urls) {
    LDAPURLDesc* parts = nullptr;
    if (ldap_url_parse(url.c_str(), &parts) != LDAP_URL_SUCCESS) {
      return std::unexpected(fmt::format("{} is no LDAP URL (ldaps://host:636)", url));
    }
    ldap_free_urldesc(parts);
  }
  if (!is_attribute(settings.user_attribute)) {
    return std::unexpected("user_attribute is not the name of an attribute");
  }
  const std::string& filter = settings.filter;
  if (!filter.empty() && (filter.front() != '(' || filter.back() != ')')) {
    return std::unexpected("the filter of an LDAP directory stands in brackets: (objectClass=…)");
  }
  keep_plugins_out();
  if (settings.connections == 0) return std::unexpected("an LDAP directory needs a connection");
  return std::make_unique<LdapDirectory>(settings);
}

}  // namespace sallyport::verify
