#include "engine/config/checks.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "protocol/ascii.h"
#include "verify/template_text.h"

namespace sallyport::config {
namespace {

constexpr std::size_t kMaxNameOctets = 64;  // verify::Question::client
constexpr std::size_t kMaxHostOctets = 253;

bool only(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text,
                             [&](char c) { return is_letter_or_digit(c) || others.contains(c); });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

/// "https://host:port/path" in its parts. Only what both URL settings need.
struct Url {
  std::string_view scheme;
  HostAndPort host;
  std::string_view path;
};

std::expected<Url, Complaint> parse_url(std::string_view text) {
  Url url;
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) {
    return std::unexpected(
        Complaint{.wrong = "is not a URL: it has no scheme", .mend = "Begin it with https://."});
  }
  url.scheme = text.substr(0, scheme_end);
  if (url.scheme != "http" && url.scheme != "https") {
    return std::unexpected(Complaint{.wrong = "has a scheme that is neither https nor http",
                                     .mend = "Begin it with https://."});
  }
  text.remove_prefix(scheme_end + 3);
  // A password in a URL ends in logs: not repeated here either.
  if (text.contains('@')) {
    return std::unexpected(Complaint{.wrong = "holds a user name or a password",
                                     .mend = "Leave out what is before @."});
  }
  if (std::ranges::any_of(text, [](char c) { return is_control(c) || c == ' '; }) ||
      text.find_first_of("?#\\") != std::string_view::npos) {
    return std::unexpected(
        Complaint{.wrong = "holds a character that does not belong there",
                  .mend = "Write scheme://host[:port], without spaces, ? and #."});
  }
  const auto slash = text.find('/');
  url.path = slash == std::string_view::npos ? std::string_view{} : text.substr(slash);
  auto host = parse_host_port(text.substr(0, slash));
  if (!host) return std::unexpected(host.error());
  url.host = std::move(*host);
  return url;
}

}  // namespace

Finding check_client_name(std::string_view text) {
  if (text.empty()) return Complaint{.wrong = "is empty", .mend = "Give the client a name."};
  if (text.size() > kMaxNameOctets || !only(text, " ._:/@+-")) {
    return Complaint{.wrong = "is not a name of 1 to 64 letters, digits, spaces and ._:/@+-",
                     .mend = "Choose a short name: it appears in logs and as a label of metrics."};
  }
  return std::nullopt;
}

Finding check_http_name(std::string_view text) {
  if (text.empty()) return Complaint{.wrong = "is empty", .mend = "Give it a name."};
  if (text.size() > kMaxNameOctets || !only(text, "._-")) {
    return Complaint{.wrong = "is not a name of 1 to 64 letters, digits and ._-",
                     .mend = "Choose a short name: it appears in logs and as a label of metrics."};
  }
  return std::nullopt;
}

Finding check_url(std::string_view text) {
  const auto url = parse_url(text);
  if (url) return std::nullopt;
  return url.error();
}

Finding check_api_url(std::string_view text) {
  const auto url = parse_url(text);
  if (!url) return url.error();
  if (url->path.contains("/v2") || url->path.contains("/v3")) {
    return Complaint{.wrong = "holds the version of the API",
                     .mend =
                         "Leave the path out, or end it at /api; choose the version with "
                         "notakey.version."};
  }
  return std::nullopt;
}

Finding check_proxy_url(std::string_view text) {
  const auto url = parse_url(text);
  if (!url) return url.error();
  if (!url->path.empty() && url->path != "/") {
    return Complaint{.wrong = "has a path", .mend = "Write scheme://host:port and nothing more."};
  }
  return std::nullopt;
}

Finding check_access_id(std::string_view text) {
  if (text.empty()) {
    return Complaint{.wrong = "is empty",
                     .mend =
                         "Copy the access id of the application (v2) or the service id (v3) "
                         "from the Notakey dashboard."};
  }
  // It becomes a part of a URL's path.
  if (!only(text, "._~-")) {
    return Complaint{.wrong = "holds a character other than letters, digits and ._~-",
                     .mend = "Copy it from the Notakey dashboard: it is a UUID."};
  }
  return std::nullopt;
}

Finding check_readable_file(std::string_view path) {
  if (::access(std::string(path).c_str(), R_OK) == 0) return std::nullopt;
  return Complaint{.wrong = fmt::format("names a file that cannot be read: {}",
                                        std::generic_category().message(errno)),
                   .mend = "Give the path of a file that exists and that this user may read."};
}

Finding check_one_line(std::string_view text) {
  if (std::ranges::none_of(text, is_control)) return std::nullopt;
  return Complaint{.wrong = "holds a line end or another control character",
                   .mend = "Keep it on one line."};
}

Finding check_log_file(std::string_view path) {
  if (Finding finding = check_one_line(path)) return finding;
  std::error_code ignored;
  const auto is_folder = [&](const std::filesystem::path& at) {
    return std::filesystem::is_directory(at, ignored);
  };
  if (is_folder(path))
    return Complaint{.wrong = "names a folder", .mend = "Give the path of a file."};
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty() || is_folder(folder)) return std::nullopt;
  return Complaint{.wrong = "names a file in a folder that does not exist",
                   .mend = "Make the folder, or give another path."};
}

Finding check_template(std::string_view text) {
  if (Finding finding = check_one_line(text)) return finding;
  const auto checked = verify::check_template(text);
  if (checked) return std::nullopt;
  return Complaint{.wrong = checked.error(),
                   .mend = "Write placeholders exactly so, and other text without braces."};
}

Finding check_number_template(std::string_view text) {
  if (Finding finding = check_template(text)) return finding;
  if (text.contains("{number}")) return std::nullopt;
  return Complaint{.wrong = "does not hold {number}",
                   .mend = "Put {number} where the phone is to show it."};
}

std::expected<HostAndPort, Complaint> parse_host_port(std::string_view text) {
  const auto wrong = [](std::string_view what) {
    return std::unexpected(Complaint{.wrong = std::string(what),
                                     .mend =
                                         "Write \"radius.example.net:1812\", \"192.0.2.9:1812\" or "
                                         "\"[2001:db8::9]:1812\"."});
  };
  HostAndPort out;
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return wrong("has a [ without a ]");
    host = text.substr(1, close - 1);
    if (!IpAddress::parse(host)) return wrong("holds something other than an address in brackets");
    const std::string_view rest = text.substr(close + 1);
    has_port = rest.starts_with(':');
    if (!rest.empty() && !has_port) return wrong("goes on after the bracket");
    if (has_port) port = rest.substr(1);
  } else if (std::ranges::count(text, ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(text.find(':') + 1);
    has_port = true;
  } else if (text.contains(':') && !IpAddress::parse(text)) {
    return wrong("is neither a host with a port nor an IPv6 address");
  }
  if (host.empty()) return wrong("names no host");
  const bool is_address = IpAddress::parse(host).has_value();
  if (host.size() > kMaxHostOctets || (!is_address && !only(host, "._-"))) {
    return wrong("is not the name or the address of a host");
  }
  if (!is_address && host.find_first_not_of("0123456789.") == std::string_view::npos) {
    return wrong("is not an IPv4 address");
  }
  out.host = host;
  if (has_port) {
    out.port = parse_port(port);
    if (!out.port) return wrong("has a port that is not a number from 1 to 65535");
  }
  return out;
}

bool arrives_at(const Endpoint& listen, const IpAddress& address, std::uint16_t port) {
  if (listen.port != port || listen.address.is_v4() != address.is_v4()) return false;
  if (listen.address == address) return true;
  if (listen.address.is_any()) return address.is_loopback();
  // What is sent to 0.0.0.0 goes to 127.0.0.1, and what to :: goes to ::1.
  return address.is_any() &&
         listen.address == IpAddress::parse(address.is_v4() ? "127.0.0.1" : "::1");
}

Finding warn_secret(const Secret& secret) {
  if (as_text(secret.reveal()) == kExampleSecret) {
    return Complaint{.wrong = "is still the one of the example, which everybody knows",
                     .mend = "Make one of your own: openssl rand -hex 16"};
  }
  if (secret.size() > kShortSecretOctets) return std::nullopt;
  return Complaint{
      .wrong = fmt::format("has {} octets or fewer: it can be found by trying", kShortSecretOctets),
      .mend = "Use 16 random characters or more, on both sides: openssl rand -hex 16"};
}

Finding warn_api_url(std::string_view url) {
  const auto parsed = parse_url(url);
  if (!parsed || parsed->scheme != "http" || parsed->host.host == "localhost") return std::nullopt;
  const auto address = IpAddress::parse(parsed->host.host);
  if (address && address->is_loopback()) return std::nullopt;
  return Complaint{.wrong = "is plain http: whoever is on the way can approve logins",
                   .mend = "Use https://."};
}

}  // namespace sallyport::config
