#include "engine/config/settings.h"

#include <algorithm>
#include <array>

#include "engine/config/checks.h"
#include "engine/config/gate_text.h"
#include "engine/config/policy_text.h"
#include "engine/config/rows.h"
#include "engine/limits.h"

namespace sallyport::config {
namespace {

using enum Presence;

/// The fields of a draft, so that a row below names its field once.
template <auto Member>
constexpr auto radius = [](Draft& draft) -> auto& { return draft.config.radius.*Member; };
template <auto Member>
constexpr auto client = [](Draft& draft) -> auto& { return draft.client.*Member; };
template <auto Member>
constexpr auto notakey = [](Draft& draft) -> auto& { return draft.config.notakey.*Member; };
template <auto Member>
constexpr auto second_factor =
    [](Draft& draft) -> auto& { return draft.config.second_factor.*Member; };
template <auto Member>
constexpr auto admin = [](Draft& draft) -> auto& { return draft.config.admin.*Member; };
template <auto Member>
constexpr auto log = [](Draft& draft) -> auto& { return draft.config.log.*Member; };

constexpr std::array<std::string_view, 3> kOnUnavailable = {"deny", "allow", "silent"};
constexpr std::array<std::string_view, 3> kUserNameFrom = {"auto", "request", "accept"};
constexpr std::array<std::string_view, 2> kVersion = {"v2", "v3"};
constexpr std::array<std::string_view, 3> kLogFormat = {"auto", "human", "json"};
constexpr std::array<std::string_view, 4> kLogLevel = {"debug", "info", "warning", "error"};

constexpr std::uint16_t kRadiusPort = 1812;
constexpr std::uint32_t kMaxExchanges = 16'777'216;
static_assert(kMaxExchanges <= limits::kMaxShards * limits::kMaxExchangesPerShard);

constexpr std::array kSettings = std::to_array<Setting>({
    // [engine]
    {Section::engine, "shards", optional,
     WholeNumber{radius<&Radius::shards>, 0, limits::kMaxShards}, "", "",
     "Threads that serve both doors, each with its own sockets and tables. 0: one for each core "
     "this process may use."},
    {Section::engine, "pin", optional, Switch{radius<&Radius::pin>}, "", "",
     "Keep each shard on a core of its own. Switch it off where other busy programs share the "
     "cores."},

    // [radius]
    {Section::radius, "listen", optional,
     EndpointList{radius<&Radius::listen>, kRadiusPort, limits::kMaxListenEndpoints}, "",
     "LISTEN_ADDRESS, PORT_IN",
     "Addresses and UDP ports where RADIUS clients are heard. Without a port, 1812. `[::]:1812` as "
     "a second one listens to IPv6 as well."},
    {Section::radius, "shards", older, WholeNumber{radius<&Radius::shards>, 0, limits::kMaxShards},
     "", "", "The same as engine.shards, of which it is the older place."},
    {Section::radius, "pin", older, Switch{radius<&Radius::pin>}, "", "",
     "The same as engine.pin, of which it is the older place."},
    {Section::radius, "max_exchanges", optional,
     WholeNumber{radius<&Radius::max_exchanges>, 256, kMaxExchanges}, "", "",
     "Requests that are remembered at once, in all shards together: those that wait, and those "
     "answered within the duplicate window. Memory for all of them is taken at start. When none "
     "is free, new requests are dropped and counted."},
    {Section::radius, "duplicate_window", optional,
     Duration{radius<&Radius::duplicate_window_ms>, limits::kMinDuplicateWindowMs,
              limits::kMaxDuplicateWindowMs},
     "", "",
     "How long an answer is kept to be sent again when the client repeats its request (RFC 5080 "
     "§2.2.2)."},
    {Section::radius, "clients_file", optional,
     File{radius<&Radius::clients_file>, File::Kind::readable}, "", "",
     "More clients, for those who have hundreds of thousands: a file of lines "
     "`address,name,secret`, as `192.0.2.7,office,8f2c...` or `2001:db8::/48,branch,...`. The "
     "secret "
     "is all behind the second comma. Empty lines and those that begin with # are passed over. "
     "Lines may share a name; each address or prefix stands once, here and in all [[client]]. What "
     "[[client]] may say besides has its default. Only its owner and group may open it. Read anew "
     "by each reload."},

    // [[client]]
    {Section::client, "name", required, Text{client<&Client::name>, 64, check_client_name},
     "\"office-vpn\"", "", "Names the client in logs, metrics and the text {client}."},
    {Section::client, "addresses", required, PrefixList{client<&Client::addresses>},
     "[\"192.0.2.0/24\", \"2001:db8:1::/48\"]", "ADDRESS_SECRET_IN",
     "Source addresses of the client: addresses or prefixes, IPv4 or IPv6. Where prefixes of two "
     "clients overlap, the longer one wins. `0.0.0.0` and `::` mean any address."},
    {Section::client, "secret", required, SecretSource{client<&Client::secret>}, "",
     "ADDRESS_SECRET_IN", "The secret shared with this client."},
    {Section::client, "require_message_authenticator", optional,
     choice<client<&Client::require_message_authenticator>>(kRequire), "", "",
     "Whether an Access-Request must carry a Message-Authenticator (CVE-2024-3596). `auto` "
     "requires it of an address once a valid one has come from there in a packet that did not "
     "have to carry one (EAP has to). `yes` always requires it, `no` never. One that is present is "
     "checked in any case."},
    {Section::client, "limit_proxy_state", optional, Switch{client<&Client::limit_proxy_state>}, "",
     "",
     "Drop an Access-Request that carries a Proxy-State and no Message-Authenticator "
     "(CVE-2024-3596). Switch it off only for a proxy that cannot be updated."},
    {Section::client, "language", optional, Text{client<&Client::language>, 12, check_language}, "",
     "",
     "Language of the Reply-Messages for its users: that of a [[second_factor.messages]]. Without "
     "it, the texts of [second_factor]."},

    // [notakey]
    {Section::notakey, "host", required, Text{notakey<&Notakey::host>, kMaxUrl, check_api_url},
     "\"https://demo.notakey.com\"", "NOTAKEY_HOST",
     "URL of the Notakey API, with or without `/api` at its end."},
    {Section::notakey, "access_id", required,
     Text{notakey<&Notakey::access_id>, 128, check_access_id},
     "\"00000000-0000-0000-0000-000000000000\"", "NOTAKEY_ACCESS_ID",
     "Access id of the application (v2), or service id (v3), from the Notakey dashboard."},
    {Section::notakey, "version", optional, choice<notakey<&Notakey::version>>(kVersion), "", "",
     "The API that is spoken. v2 knows no credentials but the access id; v3 asks for a client id "
     "and secret, and is the better choice wherever the server has it."},
    {Section::notakey, "client_id", optional,
     Text{notakey<&Notakey::client_id>, 256, check_one_line}, "", "",
     "OAuth client id. Required by v3, not known to v2."},
    {Section::notakey, "client_secret", optional, SecretSource{notakey<&Notakey::client_secret>},
     "", "", "OAuth client secret. Required by v3, not known to v2."},
    {Section::notakey, "timeout", optional,
     Duration{notakey<&Notakey::timeout_ms>, 100, kMaxCallMs}, "", "NOTAKEY_TIMEOUT",
     "How long one call of the API may take."},
    {Section::notakey, "ttl", optional, Duration{notakey<&Notakey::ttl_ms>, 5'000, 900'000}, "", "",
     "How long the user may take to answer. The RADIUS client must wait at least as long: its "
     "time-out multiplied by its tries."},
    {Section::notakey, "action", optional, Text{notakey<&Notakey::action>, 128, check_template}, "",
     "",
     "Title of the question on the phone. May hold {user}, {client}, {address}, "
     "{calling_station}, {called_station} and {nas}."},
    {Section::notakey, "description", optional,
     Text{notakey<&Notakey::description>, 512, check_template}, "", "",
     "Text of the question on the phone, with the same placeholders."},
    {Section::notakey, "number_description", optional,
     Text{notakey<&Notakey::number_description>, 512, check_number_template}, "", "",
     "In its place where the user was shown a number before (second_factor.number_matching), which "
     "{number} stands for."},
    {Section::notakey, "profile", optional, Text{notakey<&Notakey::profile>, 128, check_access_id},
     "", "",
     "UUID of an authentication profile of v3, which then holds title, text and time on the "
     "server: `action` and `description` are not sent."},
    {Section::notakey, "proxy", optional, Text{notakey<&Notakey::proxy>, kMaxUrl, check_proxy_url},
     "", "", "HTTP proxy on the way to the API: `http://proxy.example.net:3128`."},
    {Section::notakey, "ca_file", optional,
     Text{notakey<&Notakey::ca_file>, kMaxPath, check_readable_file}, "", "",
     "PEM file with the certificate authorities that the API's certificate is checked against. "
     "Without it, the system's."},

    // [second_factor]
    {Section::second_factor, "on_unavailable", optional,
     choice<second_factor<&SecondFactor::on_unavailable>>(kOnUnavailable), "", "",
     "What happens to a good password when the second factor cannot be asked: `deny` rejects, "
     "`silent` answers nothing so that the client turns to its next server, `allow` accepts and "
     "says so in the audit log. Once a question is on its way to a phone, no answer means reject "
     "whatever is set here."},
    {Section::second_factor, "user_name_from", optional,
     choice<second_factor<&SecondFactor::user_name_from>>(kUserNameFrom), "", "",
     "Whose phone is asked: the User-Name of the `request`, or that of the Access-`accept` where "
     "there is one. `auto` is `request`, but for EAP only the name in the Access-Accept counts: "
     "the "
     "outer name of EAP is not proved by the password, so an Access-Accept without a User-Name is "
     "rejected."},
    {Section::second_factor, "threads", optional,
     WholeNumber{second_factor<&SecondFactor::threads>, 1, 64}, "", "",
     "Threads that speak with the Notakey API. One carries tens of thousands of waiting users."},
    {Section::second_factor, "max_pending", optional,
     WholeNumber{second_factor<&SecondFactor::max_pending>, 1, 4'194'304}, "", "",
     "Users who may be asked at once, in all threads together. For those beyond, the second factor "
     "is unavailable."},

    // [admin]
    {Section::admin, "listen", optional, AnEndpoint{admin<&Admin::listen>, kDefaultAdminPort},
     "\"127.0.0.1:9812\"", "",
     "Address and TCP port of /metrics (Prometheus), /health and /status; `sallyport status` asks "
     "there. It asks for no password: keep it on loopback or a management network. Without it, "
     "there is none."},

    // [log]
    {Section::log, "format", optional, choice<log<&Log::format>>(kLogFormat), "", "",
     "`human` text or one `json` object a line. `auto` is human on a terminal, else JSON."},
    {Section::log, "level", optional, choice<log<&Log::level>>(kLogLevel), "", "",
     "The least important messages that are written. Does not concern the audit lines."},
    {Section::log, "file", optional, Text{log<&Log::file>, kMaxPath, check_log_file}, "", "",
     "File that log lines are added to; opened anew on SIGHUP. Empty: standard error."},
    {Section::log, "audit", optional, Switch{log<&Log::audit>}, "", "",
     "One line for each decision: who, from where, what the downstream said, the verdict, and how "
     "long each part took. Never a password."},
});

/// `AtHand` is the draft's element, `List` finds where such elements are kept.
template <auto AtHand, auto List, auto Finish>
constexpr Repeated repeated(std::size_t max_count) {
  return {
      .begin = [](Draft& draft) { draft.*AtHand = {}; },
      .keep =
          [](Draft& draft) {
            Finish(draft.*AtHand, List(draft.config).size());
            List(draft.config).push_back(std::move(draft.*AtHand));
          },
      .count = [](const Config& config) { return List(config).size(); },
      .pick = [](Draft& draft, std::size_t index) { draft.*AtHand = List(draft.config)[index]; },
      .max_count = max_count};
}
template <auto Member>
constexpr auto http_list = [](auto& config) -> auto& { return config.http.*Member; };
constexpr auto client_list = [](auto& config) -> auto& { return config.clients; };
template <auto Member>
constexpr auto radsec_list = [](auto& config) -> auto& { return config.radsec.*Member; };
template <auto Member>
constexpr auto downstream_list = [](auto& config) -> auto& { return config.downstream.*Member; };
constexpr auto coa_client_list = [](auto& config) -> auto& { return config.coa.clients; };
constexpr auto translation_list = [](auto& config) -> auto& {
  return config.second_factor.translations;
};
constexpr auto policy_list = [](auto& config) -> auto& { return config.policies; };

/// What an element needs when all its keys are read; `index` is its place.
constexpr auto as_read = [](auto&, std::size_t) {};
constexpr auto finish_pool = [](HttpPool& pool, std::size_t) {
  for (HttpServer& server : pool.servers) {
    if (server.port == 0) server.port = pool.tls ? 443 : 80;
  }
};
constexpr auto finish_downstream = [](DownstreamServer& server, std::size_t) { finish(server); };
constexpr auto finish_route = [](HttpRoute& route, std::size_t index) {
  if (route.name.empty()) route.name = "route-" + std::to_string(index + 1);
  for (std::string* prefix : {&route.path_prefix, &route.strip_prefix, &route.add_prefix}) {
    if (*prefix == "/") prefix->clear();
  }
};

bool gate_is_on(const Config& config) { return config.gate.on; }

/// Elements that are read as a draft and finished when all their keys are known.
template <auto AtHand, auto List>
constexpr Repeated drafted(std::size_t max_count) {
  return {
      .begin = [](Draft& draft) { draft.*AtHand = {}; },
      .keep =
          [](Draft& draft) { List(draft.config).push_back(finished(std::move(draft.*AtHand))); },
      .count = [](const Config& config) { return List(config).size(); },
      .pick = [](Draft& draft,
                 std::size_t index) { draft.*AtHand = draft_of(List(draft.config)[index]); },
      .max_count = max_count};
}
constexpr auto directory_list = [](auto& config) -> auto& { return config.gate.directories; };
constexpr auto channel_list = [](auto& config) -> auto& { return config.gate.messenger.channels; };

/// Users of the directory at hand. None is shown at start: logs are no place for people's numbers.
constexpr Repeated kUsers = {
    .begin = [](Draft& draft) { draft.user = {}; },
    .keep = [](Draft& draft) { draft.directory.list.users.push_back(std::move(draft.user)); },
    .count = [](const Config&) { return std::size_t{0}; },
    .pick = [](Draft&, std::size_t) {},
    .max_count = 100'000};

constexpr std::array<SectionEntry, kSections> kSectionEntries = {{
    {Section::engine, "engine", Door::both, {}, false, "What both doors run on."},
    {Section::radius,
     "radius",
     Door::radius,
     {},
     false,
     "The RADIUS door: where requests come in. There is one when the file has any of [radius], "
     "[[client]], [radsec] and [downstream]."},
    {Section::client, "client", Door::radius, repeated<&Draft::client, client_list, as_read>(0),
     true,
     "Who may send requests: VPN gateways, Wi-Fi controllers, other RADIUS proxies. One [[client]] "
     "each; requests from other addresses are dropped and counted. Not needed where all clients "
     "come "
     "by TLS, as [[radsec.client]]."},
    {Section::radsec,
     "radsec",
     Door::radius,
     {},
     false,
     "RADIUS over TLS (RadSec, RFC 6614; RADIUS/1.1, RFC 9765). There is such a door when the file "
     "has a [[radsec.listener]]."},
    {Section::radsec_listener, "radsec.listener", Door::radius,
     repeated<&Draft::radsec_listener, radsec_list<&Radsec::listeners>, as_read>(16), false,
     "Where clients connect to with TLS."},
    {Section::radsec_client, "radsec.client", Door::radius,
     repeated<&Draft::radsec_client, radsec_list<&Radsec::clients>, as_read>(0), false,
     "Who may send requests over TLS. They are asked in their order, and the first that fits the "
     "certificate and the address is the client. Others are cut off and counted. There is no "
     "secret: the certificate takes its place."},
    {Section::downstream,
     "downstream",
     Door::radius,
     {},
     true,
     "The RADIUS server behind, which checks the password first; and what all such servers have in "
     "common, where there are several."},
    {Section::downstream_server, "downstream.server", Door::radius,
     repeated<&Draft::downstream_server, downstream_list<&Downstream::servers>, finish_downstream>(
         limits::kMaxDownstreamServers),
     false, "One of several RADIUS servers behind. Their order is that in which they are asked."},
    {Section::downstream_pool, "downstream.pool", Door::radius,
     repeated<&Draft::downstream_pool, downstream_list<&Downstream::pools>, as_read>(
         limits::kMaxDownstreamServers),
     false,
     "Servers that know the same users, and how requests are spread over them. A pool that needs "
     "no settings needs no section."},
    {Section::downstream_route, "downstream.route", Door::radius,
     repeated<&Draft::downstream_route, downstream_list<&Downstream::routes>, as_read>(32'768),
     false,
     "Which requests go to which pool: the first route whose conditions all hold. When none "
     "matches, the request is rejected. Without any route, all requests go to the first pool."},
    {Section::accounting,
     "accounting",
     Door::radius,
     {},
     false,
     "A durable spool for accounting: a record is acknowledged once it is on the disk, and goes to "
     "the accounting server from there. Without this section accounting is forwarded as it comes, "
     "and acknowledged only by the downstream.",
     [](const Config& config) { return !config.accounting.spool.empty(); }},
    {Section::coa,
     "coa",
     Door::radius,
     {},
     false,
     "Dynamic authorization (RFC 5176): CoA-Requests and Disconnect-Requests from the server side "
     "to the client (the NAS) that they name, and its answers back. docs/coa.md says how.",
     [](const Config& config) { return !config.coa.listen.empty(); }},
    {Section::coa_client, "coa.client", Door::radius,
     repeated<&Draft::coa_client, coa_client_list, as_read>(1'024), false,
     "Who may send such requests, beside the downstream servers: a captive portal, a billing "
     "system. Requests from other addresses are dropped and counted."},
    {Section::notakey,
     "notakey",
     Door::both,
     {},
     true,
     "The Notakey service that puts the question on the user's phone: for the RADIUS door, and for "
     "`push` at the gate of the HTTP door."},
    {Section::second_factor,
     "second_factor",
     Door::both,
     {},
     false,
     "What a verdict means for the login."},
    {Section::second_factor_limits,
     "second_factor.limits",
     Door::radius,
     {},
     false,
     "How often a user's phone may ring, so that whoever has his password cannot wear him down. A "
     "place is a RADIUS client with a Calling-Station-Id, or the client alone when it sends none. "
     "Where a user has approved a login before, nobody elsewhere can lock him out."},
    {Section::second_factor_messages, "second_factor.messages", Door::radius,
     repeated<&Draft::messages, translation_list, as_read>(kMaxTranslations), false,
     "The texts of [second_factor] in another language. Which one a login gets: that of its "
     "[[policy]], or else of its client."},
    {Section::policy, "policy", Door::radius, repeated<&Draft::policy, policy_list, as_read>(1'024),
     false,
     "Whose login needs which second factor, once the downstream has accepted it. Policies are "
     "asked in their order, and the first one all of whose conditions match decides. When none "
     "matches, the user is asked. docs/second-factor.md has examples."},
    {Section::admin, "admin", Door::both, {}, false, "Metrics, health and status over HTTP."},
    {Section::log, "log", Door::both, {}, false, "What is written, and where."},
    {Section::http,
     "http",
     Door::http,
     {},
     false,
     "The HTTP door as a whole: whom it believes, its own pages, and its bounds. There is one when "
     "the file has an [[http.listener]]."},
    {Section::http_listener, "http.listener", Door::http,
     repeated<&Draft::listener, http_list<&Http::listeners>, as_read>(64), false,
     "Where visitors come in. One [[http.listener]] for each kind: usually one for https and one "
     "for http."},
    {Section::http_certificate, "http.certificate", Door::http,
     repeated<&Draft::certificate, http_list<&Http::certificates>, as_read>(1'024), false,
     "A certificate for the listeners with TLS. Which one a visitor gets is chosen by the name he "
     "asks for (SNI); the first one is for those who ask for none, or for an unknown one."},
    {Section::http_pool, "http.pool", Door::http,
     repeated<&Draft::pool, http_list<&Http::pools>, finish_pool>(1'024), false,
     "Web servers that do the same, and how requests are spread over them."},
    {Section::http_route, "http.route", Door::http,
     repeated<&Draft::route, http_list<&Http::routes>, finish_route>(4'096), false,
     "What is served, from where, to whom. Routes are asked in their order, and the first one that "
     "matches serves the request. When none matches, the answer is 404, or 421 when no route knows "
     "the host."},
    {Section::http_whitelist, "http.whitelist", Door::http,
     repeated<&Draft::whitelist, http_list<&Http::whitelists>, as_read>(256), false,
     "Addresses that are let in without a second factor."},
    {Section::gate,
     "gate",
     Door::http,
     {},
     false,
     "What a visitor goes through whose address is not let in yet. There is a gate when the file "
     "has this section; it needs [store], [[gate.directory]] and, for messages, [[gate.channel]]. "
     "http.access_duration, http.ipv6_prefix, http.auth_url and http.gate_path are the gate's, "
     "too.",
     gate_is_on},
    {Section::gate_limits,
     "gate.limits",
     Door::http,
     {},
     false,
     "How often visitors may do what costs something or could be guessed. Who is beyond gets a 429 "
     "and may go on as soon as the window allows. Refused requests do not count.",
     gate_is_on},
    {Section::gate_theme,
     "gate.theme",
     Door::http,
     {},
     false,
     "How the gate's pages look.",
     gate_is_on},
    {Section::gate_directory, "gate.directory", Door::http,
     drafted<&Draft::directory, directory_list>(64), false,
     "Where the gate's users are. Directories are asked in their order; one that fails does not "
     "stop the next. `{env.NAME}` in a text is the value of that variable.",
     nullptr, true},
    {Section::gate_user, "gate.directory.user", Door::http, kUsers, false,
     "A user of the [[gate.directory]] above it, whose type is `list`.", nullptr, true},
    {Section::gate_channel, "gate.channel", Door::http, drafted<&Draft::channel, channel_list>(64),
     false,
     "How messages reach users. Channels are tried in their order, until one has sent. "
     "`{env.NAME}` "
     "in a text is the value of that variable.",
     nullptr, true},
    {Section::store,
     "store",
     Door::http,
     {},
     false,
     "Where grants, registrations, locks and visits are kept.",
     [](const Config& config) { return config.store.kind != verify::StoreSettings::Kind::none; }},
}};

}  // namespace

std::span<const Setting> settings() noexcept {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> rows(kSettings.begin(), kSettings.end());
    for (const auto part :
         {radsec_rows(), downstream_rows(), accounting_rows(), coa_rows(), policy_rows(),
          http_rows(), gate_rows(), directory_rows(), store_rows()}) {
      rows.insert(rows.end(), part.begin(), part.end());
    }
    std::ranges::stable_sort(rows, {}, &Setting::section);
    return rows;
  }();
  return all;
}
bool is_secret(const Setting& setting) noexcept {
  return std::holds_alternative<SecretSource>(setting.type) ||
         std::holds_alternative<KeysSource>(setting.type);
}
std::span<const SectionEntry> sections() noexcept { return kSectionEntries; }

const SectionEntry& entry(Section section) noexcept {
  return kSectionEntries[static_cast<std::size_t>(section)];
}

std::vector<std::string> keys_of(Section section) {
  std::vector<std::string> keys;
  for (const Setting& setting : settings()) {
    if (setting.section != section) continue;
    const std::string key(setting.key);
    keys.push_back(key);
    if (!is_secret(setting)) continue;
    keys.push_back(key + "_file");
    keys.push_back(key + "_env");
  }
  return keys;
}

Endpoint default_listen() noexcept { return {.address = IpAddress::v4(0), .port = kRadiusPort}; }

}  // namespace sallyport::config
