// Dynamic authorization: one row each.

#include <array>

#include "engine/config/checks.h"
#include "engine/config/rows.h"
#include "engine/limits.h"

namespace sallyport::config {
namespace {

using enum Presence;

template <auto Member>
constexpr auto coa = [](Draft& draft) -> auto& { return draft.config.coa.*Member; };
template <auto Member>
constexpr auto asker = [](Draft& draft) -> auto& { return draft.coa_client.*Member; };
template <auto Member>
constexpr auto nas = [](Draft& draft) -> auto& { return draft.client.coa.*Member; };

constexpr std::uint16_t kMaxNasIdentifiers = 64;

/// As it stands in the attribute (RFC 2865 §5.32).
std::optional<Complaint> add_nas_identifier(std::string_view text,
                                            std::vector<std::string>& identifiers) {
  if (text.empty() || text.size() > radius::kMaxAttributeValueOctets) {
    return Complaint{.wrong = "is no NAS-Identifier: it has 1 to 253 octets",
                     .mend = "Write it as the NAS sends it."};
  }
  identifiers.emplace_back(text);
  return std::nullopt;
}

constexpr std::array kCoaSettings = std::to_array<Setting>({
    // [[client]]
    {Section::client, "coa_port", optional, WholeNumber{nas<&CoaOfClient::port>, 1, 65'535}, "", "",
     "UDP port where this client takes CoA-Requests and Disconnect-Requests, where there is "
     "[coa]."},
    {Section::client, "coa_secret", optional, SecretSource{nas<&CoaOfClient::secret>}, "", "",
     "The secret for them. Without it, `secret`."},
    {Section::client, "coa_address", optional, AnAddress{nas<&CoaOfClient::address>}, "", "",
     "Where all of them go. Without it, to the address that NAS-IP-Address or NAS-IPv6-Address "
     "names; a client of a single address can also be named by NAS-Identifier."},
    {Section::client, "nas_identifiers", optional,
     texts<nas<&CoaOfClient::nas_identifiers>, add_nas_identifier, plain_text>("names",
                                                                               kMaxNasIdentifiers),
     "", "",
     "Values of NAS-Identifier or Operator-NAS-Identifier that mean this client, beside its name. "
     "It must have a single address, or coa_address."},

    // [coa]
    {Section::coa, "listen", required,
     EndpointList{coa<&Coa::listen>, kCoaPort, limits::kMaxListenEndpoints},
     "[\"192.0.2.10:3799\"]", "",
     "Addresses and UDP ports where the requests are heard. Without a port, 3799."},
    {Section::coa, "from_downstream", optional, Switch{coa<&Coa::from_downstream>}, "true", "",
     "Whether the downstream servers may send them, from their addresses and with their secrets."},
    {Section::coa, "require_message_authenticator", optional,
     Switch{coa<&Coa::require_message_authenticator>}, "", "",
     "Drop a request without Message-Authenticator. One that is present is checked in any case, "
     "and "
     "so is the Request Authenticator."},
    {Section::coa, "require_event_timestamp", optional, Switch{coa<&Coa::require_event_timestamp>},
     "", "",
     "Drop a request without Event-Timestamp: without one, a recorded request can be sent once "
     "more "
     "when it is forgotten, after 30 s."},
    {Section::coa, "event_window", optional, Duration{coa<&Coa::event_window_ms>, 5'000, 3'600'000},
     "", "",
     "How far an Event-Timestamp may be from our clock, before or behind. Others are dropped (RFC "
     "5176 §2.3)."},
    {Section::coa, "retransmit", optional, Duration{coa<&Coa::retransmit_ms>, 100, 60'000}, "", "",
     "When a request that the NAS has not answered is sent again for the first time; the wait "
     "doubles each time (RFC 5080 §2.2.1)."},
    {Section::coa, "timeout", optional,
     Duration{coa<&Coa::timeout_ms>, 500, limits::kMaxCoaTimeoutMs}, "", "",
     "How long a NAS may take. Then whoever asked gets a NAK with Error-Cause 505."},
    {Section::coa, "max_pending", optional,
     WholeNumber{coa<&Coa::max_pending>, 1, limits::kMaxCoaRequests / 2}, "", "",
     "Requests that may wait for their NAS at once. Those beyond get a NAK with Error-Cause 506."},
    {Section::coa, "source_address", optional, AnAddress{coa<&Coa::source_address>}, "", "",
     "Our address that requests to NASes of its family leave from: many take them only from the "
     "address of their RADIUS server. Without it, the route decides."},

    // [[coa.client]]
    {Section::coa_client, "name", required, Text{asker<&CoaClient::name>, 64, check_client_name},
     "\"portal\"", "", "Names it in logs and the audit log."},
    {Section::coa_client, "addresses", required, PrefixList{asker<&CoaClient::addresses>},
     "[\"192.0.2.30\"]", "", "Its source addresses: addresses or prefixes, IPv4 or IPv6."},
    {Section::coa_client, "secret", required, SecretSource{asker<&CoaClient::secret>}, "", "",
     "The secret shared with it."},
});

}  // namespace

std::span<const Setting> coa_rows() noexcept { return kCoaSettings; }

}  // namespace sallyport::config
