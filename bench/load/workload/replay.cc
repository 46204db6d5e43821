// A capture's requests, each a session of its own: with an Identifier and authenticator of ours,
// signed for our secret. What the capture's secret hid is hidden with ours.

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "bench/load/workload/fast_random.h"
#include "bench/load/workload/request_source.h"
#include "protocol/check.h"
#include "protocol/radius/packet_writer.h"
#include "protocol/radius/rehide.h"

namespace sallyport::lab {
namespace {

class Replay final : public RequestSource {
 public:
  Replay(const WorkloadSettings& settings, const radius::HopKey& key)
      : key_(key),
        capture_(settings.capture),
        rehides_(!settings.capture_secret.empty()),
        capture_key_(settings.capture_secret),
        message_authenticator_(settings.message_authenticator),
        random_(settings.seed) {}

  /// Leaves out what cannot be signed anew.
  [[nodiscard]] std::expected<void, std::string> finish() {
    for (std::size_t index = 0; index < capture_->size(); ++index) {
      const auto octets = rewrite(capture_->request(index), 0);
      if (!octets) continue;
      usable_.push_back(index);
      max_octets_ = std::max(max_octets_, *octets);
    }
    if (!usable_.empty()) return {};
    return std::unexpected(fmt::format(
        "none of the capture's {} requests can be signed anew: hidden attributes of wrong length, "
        "or no room for a Message-Authenticator",
        capture_->size()));
  }

  [[nodiscard]] std::uint64_t sessions() const noexcept override { return usable_.size(); }
  [[nodiscard]] std::uint64_t time_ns(std::uint64_t number) const noexcept override {
    return capture_->time_ns(usable_[number % usable_.size()]);
  }
  [[nodiscard]] std::size_t max_request_octets() const noexcept override { return max_octets_; }
  [[nodiscard]] bool one_round() const noexcept override { return false; }

  std::size_t write(const Session& session, std::uint8_t identifier,
                    MutableOctets out) noexcept override {
    const std::size_t index = usable_[session.number % usable_.size()];
    const auto octets = rewrite(capture_->request(index), identifier);
    CHECK(octets);  // it could be done in finish()
    std::ranges::copy(Octets(scratch_).first(*octets), out.begin());
    return *octets;
  }

  /// A later round stands in the capture as a request of its own, with a State of then.
  Judgement conclude(Session&, const Answer& answer) noexcept override {
    return answer.by_code == Judgement::next ? Judgement::done_accept : answer.by_code;
  }

 private:
  /// Into scratch_; its length. Nothing: it cannot be done.
  [[nodiscard]] std::optional<std::size_t> rewrite(Octets captured,
                                                   std::uint8_t identifier) noexcept {
    const auto request = radius::PacketView::parse(captured);
    const bool computed = radius::role_of(request->code()) == radius::Role::signed_request;
    const bool access = request->code() == radius::Code::access_request;
    const radius::Authenticator authenticator =
        computed ? radius::Authenticator{} : radius::Authenticator{random_.next16()};
    radius::Rehider rehider(
        {capture_key_, computed ? radius::Authenticator{} : request->authenticator()},
        {key_, authenticator}, static_cast<std::uint16_t>(random_.next()));

    radius::PacketWriter writer(scratch_, request->code(), radius::Identifier{identifier});
    const bool adds = access && message_authenticator_ && !has_signature(*request);
    if (adds && !writer.add_message_authenticator()) return std::nullopt;
    for (const radius::Attribute attribute : *request) {
      if (attribute.type == radius::Type::message_authenticator) {
        if (!writer.add_message_authenticator()) return std::nullopt;
        continue;
      }
      const MutableOctets copy = writer.copy(attribute.whole);
      if (copy.empty()) return std::nullopt;
      if (rehides_ && !rehider.rehide(attribute, copy.subspan(2))) return std::nullopt;
    }
    // RFC 2865 §2.3: the authenticator that we replace was the challenge.
    if (access && request->has(radius::Type::chap_password) &&
        !request->has(radius::Type::chap_challenge) &&
        !writer.add(radius::Type::chap_challenge, request->authenticator().octets)) {
      return std::nullopt;
    }
    return computed ? writer.sign(key_, {}) : writer.sign_access_request(key_, authenticator);
  }
  static bool has_signature(const radius::PacketView& request) {
    return request.message_authenticator_offset() != 0;
  }

  const radius::HopKey& key_;
  std::shared_ptr<const Capture> capture_;
  bool rehides_;
  radius::HopKey capture_key_;
  bool message_authenticator_;
  FastRandom random_;
  std::array<std::uint8_t, radius::kMaxPacketOctets> scratch_;  ///< what PacketWriter needs
  std::vector<std::size_t> usable_;                             ///< indexes into the capture
  std::size_t max_octets_ = 0;
};

}  // namespace

MadeSource make_replay(const WorkloadSettings& settings, const radius::HopKey& key) {
  if (settings.capture == nullptr || settings.capture->size() == 0)
    return std::unexpected("replay needs a capture with requests in it");
  if (settings.request_octets != 0)
    return std::unexpected("replay sends requests as long as they were: no length can be set");
  auto source = std::make_unique<Replay>(settings, key);
  if (auto finished = source->finish(); !finished)
    return std::unexpected(std::move(finished.error()));
  return source;
}

}  // namespace sallyport::lab
