#include "protocol/notakey/request.h"

#include <charconv>
#include <cstring>

#include "protocol/ascii.h"
#include "protocol/utf8.h"

namespace sallyport::notakey {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Appends to a buffer and remembers when it did not fit.
class Writer {
 public:
  explicit Writer(std::span<char> out) noexcept : out_(out) {}

  Writer& raw(std::string_view text) noexcept {
    if (text.size() > out_.size() - used_) {
      full_ = true;
      return *this;
    }
    if (!text.empty()) std::memcpy(out_.data() + used_, text.data(), text.size());
    used_ += text.size();
    return *this;
  }

  Writer& number(std::uint32_t value) noexcept {
    char digits[10];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    return raw({digits, static_cast<std::size_t>(end - digits)});
  }

  /// One path segment: everything but the unreserved characters of RFC 3986 §2.3 is encoded.
  Writer& segment(std::string_view text) noexcept {
    for (const char c : text) {
      if (is_unreserved(c)) {
        raw({&c, 1});
      } else {
        const auto octet = static_cast<unsigned char>(c);
        const char encoded[] = {'%', kHex[octet >> 4], kHex[octet & 15]};
        raw({encoded, sizeof encoded});
      }
    }
    return *this;
  }

  /// A JSON string (RFC 8259 §7); what is not UTF-8 becomes U+FFFD.
  Writer& string(std::string_view text) noexcept { return quoted(text, Controls::escape); }

  /// A JSON string to be shown on the phone: control characters, line ends among them, are dropped.
  Writer& shown(std::string_view text) noexcept { return quoted(text, Controls::drop); }

  [[nodiscard]] Written done() const noexcept {
    if (full_) return std::unexpected(BadRequest::no_room);
    return std::string_view{out_.data(), used_};
  }

 private:
  enum class Controls : std::uint8_t { escape, drop };

  Writer& quoted(std::string_view text, Controls controls) noexcept {
    raw("\"");
    while (!text.empty()) {
      const std::size_t octets = decode_utf8(text).octets;
      if (octets == 0) {
        raw(kReplacement);
      } else if (controls == Controls::escape || !is_control(text.front())) {
        character(text.substr(0, octets));
      }
      text.remove_prefix(octets == 0 ? 1 : octets);
    }
    return raw("\"");
  }

  void character(std::string_view one) noexcept {
    const char c = one.front();
    if (c == '"' || c == '\\') {
      const char escaped[] = {'\\', c};
      raw({escaped, sizeof escaped});
    } else if (is_control(c)) {
      const auto octet = static_cast<unsigned char>(c);
      const char escaped[] = {'\\', 'u', '0', '0', kHex[octet >> 4], kHex[octet & 15]};
      raw({escaped, sizeof escaped});
    } else {
      raw(one);
    }
  }

  std::span<char> out_;
  std::size_t used_ = 0;
  bool full_ = false;
};

Writer& write_host(Writer& writer, const Host& host) noexcept {
  return writer.raw(host.tls ? "https://" : "http://").raw(host.authority);
}

Writer& write_service(Writer& writer, const Service& service) noexcept {
  return write_host(writer, service.host)
      .raw(service.version == ApiVersion::v3 ? "/api/v3/services/" : "/api/v2/application/")
      .segment(service.id);
}

bool is_authority(std::string_view text) noexcept {
  if (text.empty() || text.front() == ':') return false;
  for (const char c : text) {
    if (!is_letter_or_digit(c) && std::string_view{".-_:[]"}.find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

}  // namespace

const char* to_text(BadHost error) noexcept {
  switch (error) {
    case BadHost::empty: return "is empty";
    case BadHost::scheme: return "must begin with https:// (or http://)";
    case BadHost::authority: return "must name a host, with or without :port, and nothing else";
    case BadHost::path: return "may end with /api, and with no other path";
  }
  return "";
}

std::expected<Host, BadHost> parse_host(std::string_view text) noexcept {
  if (text.empty()) return std::unexpected(BadHost::empty);
  Host host;
  if (const auto scheme_end = text.find("://"); scheme_end != std::string_view::npos) {
    const std::string_view scheme = text.substr(0, scheme_end);
    if (scheme != "https" && scheme != "http") return std::unexpected(BadHost::scheme);
    host.tls = scheme == "https";
    text.remove_prefix(scheme_end + 3);
  }
  const auto slash = text.find('/');
  const std::string_view path = slash == std::string_view::npos ? "" : text.substr(slash);
  host.authority = text.substr(0, slash);
  if (!is_authority(host.authority)) return std::unexpected(BadHost::authority);
  if (!path.empty() && path != "/" && path != "/api" && path != "/api/")
    return std::unexpected(BadHost::path);
  return host;
}

bool valid_user_name(std::string_view user) noexcept {
  if (user.empty()) return false;
  while (!user.empty()) {
    const std::size_t octets = decode_utf8(user).octets;
    if (octets == 0 || is_control(user.front())) return false;
    user.remove_prefix(octets);
  }
  return true;
}

Written token_url(Host host, std::span<char> out) noexcept {
  Writer writer(out);
  return write_host(writer, host).raw("/api/token").done();
}

Written service_url(const Service& service, std::span<char> out) noexcept {
  Writer writer(out);
  write_service(writer, service);
  if (service.version == ApiVersion::v2) writer.raw("/");
  return writer.done();
}

Written create_url(const Service& service, std::string_view user, std::span<char> out) noexcept {
  // A dot segment would climb out of the user's path (RFC 3986 §5.2.4).
  if (!valid_user_name(user) || user == "." || user == "..")
    return std::unexpected(BadRequest::bad_user_name);
  Writer writer(out);
  write_service(writer, service);
  if (service.version == ApiVersion::v3) return writer.raw("/auth").done();
  return writer.raw("/application_user/").segment(user).raw("/auth_request").done();
}

Written result_url(const Service& service, std::string_view uuid, std::span<char> out) noexcept {
  Writer writer(out);
  return write_service(writer, service)
      .raw(service.version == ApiVersion::v3 ? "/auth/" : "/auth_request/")
      .segment(uuid)
      .done();
}

Written token_body(std::string_view client_id, std::string_view client_secret,
                   std::span<char> out) noexcept {
  Writer writer(out);
  return writer.raw(R"({"grant_type":"client_credentials","client_id":)")
      .string(client_id)
      .raw(R"(,"client_secret":)")
      .string(client_secret)
      .raw(R"(,"scope":"urn:notakey:auth"})")
      .done();
}

Written create_body(ApiVersion version, const Push& push, std::span<char> out) noexcept {
  if (!valid_user_name(push.user)) return std::unexpected(BadRequest::bad_user_name);
  Writer writer(out);
  writer.raw("{");
  if (version == ApiVersion::v3) {
    writer.raw(R"("username":)").string(push.user).raw(",");
    if (!push.profile.empty())
      return writer.raw(R"("profile":)").string(push.profile).raw("}").done();
  }
  return writer.raw(R"("action":)")
      .shown(push.action)
      .raw(R"(,"description":)")
      .shown(push.description)
      .raw(R"(,"ttl_seconds":)")
      .number(push.ttl_s)
      .raw("}")
      .done();
}

}  // namespace sallyport::notakey
