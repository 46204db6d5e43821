#include "engine/http/router.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

config::HttpRoute route(std::vector<std::string> hosts, std::string prefix = "") {
  config::HttpRoute result;
  result.name = "r";
  result.hosts = std::move(hosts);
  result.path_prefix = std::move(prefix);
  return result;
}

Router make(std::vector<config::HttpRoute> routes) {
  config::Http http;
  http.routes = std::move(routes);
  auto router = Router::make(http);
  EXPECT_TRUE(router.has_value()) << router.error();
  return std::move(*router);
}

constexpr int kUnknownHost = -421;
constexpr int kNoRoute = -404;

/// The index of the route, or minus the status.
int find(const Router& router, std::string_view authority, std::string target,
         const http::RequestHead& head) {
  const auto host = HostName::parse(authority);
  const auto parts = normalise_target(target);
  EXPECT_TRUE(host && parts);
  const auto found = router.find(*host, parts->path, head);
  if (found) return static_cast<int>(*found);
  return found.error() == RouteError::unknown_host ? kUnknownHost : kNoRoute;
}

http::RequestHead asking(std::string method) {
  http::RequestHead head;
  head.method_text = std::move(method);
  return head;
}

int find(const Router& router, std::string_view authority, std::string target = "/") {
  return find(router, authority, std::move(target), asking("GET"));
}

TEST(Router, TheFirstThatMatchesServes) {
  const Router router = make({route({"a.net"}, "/x"), route({}, "/x/y"), route({"a.net"}),
                              route({}, "/x"), route({"*.a.net"}, "/x")});
  EXPECT_EQ(find(router, "a.net", "/x/y"), 0);
  EXPECT_EQ(find(router, "b.net", "/x/y"), 1);
  EXPECT_EQ(find(router, "a.net", "/z"), 2);
  EXPECT_EQ(find(router, "b.net", "/x"), 3);
  EXPECT_EQ(find(router, "c.a.net", "/x/y"), 1);
  EXPECT_EQ(find(router, "c.a.net", "/x/z"), 3);
}

TEST(Router, HostsAreComparedInOneForm) {
  const Router router = make({route({"Example.NET."}), route({"[::1]"})});
  EXPECT_EQ(find(router, "example.net"), 0);
  EXPECT_EQ(find(router, "EXAMPLE.net.:8080"), 0);
  EXPECT_EQ(find(router, "[::1]:80"), 1);
  EXPECT_EQ(find(router, "example.org"), kUnknownHost);
  EXPECT_EQ(find(router, ""), kUnknownHost);
}

TEST(Router, AWildcardIsAnyNameBelow) {
  const Router router =
      make({route({"*.a.net"}), route({"*.b.a.net"}), route({"a.net"}), route({"ya.net"})});
  EXPECT_EQ(find(router, "x.a.net"), 0);
  EXPECT_EQ(find(router, "y.x.a.net"), 0);
  EXPECT_EQ(find(router, "x.b.a.net"), 0);  // the order counts, not the length
  EXPECT_EQ(find(router, "a.net"), 2);
  EXPECT_EQ(find(router, "xa.net"), kUnknownHost);
  EXPECT_EQ(find(router, "ya.net"), 3);
  EXPECT_EQ(find(router, "net"), kUnknownHost);
}

TEST(Router, SaysWhetherTheHostOrTheRestIsUnknown) {
  const Router named = make({route({"a.net"}, "/x")});
  EXPECT_EQ(find(named, "a.net", "/y"), kNoRoute);
  EXPECT_EQ(find(named, "b.net", "/x"), kUnknownHost);
  const Router any = make({route({}, "/x")});
  EXPECT_EQ(find(any, "b.net", "/y"), kNoRoute);
  EXPECT_EQ(find(any, "", "/x"), 0);
  EXPECT_EQ(find(make({}), "b.net", "/"), kUnknownHost);
}

TEST(Router, ADeniedPathCannotBeSpelledAround) {
  const Router router = make({route({}, "/admin"), route({})});
  for (const char* target : {"/admin", "/a/../admin", "/%61dmin", "/admin;x", "/admin/x", "//admin",
                             "/a/%2e%2e/admin?q", "/admin%3bx/y"})
    EXPECT_EQ(find(router, "a", target), 0) << target;
  for (const char* target : {"/", "/administrator", "/x/admin", "/Admin", "/admin%2Fx"})
    EXPECT_EQ(find(router, "a", target), 1) << target;
}

TEST(Router, MethodsAndHeaders) {
  config::HttpRoute by_method = route({});
  by_method.methods = {"POST", "GET"};
  by_method.headers = {{.name = "x-tenant", .value = "blue"}, {.name = "upgrade", .value = ""}};
  const Router router = make({by_method, route({})});
  http::RequestHead head = asking("GET");
  head.fields.add("X-Tenant", "red");
  head.fields.add("X-TENANT", "blue");
  EXPECT_EQ(find(router, "a", "/", head), 1);
  head.fields.add("Upgrade", "websocket");
  EXPECT_EQ(find(router, "a", "/", head), 0);
  head.method_text = "HEAD";
  EXPECT_EQ(find(router, "a", "/", head), 0);
  head.method_text = "post";
  EXPECT_EQ(find(router, "a", "/", head), 1);
  head.method_text = "POST";
  head.fields.set("x-tenant", "blue, red");
  EXPECT_EQ(find(router, "a", "/", head), 1);
}

TEST(Router, NamesHosts) {
  const Router router = make({route({"a.net", "*.b.net"}), route({})});
  EXPECT_TRUE(router.names_host(*HostName::parse("A.net:443")));
  EXPECT_TRUE(router.names_host(*HostName::parse("x.b.net")));
  EXPECT_FALSE(router.names_host(*HostName::parse("evil.example")));
}

TEST(Router, RefusesRoutesThatNoRequestCanHave) {
  const auto error = [](const config::HttpRoute& bad) {
    config::Http http;
    http.routes = {bad};
    const auto router = Router::make(http);
    return router ? "" : router.error();
  };
  EXPECT_EQ(error(route({"a b"})), "r: \"a b\" is not a host that can be asked for");
  EXPECT_EQ(error(route({"*."})), "r: \"*.\" is not a host that can be asked for");
  EXPECT_EQ(error(route({}, "/a%")),
            "r: \"/a%\" is no path prefix: the target has an invalid percent-escape");
  config::HttpRoute strip = route({});
  strip.strip_prefix = "api";
  EXPECT_EQ(error(strip), "r: \"api\" is no path prefix: the target is not a path");
}

/// What the header promises, word for word.
int expected(const std::vector<config::HttpRoute>& routes, const std::string& host,
             const std::string& path) {
  bool host_known = false;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const config::HttpRoute& candidate = routes[i];
    bool host_matches = candidate.hosts.empty();
    for (const std::string& name : candidate.hosts)
      host_matches |= name.starts_with("*.")
                          ? host.ends_with(name.substr(1)) && host.size() > name.size() - 1
                          : host == name;
    host_known |= host_matches;
    if (!host_matches) continue;
    const std::string& prefix = candidate.path_prefix;
    if ((path + "/").starts_with(prefix + "/")) return static_cast<int>(i);
  }
  return host_known ? kNoRoute : kUnknownHost;
}

TEST(Router, AgreesWithALinearSearch) {
  std::mt19937 random(11);
  const auto label = [&] { return std::string(1, static_cast<char>('a' + random() % 4)); };
  for (int round = 0; round < 300; ++round) {
    std::vector<config::HttpRoute> routes;
    for (auto count = random() % 12; count > 0; --count) {
      config::HttpRoute added = route({});
      for (auto hosts = random() % 3; hosts > 0; --hosts)
        added.hosts.push_back((random() % 2 == 0 ? "*." : label() + ".") +
                              (random() % 2 == 0 ? label() + ".net" : "net"));
      for (auto segments = random() % 3; segments > 0; --segments)
        added.path_prefix += "/" + label();
      routes.push_back(added);
    }
    const Router router = make(routes);
    for (int request = 0; request < 100; ++request) {
      std::string host = "net";
      for (auto labels = random() % 4; labels > 0; --labels) host.insert(0, label() + ".");
      std::string path;
      for (auto segments = 1 + random() % 3; segments > 0; --segments) path += "/" + label();
      EXPECT_EQ(find(router, host, path), expected(routes, host, path)) << host << path;
    }
  }
}

}  // namespace
}  // namespace sallyport::http_door
