#include "verify/asker.h"

#include <algorithm>
#include <span>
#include <string_view>

#include <openssl/hmac.h>

#include "protocol/check.h"
#include "protocol/octets.h"
#include "verify/plain_name.h"

namespace sallyport::verify {
namespace {

enum class Kind : std::uint8_t { user, place, pair };

constexpr std::size_t kStationOctets = 64;  // Question::calling_station; a longer one was cut
constexpr std::size_t kMaxInput = 1 + 3 * (1 + 253);

/// Each text with its length before it, so that no two lists of texts look alike.
class Input {
 public:
  explicit Input(Kind kind) noexcept { octets_[size_++] = static_cast<std::uint8_t>(kind); }
  Input& add(std::string_view text) noexcept {
    CHECK(text.size() <= 253);
    octets_[size_++] = static_cast<std::uint8_t>(text.size());
    size_ += text.copy(reinterpret_cast<char*>(&octets_[size_]), text.size());
    return *this;
  }
  /// Neither the case of ASCII letters counts nor the blanks around.
  Input& add_folded(std::string_view name) noexcept {
    const std::size_t from = size_ + 1;
    add(PlainName(name).view());
    for (std::size_t at = from; at < size_; ++at) {
      if (octets_[at] >= 'A' && octets_[at] <= 'Z')
        octets_[at] = static_cast<std::uint8_t>(octets_[at] - 'A' + 'a');
    }
    return *this;
  }
  [[nodiscard]] std::span<const std::uint8_t> octets() const noexcept {
    return std::span(octets_).first(size_);
  }

 private:
  std::size_t size_ = 0;
  std::array<std::uint8_t, kMaxInput> octets_{};
};

AskerKey digest(const AskerKeys::Random& key, const Input& input) noexcept {
  std::array<std::uint8_t, 32> whole{};
  unsigned size = 0;
  const auto octets = input.octets();
  CHECK(HMAC(EVP_sha256(), key.data(), key.size(), octets.data(), octets.size(), whole.data(),
             &size) != nullptr);
  AskerKey half;
  std::copy_n(whole.begin(), half.size(), half.begin());
  return half;
}

}  // namespace

Asker AskerKeys::of(const Question& question) const noexcept {
  const std::string_view user = question.user.view();
  const std::string_view client = question.client.view();
  const std::string_view station = question.calling_station.view();
  return {.user = digest(key_, Input(Kind::user).add_folded(user)),
          .place = digest(key_, Input(Kind::place).add(client).add(station)),
          .pair = digest(key_, Input(Kind::pair).add(user).add(client).add(station)),
          .has_station = !station.empty() && station.size() < kStationOctets};
}

}  // namespace sallyport::verify
