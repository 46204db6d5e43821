#include "bench/load/workload/presigned.h"

#include <algorithm>
#include <array>

#include "protocol/check.h"

namespace sallyport::lab {

PresignedRequests::PresignedRequests(RequestSource& source, std::size_t count)
    : rounds_(static_cast<std::uint32_t>((count + kIdentifiers - 1) / kIdentifiers)) {
  CHECK(count >= kMin && count <= kMax);
  std::array<std::uint8_t, radius::kMaxPacketOctets> out;
  for (std::uint32_t entry = 0; entry < this->count(); ++entry) {
    const std::size_t octets =
        source.write({.number = entry}, static_cast<std::uint8_t>(entry % kIdentifiers), out);
    if (entry == 0) {
      octets_ = octets;
      requests_.reserve(octets * this->count());
    }
    CHECK(octets == octets_);
    requests_.insert(requests_.end(), out.begin(),
                     out.begin() + static_cast<std::ptrdiff_t>(octets));
  }
  kept_.resize(this->count());
}

std::optional<Judgement> PresignedRequests::known(std::uint32_t entry,
                                                  Octets answer) const noexcept {
  const Kept& kept = kept_[entry];
  if (kept.octets == 0 || !std::ranges::equal(Octets(kept.answer).first(kept.octets), answer))
    return std::nullopt;
  return kept.judgement;
}

void PresignedRequests::keep(std::uint32_t entry, Octets answer, Judgement judgement) noexcept {
  if (answer.size() > kKeptOctets) return;
  Kept& kept = kept_[entry];
  kept.octets = static_cast<std::uint8_t>(answer.size());
  kept.judgement = judgement;
  std::ranges::copy(answer, kept.answer.begin());
}

}  // namespace sallyport::lab
