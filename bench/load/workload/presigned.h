#pragma once
// Requests signed in advance, with the answers that were judged right: see workload.h.

#include <cstdint>
#include <optional>
#include <vector>

#include "bench/load/workload/request_source.h"
#include "bench/load/workload/session.h"
#include "protocol/octets.h"

namespace sallyport::lab {

/// Memory is taken at construction only. Used by one thread.
class PresignedRequests {
 public:
  static constexpr std::uint32_t kIdentifiers = 256;
  /// Two for each Identifier, so that one after the other can be sent.
  static constexpr std::size_t kMin = std::size_t{2} * kIdentifiers;
  static constexpr std::size_t kMax = std::size_t{1} << 22;

  /// `count`: kMin..kMax, rounded up to whole hundreds of Identifiers.
  PresignedRequests(RequestSource& source, std::size_t count);

  [[nodiscard]] std::uint32_t count() const noexcept { return rounds_ * kIdentifiers; }
  [[nodiscard]] std::uint32_t entry(std::uint32_t socket, std::uint8_t identifier,
                                    std::uint32_t turn) const noexcept {
    return (socket + turn) % rounds_ * kIdentifiers + identifier;
  }
  [[nodiscard]] Octets request(std::uint32_t entry) const noexcept {
    return Octets(requests_).subspan(std::size_t{entry} * octets_, octets_);
  }

  /// What the same answer to the same request was judged; nothing: it has not come before.
  [[nodiscard]] std::optional<Judgement> known(std::uint32_t entry, Octets answer) const noexcept;
  /// Longer answers are not kept: they are judged each time.
  void keep(std::uint32_t entry, Octets answer, Judgement judgement) noexcept;

 private:
  static constexpr std::size_t kKeptOctets = 126;
  struct Kept {
    std::uint8_t octets = 0;  ///< 0: none
    Judgement judgement{};
    std::array<std::uint8_t, kKeptOctets> answer;
  };
  static_assert(sizeof(Kept) == 128);

  std::uint32_t rounds_;
  std::size_t octets_ = 0;  ///< of each request
  std::vector<std::uint8_t> requests_;
  std::vector<Kept> kept_;
};

}  // namespace sallyport::lab
