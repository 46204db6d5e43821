#include "engine/config/doorman.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "engine/config/doorman_parts.h"

namespace sallyport::config {
namespace {

constexpr std::size_t kMaxFileOctets = std::size_t{16} << 20;

std::string why() { return std::generic_category().message(errno); }

/// Of a whole Caddy file: apps, and what stands beside them.
void convert_caddy(const JsonValue& document, DoormanOutput& output) {
  OutputSection& http = output.only(Section::http);
  DoormanKeys top(document, "", output, http);
  top.lost("admin", "see [admin] listen: metrics and health, no changes over HTTP");
  top.lost("logging", "see [log]");
  top.lost("storage", "certificates are files of yours; for the rest, see [store]");
  if (const JsonValue* value = top.object("apps")) {
    DoormanKeys apps(*value, "apps", output, http);
    if (const JsonValue* tls = apps.object("tls")) convert_caddy_tls(*tls, output);
    if (const JsonValue* inner = apps.object("http")) convert_caddy_http(*inner, output);
    if (const JsonValue* doorman = apps.object("doorman")) {
      convert_doorman_app(*doorman, "apps.doorman", output);
    } else {
      output.lost(http, "apps.doorman", "it is missing: nothing is known of users and messages");
    }
    apps.finish();
  }
  top.finish();
}

bool is_caddy(const JsonValue& document) {
  const auto* object = std::get_if<JsonObject>(&document.value);
  if (object == nullptr) return false;
  for (const auto& [key, value] : object->entries) {
    if (key == "apps") return true;
  }
  return false;
}

/// An empty text, or what went wrong.
std::string write_new_file(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return why();
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t step = ::write(file, text.data() + written, text.size() - written);
    if (step < 0 && errno == EINTR) continue;
    if (step < 0) {
      const std::string problem = why();
      ::close(file);
      ::unlink(path.c_str());
      return problem;
    }
    written += static_cast<std::size_t>(step);
  }
  return ::close(file) == 0 ? std::string() : why();
}

ConvertReport failed(std::string notes) {
  return {.exit_status = 1, .output = {}, .notes = std::move(notes)};
}

}  // namespace

std::expected<Conversion, JsonError> convert_doorman(std::string_view json,
                                                     const std::string& name) {
  const auto document = parse_json(json);
  if (!document) return std::unexpected(document.error());
  if (!std::holds_alternative<JsonObject>(document->value)) {
    return std::unexpected(
        JsonError{.where = {.line = 1, .column = 1},
                  .wrong = fmt::format("is {}, not an object", kind_of(*document))});
  }
  DoormanOutput output;
  if (is_caddy(*document)) {
    convert_caddy(*document, output);
  } else {
    convert_doorman_app(*document, "", output);
  }
  if (!output.has(Section::http_listener)) {
    OutputSection& listener = output.add(Section::http_listener);
    output.lost(listener, "apps.http.servers", "there are none: write where visitors come in");
    listener.set("listen", "[\"127.0.0.1:8080\"]", "");
  }
  return Conversion{.toml = output.text(name), .lost = output.take_lost()};
}

ConvertReport convert_doorman_file(const std::string& path, const std::string& to) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || (file.peek() != std::ifstream::traits_type::eof() && !(text << file.rdbuf()))) {
    return failed(fmt::format("{}: cannot be read: {}\n", path, why()));
  }
  if (text.view().size() > kMaxFileOctets) {
    return failed(fmt::format("{}: is larger than 16 MiB\n", path));
  }
  const auto converted = convert_doorman(text.view(), path);
  if (!converted) {
    const Mistake mistake{.source = path,
                          .where = converted.error().where,
                          .key = {},
                          .wrong = converted.error().wrong,
                          .mend = "Give the JSON that Caddy runs with; `caddy adapt` makes it."};
    return failed(mistake.text() + '\n');
  }
  ConvertReport report;
  if (to.empty()) {
    report.output = converted->toml;
  } else if (const std::string problem = write_new_file(to, converted->toml); !problem.empty()) {
    return failed(fmt::format("{}: cannot be written as a new file: {}\n", to, problem));
  }
  for (const std::string& lost : converted->lost) {
    report.notes += fmt::format("not converted: {}\n", lost);
  }
  report.notes += fmt::format(
      "{} converted; {} thing{} to look at. Next: sallyport check --config "
      "{}\n",
      path, converted->lost.size(), converted->lost.size() == 1 ? "" : "s",
      to.empty() ? "FILE" : to);
  return report;
}

}  // namespace sallyport::config
