#pragma once
// The one description of every setting: its key, its type and bounds, what it means, and which
// field of Config it fills. The loader reads files by it, and the reference, the example file and
// the redacted start-up lines are written from it: a key that is not here does not exist. Defaults
// are not repeated here: they are the initialisers in config.h. Add a setting by adding one row.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/config/config.h"
#include "engine/config/gate_draft.h"
#include "engine/config/mistake.h"

namespace sallyport::config {

/// A configuration while it is read. Behind `config`: of each section that may stand several times
/// the one at hand.
struct Draft {
  Config config = {};
  Client client = {};
  RadsecListener radsec_listener = {};
  RadsecClient radsec_client = {};
  DownstreamServer downstream_server = {};
  DownstreamPool downstream_pool = {};
  DownstreamRoute downstream_route = {};
  CoaClient coa_client = {};
  Messages messages = {};
  Policy policy = {};
  HttpListener listener = {};
  HttpCertificate certificate = {};
  HttpPool pool = {};
  HttpRoute route = {};
  HttpWhitelist whitelist = {};
  DirectoryDraft directory = {};
  verify::User user = {};  ///< of `directory`
  ChannelDraft channel = {};
  std::string folder = {};  ///< where a relative File begins; empty: the working folder
};

template <class T>
using Field = T& (*)(Draft&);

struct WholeNumber {
  Field<std::uint32_t> field;
  std::uint32_t min;
  std::uint32_t max;
  bool zero_is_none = false;  ///< the field is 0 when nothing is given; a file cannot say 0
};
struct Switch {
  Field<bool> field;
};
struct Duration {
  Field<std::uint32_t> field;
  std::uint32_t min_ms;
  std::uint32_t max_ms;
  bool zero_is_none = false;  ///< the field is 0 when nothing is given; a file cannot say 0
};
/// Octets: "16KiB", "1MB", 512 (size.h).
struct Size {
  std::uint64_t (*get)(Draft&);
  void (*set)(Draft&, std::uint64_t octets);
  std::uint64_t min;
  std::uint64_t max;
  bool zero_is_unlimited = false;  ///< 0 is good as well
};
/// Text that `check` finds nothing wrong with, when there is a `check`.
struct Text {
  Field<std::string> field;
  std::uint16_t max_octets;
  std::optional<Complaint> (*check)(std::string_view text);
  bool redacted = false;  ///< it may hold a secret: never shown
};
/// One of some words; the n-th is the enum's n-th value.
struct Choice {
  std::span<const std::string_view> words;
  void (*set)(Draft&, std::uint8_t index);
  std::uint8_t (*get)(Draft&);
};
/// A path; a relative one is taken from the draft's folder, and the field holds the outcome.
struct File {
  enum class Kind : std::uint8_t {
    readable,  ///< can be read now
    folder,    ///< a folder that exists
    later,     ///< may come into being; its folder exists
  };
  Field<std::string> field;
  Kind kind;
};
struct HostPort {
  Field<std::string> host;
  Field<std::uint16_t> port;  ///< keeps its value when the text names none
};
struct AnAddress {
  Field<std::optional<IpAddress>> field;
};
struct AnEndpoint {
  Field<std::optional<Endpoint>> field;
  std::uint16_t default_port;
};
struct EndpointList {
  Field<std::vector<Endpoint>> field;
  std::uint16_t default_port;
  std::uint16_t max_count;
};
struct PrefixList {
  Field<std::vector<Prefix>> field;
};
/// Texts of which each becomes one element or more of a list in the draft.
struct TextList {
  std::string_view what;  ///< "host names"
  void (*clear)(Draft&);
  std::optional<Complaint> (*add)(Draft&, std::string_view text);
  std::size_t (*count)(Draft&);
  std::vector<std::string> (*get)(Draft&);
  std::uint16_t max_count;
  bool redacted = false;
};
/// "20/1m", or "off" (rate.h).
struct RateLimit {
  Field<verify::Rate> field;
};
/// Three keys, of which exactly one is given: KEY, KEY_file, KEY_env.
struct SecretSource {
  Field<Secret> field;
};
/// The same for several keys of 32 octets, newest first (gate_text.h).
struct KeysSource {
  Field<std::vector<Secret>> field;
};

using Type = std::variant<WholeNumber, Switch, Duration, Size, Text, Choice, File, HostPort,
                          AnAddress, AnEndpoint, EndpointList, PrefixList, TextList, RateLimit,
                          SecretSource, KeysSource>;

enum class Section : std::uint8_t {
  engine,
  radius,
  client,
  radsec,
  radsec_listener,
  radsec_client,
  downstream,
  downstream_server,
  downstream_pool,
  downstream_route,
  accounting,
  coa,
  coa_client,
  notakey,
  second_factor,
  second_factor_limits,
  second_factor_messages,
  policy,
  admin,
  log,
  http,
  http_listener,
  http_certificate,
  http_pool,
  http_route,
  http_whitelist,
  gate,
  gate_limits,
  gate_theme,
  gate_directory,
  gate_user,
  gate_channel,
  store,
};
inline constexpr std::size_t kSections = 33;

/// Whose settings a section holds.
enum class Door : std::uint8_t { both, radius, http };

enum class Presence : std::uint8_t {
  optional,  ///< the default is taken
  required,
  older,  ///< optional, and another setting is the place for new files: not in the example
};

struct Setting {
  Section section;
  std::string_view key;
  Presence presence;
  Type type;
  std::string_view example;  ///< TOML literal for the example file; empty: commented out
  std::string_view ntkp;     ///< NtkP's variable for the same, or empty
  std::string_view meaning;  ///< sentences, for the reference
};

/// How the elements of a [[section]] come and go.
struct Repeated {
  void (*begin)(Draft&);  ///< a fresh one is at hand
  void (*keep)(Draft&);   ///< the one at hand joins the configuration
  std::size_t (*count)(const Config&);
  void (*pick)(Draft&, std::size_t index);  ///< a copy of that one is at hand
  std::size_t max_count;                    ///< 0: no bound
};

struct SectionEntry {
  Section section;
  std::string_view name;  ///< "radius", "http.listener"
  Door door;
  std::optional<Repeated> repeated;  ///< [[name]], once for each
  bool required;                     ///< where there is that door
  std::string_view meaning;
  /// Set: being there switches something on, so that the example has it as a comment; and whether
  /// it is on.
  bool (*is_on)(const Config&) = nullptr;
  bool takes_environment = false;  ///< {env.NAME} in its texts is filled in (environment_text.h)
};

/// Whether the setting is given as KEY, KEY_file or KEY_env.
[[nodiscard]] bool is_secret(const Setting& setting) noexcept;

[[nodiscard]] std::span<const Setting> settings() noexcept;  ///< grouped by section, in order
[[nodiscard]] std::span<const SectionEntry> sections() noexcept;
[[nodiscard]] const SectionEntry& entry(Section section) noexcept;

/// All keys of a section as a file may write them, with the _file and _env forms of secrets.
[[nodiscard]] std::vector<std::string> keys_of(Section section);

/// "duration, 5s to 30s": for the reference and for "must be a …".
[[nodiscard]] std::string type_text(const Setting& setting);

/// The value in `draft` as a TOML literal; a secret as "set" or "not set", an absent value as "".
[[nodiscard]] std::string value_text(const Setting& setting, Draft& draft);

/// Where the RADIUS door listens when nothing is said: config.h leaves the list empty.
[[nodiscard]] Endpoint default_listen() noexcept;

/// A TOML basic string with its quotes.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace sallyport::config
