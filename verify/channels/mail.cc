#include "verify/channels/mail.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/base64.h>

namespace sallyport::verify {
namespace {

std::string base64(std::string_view text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  const std::size_t octets = EVP_EncodeBlock(reinterpret_cast<std::uint8_t*>(out.data()),
                                             as_octets(text).data(), text.size());
  out.resize(octets);
  return out;
}

/// RFC 2045 §6.8: lines of 76.
std::string base64_lines(std::string_view text) {
  const std::string all = base64(text);
  std::string out;
  for (std::size_t at = 0; at < all.size(); at += 76) out += all.substr(at, 76) + "\r\n";
  return out;
}

bool is_plain(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// RFC 2047 §2: encoded words of at most 75 octets, none ending within a character. Folded.
std::string encoded_words(std::string_view text) {
  constexpr std::size_t kOctets = 42;  // 56 of base64 and 12 around them
  std::string out;
  while (!text.empty()) {
    std::size_t take = std::min(kOctets, text.size());
    while (take < text.size() && take > 1 &&
           (static_cast<unsigned char>(text[take]) & 0xc0U) == 0x80) {
      --take;
    }
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + base64(text.substr(0, take)) + "?=";
    text.remove_prefix(take);
  }
  return out;
}

std::string header_text(std::string_view text) {
  // Long or beginning like an encoded word: encoded, so that a folded line keeps its meaning.
  const bool plain =
      is_plain(text) && text.size() <= 60 && text.find("=?") == std::string_view::npos;
  return plain ? std::string(text) : encoded_words(text);
}

std::string address_text(const MailAddress& address) {
  if (address.name.empty()) return address.mail;
  return encoded_words(address.name) + " <" + address.mail + ">";
}

std::string random_word(RandomSource& random) {
  std::array<std::uint8_t, 16> octets;
  random.fill(octets);
  std::string out;
  for (const std::uint8_t octet : octets) out += fmt::format("{:02x}", octet);
  return out;
}

std::string part(std::string_view type, std::string_view content, std::string_view boundary) {
  return fmt::format(
      "--{}\r\nContent-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
      boundary, type, base64_lines(content));
}

}  // namespace

bool is_mail_address(std::string_view text) noexcept {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size() || text.size() > 254) {
    return false;
  }
  return std::ranges::all_of(text, [](char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("<>()[],;:\"\\").find(c) == std::string_view::npos;
  });
}

std::string mail_octets(const MailAddress& from, const MailAddress& to, const MessageText& text,
                        std::uint64_t unix_s, RandomSource& random) {
  const std::string boundary = "=_" + random_word(random);
  const std::string_view domain = std::string_view(from.mail).substr(from.mail.rfind('@') + 1);
  // {:%a, %b} of a "C" locale: fmt uses none unless it is asked to.
  std::string out = fmt::format(
      "From: {}\r\nTo: {}\r\nSubject: {}\r\nDate: {:%a, %d %b %Y %H:%M:%S} +0000\r\n"
      "Message-ID: <{}@{}>\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n"
      "Content-Type: multipart/alternative; boundary=\"{}\"\r\n\r\n",
      address_text(from), address_text(to), header_text(text.subject),
      fmt::gmtime(static_cast<std::time_t>(unix_s)), random_word(random), domain, boundary);
  out += part("text/plain", text.text, boundary);
  out += part("text/html", text.html, boundary);
  out += "--" + boundary + "--\r\n";
  return out;
}

}  // namespace sallyport::verify
