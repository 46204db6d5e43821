// Caddy's routes. There, every route that matches runs, one behind the other, until a handler
// answers; here the first that matches serves. So handlers that only change something, and doorman,
// are kept in a context for the routes behind them.

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "engine/config/doorman_parts.h"
#include "engine/config/http_endpoint.h"
#include "engine/config/http_text.h"

namespace sallyport::config {
namespace {

/// Caddy's placeholders in a redirect as ours; nothing: there are others.
std::optional<std::string> convert_redirect(std::string text) {
  for (const auto& [theirs, ours] :
       {std::pair<std::string_view, std::string_view>{"{http.request.host}", "{host}"},
        {"{http.request.hostport}", "{host}"},
        {"{http.request.uri}", "{uri}"}}) {
    for (auto at = text.find(theirs); at != std::string::npos; at = text.find(theirs)) {
      text.replace(at, theirs.size(), ours);
    }
  }
  if (check_redirect(text)) return std::nullopt;
  return text;
}

class Routes {
 public:
  Routes(DoormanOutput& output) : output_(output) {}

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the JSON.
  void convert_list(const JsonArray& routes, const std::string& path, RouteContext& context) {
    for (std::size_t i = 0; i < routes.size(); ++i) {
      convert_route(routes[i], fmt::format("{}[{}]", path, i), context);
    }
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion)
  void convert_route(const JsonValue& value, const std::string& path, RouteContext& outer) {
    OutputSection& notes = output_.only(Section::http);
    DoormanKeys route(value, path, output_, notes);
    const bool terminal = route.flag("terminal").value_or(false);
    (void)route.take("@id");
    route.lost("group", "the first route that matches serves the request, and no other");
    const JsonArray* match = route.list("match");
    const JsonArray* handlers = route.list("handle");
    route.finish();
    if (handlers == nullptr) return;
    const JsonArray any(1);
    const bool everything = match == nullptr || match->empty();
    for (const JsonValue& set : everything ? any : *match) {
      RouteContext inner = outer;
      const bool exact = everything || narrow(set, path + ".match", inner);
      const bool before = inner.guarded;
      for (std::size_t i = 0; i < handlers->size(); ++i) {
        if (!handle((*handlers)[i], fmt::format("{}.handle[{}]", path, i), inner, exact)) break;
      }
      answered_ = answered_ || terminal;
      leave(outer, inner, everything, before, path);
    }
  }

  /// What a route leaves behind for those after it.
  void leave(RouteContext& outer, const RouteContext& inner, bool everything, bool before,
             const std::string& path) {
    if (everything) {
      outer.guarded = outer.guarded || inner.guarded;
      outer.forbidden = outer.forbidden || inner.forbidden;
      outer.request_headers = inner.request_headers;
      outer.response_headers = inner.response_headers;
      outer.strip_prefix = inner.strip_prefix;
      outer.max_request_body = inner.max_request_body;
      return;
    }
    if (inner.guarded == before || outer.guarded || answered_) return;
    outer.guarded = true;
    output_.lost(output_.only(Section::http), path,
                 "doorman stood in front of what it matches alone; here all routes behind it ask "
                 "for a second factor");
  }

  /// One set of matchers. False: it cannot be written exactly.
  bool narrow(const JsonValue& set, const std::string& path, RouteContext& context) {
    OutputSection& notes = output_.only(Section::http);
    DoormanKeys keys(set, path, output_, notes);
    bool exact = true;
    const auto inexact = [&](std::string_view key, std::string_view why) {
      output_.lost(notes, keys.path(key), why);
      exact = false;
    };
    if (const auto hosts = keys.texts("host"); !hosts.empty()) {
      const std::vector<std::string> outer = std::exchange(context.hosts, {});
      if (!outer.empty() && outer != hosts) {
        inexact("host", "the hosts of the route around it are not looked at as well");
      }
      for (const std::string& host : hosts) {
        if (add_host(host, context.hosts)) inexact("host", fmt::format("\"{}\" is no host", host));
      }
    }
    const auto paths = keys.texts("path");
    if (paths.size() > 1) inexact("path", "only its first is taken: write a route for each");
    const std::string around = context.path_prefix;
    if (!paths.empty() && !narrow_path(paths.front(), context)) {
      inexact("path", "here a path is a prefix in whole segments, such as /api");
    } else if (!paths.empty() && !(context.path_prefix + '/').starts_with(around + '/')) {
      inexact("path", "the path of the route around it is not looked at as well");
    }
    const auto methods = keys.texts("method");
    if (!methods.empty() && !std::exchange(context.methods, {}).empty()) {
      inexact("method", "the methods of the route around it are not looked at as well");
    }
    for (const std::string& method : methods) {
      if (add_method(method, context.methods)) inexact("method", "it is no method");
    }
    if (const JsonValue* headers = keys.object("header")) {
      for (const auto& [name, values] : std::get<JsonObject>(headers->value).entries) {
        if (!narrow_header(name, values, context)) {
          inexact("header", fmt::format("{}: here a header has one exact value, or any", name));
        }
      }
    }
    for (const std::string_view key :
         {"not", "path_regexp", "header_regexp", "query", "expression", "remote_ip", "client_ip",
          "protocol", "vars", "vars_regexp", "file", "tls"}) {
      if (keys.take(key) != nullptr) inexact(key, "there is no such matcher here");
    }
    keys.finish();
    context.narrowed = context.narrowed || !exact;
    return exact;
  }

  static bool narrow_path(std::string_view pattern, RouteContext& context) {
    if (pattern == "*" || pattern == "/*" || pattern == "/") {
      if (pattern == "/") return false;
      return true;
    }
    std::string_view prefix = pattern;
    const bool below = prefix.ends_with("/*");
    if (below) prefix.remove_suffix(2);
    const bool star = !below && prefix.ends_with('*');
    if (star) prefix.remove_suffix(1);
    if (prefix.ends_with('/')) prefix.remove_suffix(1);
    if (prefix.contains('*') || check_path_prefix(prefix)) return false;
    context.path_prefix = prefix;
    return below;
  }

  static bool narrow_header(const std::string& name, const JsonValue& values,
                            RouteContext& context) {
    const auto* list = std::get_if<JsonArray>(&values.value);
    if (list == nullptr || list->size() != 1) return false;
    const auto* text = std::get_if<std::string>(&list->front().value);
    if (text == nullptr || (text->contains('*') && *text != "*")) return false;
    const std::string match = *text == "*" ? name : name + ": " + *text;
    std::vector<HeaderMatch> ignored;
    if (add_header_match(match, ignored)) return false;
    context.headers.push_back(match);
    return true;
  }

  /// False: nothing behind it is reached.
  // NOLINTNEXTLINE(misc-no-recursion)
  bool handle(const JsonValue& value, const std::string& path, RouteContext& context, bool exact) {
    answered_ = false;
    OutputSection& notes = output_.only(Section::http);
    DoormanKeys handler(value, path, output_, notes);
    const std::string name = handler.text("handler").value_or("");
    bool goes_on = true;
    if (name == "doorman") {
      context.guarded = true;
    } else if (name == "subroute") {
      if (const JsonArray* routes = handler.list("routes")) {
        convert_list(*routes, handler.path("routes"), context);
      }
      handler.lost("errors", "errors have pages of ours");
      answered_ = false;  // perhaps not by each of them
    } else if (name == "headers") {
      convert_caddy_headers(handler, "request", context);
      convert_caddy_headers(handler, "response", context);
    } else if (name == "rewrite") {
      convert_rewrite(handler, context);
    } else if (name == "request_body") {
      context.max_request_body = handler.number("max_size").value_or(0);
    } else if (name == "reverse_proxy") {
      const std::string pool = convert_caddy_proxy(handler, context);
      write_route(path, context, exact, [&](OutputSection& route) {
        if (!pool.empty()) route.set("pool", in_quotes(pool), path);
        return !pool.empty();
      });
      goes_on = false;
    } else if (name == "static_response") {
      convert_static(handler, context, exact);
      goes_on = false;
    } else if (name == "encode" || name == "vars" || name == "tracing" || name == "log_append" ||
               name == "metrics") {
      output_.lost(notes, handler.path("handler"),
                   fmt::format("{} is not done here; bodies pass as they come", name));
      return true;
    } else {
      output_.lost(notes, handler.path("handler"),
                   fmt::format("there is no handler {} here: routes behind it are written with "
                               "policy = \"deny\"",
                               name));
      context.forbidden = true;
      // What else it says has no meaning without it.
      return true;
    }
    handler.finish();
    answered_ = !goes_on;
    return goes_on;
  }

  void convert_rewrite(DoormanKeys& handler, RouteContext& context) {
    if (auto prefix = handler.text("strip_path_prefix")) {
      if (!prefix->starts_with('/')) prefix->insert(0, "/");
      while (prefix->size() > 1 && prefix->ends_with('/')) prefix->pop_back();
      if (check_path_prefix(*prefix)) {
        handler.output().lost(handler.at(), handler.path("strip_path_prefix"), "it is no path");
      } else {
        context.strip_prefix = *prefix;
      }
    }
    for (const std::string_view key :
         {"uri", "method", "strip_path_suffix", "uri_substring", "path_regexp", "query"}) {
      handler.lost(key, "only prefixes are taken off paths here");
    }
  }

  void convert_static(DoormanKeys& handler, RouteContext& context, bool exact) {
    std::optional<double> status;
    if (const JsonValue* value = handler.take("status_code")) {
      if (const auto* number = std::get_if<double>(&value->value)) status = *number;
      if (const auto* text = std::get_if<std::string>(&value->value)) {
        status = text->size() == 3 ? std::strtod(text->c_str(), nullptr) : 0;
      }
    }
    const std::string body = handler.text("body").value_or("");
    handler.lost("close", "connections are closed when the protocol says so");
    handler.lost("abort", "use respond or policy = \"deny\"");
    std::string location;
    std::string type;
    if (const JsonValue* headers = handler.object("headers")) {
      for (const auto& [name, values] : std::get<JsonObject>(headers->value).entries) {
        const auto* list = std::get_if<JsonArray>(&values.value);
        const auto* text = list != nullptr && list->size() == 1
                               ? std::get_if<std::string>(&list->front().value)
                               : nullptr;
        if (text != nullptr && name == "Location") location = *text;
        if (text != nullptr && name == "Content-Type") type = *text;
        if (text != nullptr && (name == "Location" || name == "Content-Type")) continue;
        std::vector<HeaderChange> checked;
        const std::string change = fmt::format("set {}: {}", name, text == nullptr ? "" : *text);
        if (text == nullptr || add_response_header(change, checked)) {
          output_.lost(handler.at(), fmt::format("{}.{}", handler.path("headers"), name),
                       "it is no header that may be set");
        } else {
          context.response_headers.push_back(change);
        }
      }
    }
    write_route(handler.path(), context, exact, [&](OutputSection& route) {
      if (!location.empty()) return write_redirect(route, handler, location, status);
      const double code = status.value_or(200);
      if (code < 200 || code > 599) {
        output_.lost(route, handler.path("status_code"), "it is no status of an answer");
        return false;
      }
      route.set("respond", fmt::format("{}", std::llround(code)), handler.path("status_code"));
      if (!body.empty() && !check_body(body)) {
        route.set("respond_body", in_quotes(body), handler.path("body"));
      }
      if (!type.empty() && !check_media_type(type)) {
        route.set("respond_type", in_quotes(type), handler.path("headers"));
      }
      if (body.contains("{http.")) {
        output_.lost(route, handler.path("body"), "its placeholders are text here");
      }
      return true;
    });
  }

  bool write_redirect(OutputSection& route, DoormanKeys& handler, const std::string& location,
                      const std::optional<double>& status) {
    const auto target = convert_redirect(location);
    if (!target) {
      output_.lost(route, handler.path("headers"),
                   "Location is no URL or path with {host} and {uri} alone");
      return false;
    }
    route.set("redirect", in_quotes(*target), handler.path("headers"));
    if (status && *status != 308) {
      DoormanOutput::told(route, handler.path("status_code"), "redirects have status 308 here");
    }
    return true;
  }

  /// `serve` writes what serves it. False: it could not, and the route is for nobody.
  template <class Serve>
  void write_route(const std::string& path, RouteContext& context, bool exact, const Serve& serve) {
    OutputSection& route = output_.add(Section::http_route);
    route.remark(path);
    if (!context.hosts.empty()) route.set("hosts", list_literal(context.hosts), "");
    if (!context.path_prefix.empty()) {
      route.set("path_prefix", in_quotes(context.path_prefix), "and that path itself");
    }
    if (!context.methods.empty()) route.set("methods", list_literal(context.methods), "");
    if (!context.headers.empty()) route.set("headers", list_literal(context.headers), "");
    std::string_view policy = context.guarded ? "second_factor" : "open";
    if (!context.guarded && (!exact || context.narrowed)) {
      route.remark("It was open, but for less than it matches here: open it if that is right.");
      policy = "second_factor";
    }
    if (context.forbidden) {
      route.remark("Nobody may pass, since something in front of it could not be converted.");
      policy = "deny";
    }
    const bool served = serve(route);
    if (!served) policy = "deny";
    route.set("policy", in_quotes(policy), context.guarded ? "doorman" : "");
    if (!served || !route.has("pool")) return write_response_headers(route, context);
    if (!context.strip_prefix.empty()) {
      route.set("strip_prefix", in_quotes(context.strip_prefix), "");
    }
    if (!context.request_headers.empty()) {
      route.set("request_headers", list_literal(context.request_headers), "");
    }
    if (context.max_request_body >= 1) {
      route.set("max_request_body", fmt::format("{}", std::llround(context.max_request_body)), "");
    }
    write_response_headers(route, context);
  }
  static void write_response_headers(OutputSection& route, const RouteContext& context) {
    if (context.response_headers.empty()) return;
    route.set("response_headers", list_literal(context.response_headers), "");
  }

  DoormanOutput& output_;
  bool answered_ = false;  ///< by the last handler
};

}  // namespace

void convert_caddy_routes(const JsonArray& routes, const std::string& path, RouteContext& context,
                          DoormanOutput& output) {
  Routes(output).convert_list(routes, path, context);
}

}  // namespace sallyport::config
