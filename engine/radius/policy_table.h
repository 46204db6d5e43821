#pragma once
// The policies in the form in which the door asks them: which one decides about a login that the
// downstream has accepted. Immutable; any thread; no allocation, no lock, no clock.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/config.h"
#include "engine/radius/local_zone.h"
#include "protocol/ip_address.h"
#include "protocol/radius/attribute_name.h"
#include "protocol/radius/packet.h"
#include "verify/group_names.h"
#include "verify/login_factor.h"

namespace sallyport::radius_door {

/// What is known of a login.
struct PolicySubject {
  std::string_view user;  ///< whose approval would be asked; empty: nobody has proved a name
  std::string_view client;
  const IpAddress& source;
  std::optional<std::uint32_t> nas_port_type;
  std::span<const std::string_view> groups;  ///< that the downstream says
  std::int64_t unix_s = 0;
  /// Of PolicyTable::directory_names(); null: no directory has been asked yet.
  const verify::FoundGroups* directory_groups = nullptr;
};

/// RFC 2865 §5.41: a value of four octets.
[[nodiscard]] std::optional<std::uint32_t> nas_port_type(
    const radius::PacketView& request) noexcept;

class PolicyTable {
 public:
  static constexpr std::uint16_t kNone = 0xffff;     ///< no policy matches: the user is asked
  static constexpr std::uint16_t kUnnamed = 0xfffe;  ///< which one depends on a name, and nobody
                                                     ///< has proved one: nobody may be let in
  static constexpr std::uint16_t kAskDirectory = 0xfffd;  ///< which one depends on the user's
                                                          ///< groups in his directory

  PolicyTable() = default;
  /// Both validated.
  PolicyTable(std::vector<config::Policy> policies, const config::SecondFactor& common,
              LocalZone zone);

  /// The policy that decides: its index, kNone or kUnnamed. The first one that matches. With
  /// `directory_groups` never kAskDirectory.
  ///
  /// A name can be written in many ways that the downstream may take for the same. So one that
  /// exempts must match octet for octet, and all others match in any case, whatever blanks stand at
  /// the ends of user and realm (verify::PlainName), and, where they name no realm, with any. So do
  /// a directory's groups exempt only whom it spells in the same way.
  [[nodiscard]] std::uint16_t choose(const PolicySubject& subject) const noexcept;
  [[nodiscard]] const config::Policy& operator[](std::uint16_t index) const noexcept {
    return policies_[index];
  }
  /// The policy of this name, or kNone.
  [[nodiscard]] std::uint16_t index_of(std::string_view name) const noexcept;
  /// What is added to an Access-Accept that the user approved by this factor: attributes as they
  /// stand in a packet.
  [[nodiscard]] Octets accept_attributes(std::uint16_t index,
                                         verify::LoginFactor factor) const noexcept {
    const auto which = static_cast<std::size_t>(factor);
    const bool own = index < policies_.size() && !policies_[index].accept_attributes.empty();
    return own ? own_attributes_[index][which] : common_attributes_[which];
  }
  /// The attributes of them that are one for each group, for `groups` (verify::Answer): written to
  /// `out`. Returns the octets; empty: there is no room for all of them.
  [[nodiscard]] std::optional<std::size_t> write_group_attributes(std::uint16_t index,
                                                                  std::string_view group_lines,
                                                                  MutableOctets out) const noexcept;
  /// Whether whoever is in these groups may approve a login of this policy.
  [[nodiscard]] bool allows(std::uint16_t index, std::string_view group_lines) const noexcept;
  /// Whose texts its logins get (config::language_index()); 0: the client's.
  [[nodiscard]] std::uint8_t language_of(std::uint16_t index) const noexcept {
    return index < languages_.size() ? languages_[index] : std::uint8_t{0};
  }
  [[nodiscard]] std::size_t size() const noexcept { return policies_.size(); }

  /// Whether choose() looks at groups at all.
  [[nodiscard]] bool asks_groups() const noexcept { return asks_groups_; }
  /// The groups that directories are to be asked for; null: none.
  [[nodiscard]] const std::shared_ptr<const verify::GroupNames>& directory_names() const noexcept {
    return directory_names_;
  }
  /// No attribute, and none within a Vendor-Specific, is shorter than two octets.
  static constexpr std::size_t kMaxGroups = radius::kMaxPacketOctets / 2;
  /// The groups that `accept` names, as views into it, kept in `room`.
  [[nodiscard]] std::span<const std::string_view> groups_of(
      const radius::PacketView& accept,
      std::span<std::string_view, kMaxGroups> room) const noexcept;

 private:
  void read_directory_groups();
  enum class Membership : std::uint8_t { outside, inside, unknown };
  [[nodiscard]] Membership membership(std::size_t index,
                                      const PolicySubject& subject) const noexcept;

  std::vector<config::Policy> policies_;
  std::optional<radius::AttributeName> group_attribute_;
  LocalZone zone_;
  /// By factor.
  using Attributes = std::array<std::vector<std::uint8_t>, verify::kLoginFactors>;
  static Attributes encoded_for_each(const std::vector<config::AcceptAttribute>& attributes);

  /// With {group} in them.
  using GroupAttributes = std::vector<config::AcceptAttribute>;

  std::vector<Attributes> own_attributes_;             ///< of each policy
  std::vector<GroupAttributes> own_group_attributes_;  ///< the same
  GroupAttributes common_group_attributes_;
  std::vector<std::uint8_t> languages_;  ///< the same
  Attributes common_attributes_;
  bool asks_groups_ = false;
  std::shared_ptr<const verify::GroupNames> directory_names_;
  std::vector<std::vector<std::uint32_t>> directory_groups_;  ///< of each policy, sorted; empty
                                                              ///< without directory_names_
};

}  // namespace sallyport::radius_door
