#include "engine/radius/coa/nas_directory.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "engine/radius/coa/coa_packet.h"

namespace sallyport::radius_door {
namespace {

using radius::Type;

constexpr std::uint8_t kHostBits = 128;

std::uint64_t hash_of(std::string_view name) { return std::hash<std::string_view>{}(name); }

/// The value of NAS-IP-Address or NAS-IPv6-Address; nothing: not of its length.
std::optional<IpAddress> address_in(Octets value) {
  IpAddress address;
  if (value.size() == address.octets.size()) {
    copy_octets(value, address.octets);
    return address;
  }
  if (value.size() != 4) return std::nullopt;
  return IpAddress::v4(std::uint32_t{value[0]} << 24 | std::uint32_t{value[1]} << 16 |
                       std::uint32_t{value[2]} << 8 | value[3]);
}

/// What is sent there arrives at one machine, if at any.
bool is_one_machine(const IpAddress& address) {
  if (address.is_any()) return false;
  const auto& octets = address.octets;
  return address.is_v4() ? octets[12] != 0 && octets[12] < 224 : octets[0] != 0xff;
}

/// A NAS has one address of each family.
bool may_be_one(const Nas& one, const Nas& other) {
  return one.name == other.name && (one.address == other.address ||
                                    one.address.address.is_v4() != other.address.address.is_v4());
}

}  // namespace

NasDirectory::NasDirectory(std::shared_ptr<const ClientTable> clients,
                           const std::vector<config::Client>& configured,
                           const config::ClientRows* rows)
    : clients_(std::move(clients)) {
  for (const config::Client& client : configured) add(client);
  if (rows == nullptr) return;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const config::ClientRows::Row row = (*rows)[i];
    if (row.prefix.length != kHostBits) continue;
    rows_.push_back({.name_hash = hash_of(row.name), .address = row.prefix.address});
  }
  std::ranges::sort(rows_, {}, &Row::name_hash);
}

void NasDirectory::add(const config::Client& client) {
  Settings settings{.client_secret = client.secret,
                    .port = static_cast<std::uint16_t>(client.coa.port),
                    .address = client.coa.address,
                    .key = nullptr};
  if (!client.coa.secret.empty())
    settings.key = std::make_unique<const radius::HopKey>(client.coa.secret);
  settings_.emplace(client.name, std::move(settings));

  const bool single = client.addresses.size() == 1 && client.addresses[0].length == kHostBits;
  if (!single && !client.coa.address) return;
  // Of several addresses any will do that leads to this client and to no other inside of it.
  for (const Prefix& prefix : client.addresses) {
    const ClientEntry* const entry = clients_->find(prefix.address);
    if (entry == nullptr || entry->name() != client.name) continue;
    addresses_.emplace(client.name, prefix.address);
    for (const std::string& identifier : client.coa.nas_identifiers)
      addresses_.emplace(identifier, prefix.address);
    return;
  }
}

std::optional<Nas> NasDirectory::at(const IpAddress& address) const {
  const ClientEntry* const entry = clients_->find(address);
  if (entry == nullptr) return std::nullopt;
  Nas nas{.address = {.address = address, .port = config::kCoaPort},
          .name = entry->name(),
          .key = &entry->key};
  const auto found = settings_.find(nas.name);
  if (found != settings_.end() &&
      equal_constant_time(found->second.client_secret.reveal(), entry->key.secret())) {
    const Settings& settings = found->second;
    nas.address.port = settings.port;
    if (settings.address) nas.address.address = *settings.address;
    if (settings.key) nas.key = settings.key.get();
  }
  if (!is_one_machine(nas.address.address)) return std::nullopt;
  return nas;
}

std::optional<Nas> NasDirectory::named(std::string_view identifier) const {
  if (const auto found = addresses_.find(identifier); found != addresses_.end())
    return at(found->second);
  std::optional<Nas> nas;
  for (const Row& row : std::ranges::equal_range(rows_, hash_of(identifier), {}, &Row::name_hash)) {
    auto candidate = at(row.address);
    if (!candidate || candidate->name != identifier) continue;
    if (nas) return std::nullopt;  // lines share the name: which one is meant?
    nas = candidate;
  }
  return nas;
}

std::expected<Nas, NasMiss> NasDirectory::find(const radius::PacketView& request) const {
  std::optional<Nas> by_address;
  std::optional<Nas> by_name;
  bool any = false;
  bool mismatch = false;
  const auto take = [&](std::optional<Nas>& place, const std::optional<Nas>& found) {
    any = true;
    if (!found) return;
    if (place && !may_be_one(*place, *found)) mismatch = true;
    if (!place) place = found;
  };
  for (const radius::Attribute attribute : request) {
    if (attribute.type == Type::nas_ip_address || attribute.type == Type::nas_ipv6_address) {
      const auto address = address_in(attribute.value);
      take(by_address, address ? at(*address) : std::nullopt);
    } else if (attribute.type == Type::nas_identifier) {
      take(by_name, named(as_text(attribute.value)));
    } else if (is_operator_nas_identifier(attribute)) {
      take(by_name, named(as_text(attribute.value.subspan(1))));
    }
  }
  if (!any) return std::unexpected(NasMiss::unnamed);
  if (by_address && by_name && by_address->name != by_name->name) mismatch = true;
  if (mismatch) return std::unexpected(NasMiss::mismatch);
  if (by_address) return *by_address;
  if (by_name) return *by_name;
  return std::unexpected(NasMiss::unknown);
}

}  // namespace sallyport::radius_door
