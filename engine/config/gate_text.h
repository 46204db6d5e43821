#pragma once
// What the gate's settings say as texts: factors, users, addresses of mail, colours, keys. Each
// add_… appends what `text` says to `to`, or says what is wrong with it and appends nothing.

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/config/checks.h"
#include "engine/config/gate.h"

namespace sallyport::config {

using UrlHeader = std::pair<std::string, std::string>;

[[nodiscard]] Finding add_factor(std::string_view text, std::vector<verify::Factor>& to);
[[nodiscard]] std::string text_of(verify::Factor factor);
/// "token", "link", "registration", "changed".
[[nodiscard]] Finding add_message_kind(std::string_view text, std::vector<verify::MessageKind>& to);
[[nodiscard]] std::string text_of(verify::MessageKind kind);
[[nodiscard]] Finding add_user_id(std::string_view text, std::vector<std::string>& to);
[[nodiscard]] Finding add_group(std::string_view text, std::vector<std::string>& to);
/// "ldap://ldap.example.net", "ldaps://…:636".
[[nodiscard]] Finding add_ldap_url(std::string_view text, std::vector<std::string>& to);
/// "X-Api-Key: …", in a request of ours.
[[nodiscard]] Finding add_url_header(std::string_view text, std::vector<UrlHeader>& to);
[[nodiscard]] std::string text_of(const UrlHeader& header);
/// "redis.example.net:6379"; without a port, 6379.
[[nodiscard]] Finding add_redis_server(std::string_view text, std::vector<verify::RedisServer>& to);
[[nodiscard]] std::string text_of(const verify::RedisServer& server);

[[nodiscard]] Finding check_user_id(std::string_view text);
[[nodiscard]] Finding check_mail(std::string_view text);  ///< one address; empty is fine
[[nodiscard]] Finding check_ldap_filter(std::string_view text);
[[nodiscard]] Finding check_attribute(std::string_view text);    ///< LDAP's; empty is fine
[[nodiscard]] Finding check_spacing(std::string_view text);      ///< one character at most
[[nodiscard]] Finding check_accent(std::string_view text);       ///< "#0b57d0"; empty is fine
[[nodiscard]] Finding check_language(std::string_view text);     ///< "de", "pt-BR"; empty is fine
[[nodiscard]] Finding check_domain(std::string_view text);       ///< empty is fine
[[nodiscard]] Finding check_link_url(std::string_view text);     ///< or a path; empty is fine
[[nodiscard]] Finding check_channel_url(std::string_view text);  ///< a template

/// Keys of 32 octets, in base64 or as 64 hexadecimal digits, with spaces or line ends between them.
[[nodiscard]] std::expected<std::vector<Secret>, Complaint> parse_keys(const Secret& text);

}  // namespace sallyport::config
