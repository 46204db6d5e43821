// Where the gate keeps what must not be lost: one row each.

#include <array>

#include "engine/config/checks.h"
#include "engine/config/gate_text.h"
#include "engine/config/http_endpoint.h"
#include "engine/config/rows.h"

namespace sallyport::config {
namespace {

using enum Presence;
using verify::RedisSettings;
using verify::StoreSettings;

template <auto Member>
constexpr auto store = [](Draft& draft) -> auto& { return draft.config.store.*Member; };
template <auto Member>
constexpr auto sqlite = [](Draft& draft) -> auto& { return draft.config.store.sqlite.*Member; };
template <auto Member>
constexpr auto redis = [](Draft& draft) -> auto& { return draft.config.store.redis.*Member; };

std::string server_text(const verify::RedisServer& value) { return text_of(value); }

constexpr std::array<std::string_view, 3> kMode = {"single", "sentinel", "cluster"};

/// Memory is SQLite's, without a file.
constexpr std::string_view kMemory = ":memory:";
enum class TypeWord : std::uint8_t { memory, sqlite, redis };
constexpr std::array<std::string_view, 3> kType = {"memory", "sqlite", "redis"};

constexpr Choice kTypeChoice = {
    .words = kType,
    .set =
        [](Draft& draft, std::uint8_t index) {
          StoreSettings& settings = draft.config.store;
          const auto word = static_cast<TypeWord>(index);
          settings.kind =
              word == TypeWord::redis ? StoreSettings::Kind::redis : StoreSettings::Kind::sqlite;
          if (word == TypeWord::memory) settings.sqlite.path = kMemory;
        },
    .get =
        [](Draft& draft) {
          const StoreSettings& settings = draft.config.store;
          if (settings.kind == StoreSettings::Kind::redis) {
            return static_cast<std::uint8_t>(TypeWord::redis);
          }
          return static_cast<std::uint8_t>(settings.sqlite.path == kMemory ? TypeWord::memory
                                                                           : TypeWord::sqlite);
        }};

constexpr std::array kStoreSettings = std::to_array<Setting>({
    {Section::store, "type", required, kTypeChoice, "\"sqlite\"", "",
     "A file of this machine (`sqlite`), a Redis or Valkey that several nodes share (`redis`), or "
     "`memory`, which is gone with the process."},
    {Section::store, "path", optional,
     File{sqlite<&verify::SqliteSettings::path>, File::Kind::later},
     "\"/var/lib/sallyport/gate.db\"", "",
     "sqlite: the database's file. It is made when it does not exist."},
    {Section::store, "key_file", optional, File{store<&StoreSettings::key_file>, File::Kind::later},
     "", "",
     "File with the keys that secrets are encrypted with in the store: one a line, 64 hexadecimal "
     "digits, newest first (`openssl rand -hex 32`). It is made when it does not exist. Without "
     "it, for sqlite, the database's path with `.key` behind it. All nodes on one Redis need the "
     "same. Whoever loses it loses registered apps and passkeys."},
    {Section::store, "mode", optional, choice<redis<&RedisSettings::mode>>(kMode), "", "",
     "redis: one server (`single`), a master that Sentinels name (`sentinel`), or a `cluster`."},
    {Section::store, "servers", optional,
     texts<redis<&RedisSettings::servers>, add_redis_server, server_text>("servers", 64),
     "[\"redis.example.net:6379\"]", "",
     "redis: the server; with `sentinel` the Sentinels; with `cluster` some of its nodes. Without "
     "a "
     "port, 6379."},
    {Section::store, "sentinel_master", optional,
     Text{redis<&RedisSettings::sentinel_master>, 128, check_one_line}, "", "",
     "redis: name of the master that the Sentinels watch."},
    {Section::store, "user", optional, Text{redis<&RedisSettings::user>, 128, check_one_line}, "",
     "", "redis: ACL user. Without it, the default user."},
    {Section::store, "password", optional, SecretSource{redis<&RedisSettings::password>}, "", "",
     "redis: its password."},
    {Section::store, "sentinel_user", optional,
     Text{redis<&RedisSettings::sentinel_user>, 128, check_one_line}, "", "",
     "redis: the same at the Sentinels."},
    {Section::store, "sentinel_password", optional,
     SecretSource{redis<&RedisSettings::sentinel_password>}, "", "", "redis: its password there."},
    {Section::store, "database", optional, WholeNumber{redis<&RedisSettings::database>, 0, 65'535},
     "", "", "redis: number of the database. A cluster has 0 alone."},
    {Section::store, "tls", optional, Switch{redis<&RedisSettings::tls>}, "", "",
     "redis: speak TLS, and check the certificate."},
    {Section::store, "ca_file", optional,
     File{redis<&RedisSettings::ca_file>, File::Kind::readable}, "", "",
     "redis: PEM file with the certificate authorities for that. Without it, the system's."},
    {Section::store, "certificate_file", optional,
     File{redis<&RedisSettings::certificate_file>, File::Kind::readable}, "", "",
     "redis: PEM file with a certificate of ours, where the server asks for one."},
    {Section::store, "certificate_key_file", optional,
     File{redis<&RedisSettings::key_file>, File::Kind::readable}, "", "",
     "redis: PEM file with its private key."},
    {Section::store, "server_name", optional,
     Text{redis<&RedisSettings::server_name>, 253, check_server_name}, "", "",
     "redis: name that the certificate must hold. Without it, the server's host."},
    {Section::store, "prefix", optional, Text{redis<&RedisSettings::prefix>, 64, check_one_line},
     "", "", "redis: what all our keys begin with."},
    {Section::store, "timeout", optional, Duration{redis<&RedisSettings::timeout_ms>, 100, 60'000},
     "", "", "redis: longest call."},
    {Section::store, "connections", optional,
     WholeNumber{redis<&RedisSettings::connections>, 1, 64}, "", "",
     "redis: connections to each server, used at once."},
});

}  // namespace

std::span<const Setting> store_rows() noexcept { return kStoreSettings; }

}  // namespace sallyport::config
