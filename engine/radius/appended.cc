#include "engine/radius/appended.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {
namespace {

constexpr std::size_t kCodeDigits = 6;

bool is_code(std::string_view text) noexcept {
  return text.size() == kCodeDigits && std::ranges::all_of(text, is_digit);
}

}  // namespace

std::array<char, 6> Appended::digits() const noexcept {
  std::array<char, 6> out;
  std::uint32_t left = value - kFirstCode;
  for (std::size_t i = out.size(); i > 0; left /= 10) out[--i] = static_cast<char>('0' + left % 10);
  return out;
}

Appended read_appended(std::string_view text) noexcept {
  for (std::uint32_t i = 0; i < verify::kLoginFactors; ++i) {
    if (text == verify::kLoginFactorNames[i]) return {i + 1};
  }
  if (!is_code(text)) return {};
  std::uint32_t number = 0;
  for (const char c : text) number = 10 * number + static_cast<std::uint32_t>(c - '0');
  return {Appended::kFirstCode + number};
}

std::optional<std::size_t> password_before(std::string_view typed, char separator) noexcept {
  const std::size_t at = typed.rfind(separator);
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  if (read_appended(typed.substr(at + 1)).value == Appended::kNothing) return std::nullopt;
  return at;
}

CutPassword::~CutPassword() {
  if (octets_ > 0) wipe(clear_);
}

void CutPassword::cut(const radius::PacketView& request, const radius::HopKey& hop,
                      char separator) noexcept {
  const auto hidden = request.find(radius::Type::user_password);
  if (!hidden || request.code() != radius::Code::access_request ||
      request.has(radius::Type::state) || request.has(radius::Type::eap_message) ||
      request.has(radius::Type::chap_password) || hidden->size() > clear_.size())
    return;
  std::size_t octets = hidden->size();
  if (hop.hides())
    octets =
        radius::reveal_user_password(*hidden, hop, request.authenticator(), clear_).value_or(0);
  else
    copy_octets(*hidden, clear_);
  const std::string_view typed = as_text(Octets(clear_).first(octets));
  if (const auto before = password_before(typed, separator)) {
    octets_ = *before;
    appended_ = read_appended(typed.substr(*before + 1));
    return;
  }
  wipe(clear_);
}

std::optional<Octets> CutPassword::password() const noexcept {
  if (octets_ == 0) return std::nullopt;
  return Octets(clear_).first(octets_);
}

}  // namespace sallyport::radius_door
