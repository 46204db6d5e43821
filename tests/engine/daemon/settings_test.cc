#include "engine/daemon/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Settings, NotakeyGoesOverToVerifyWhole) {
  config::Config config;
  config.notakey = {.host = "https://n.example.com",
                    .access_id = "id",
                    .version = config::NotakeyVersion::v3,
                    .client_id = "client",
                    .client_secret = Secret("s"),
                    .timeout_ms = 1,
                    .ttl_ms = 2,
                    .action = "a",
                    .description = "d",
                    .profile = "p",
                    .proxy = "http://proxy:1",
                    .ca_file = "/ca"};
  config.second_factor.threads = 3;
  config.second_factor.max_pending = 4;
  const verify::PoolSettings pool = pool_settings(config);
  EXPECT_TRUE(pool.notakey.v3);
  EXPECT_EQ(pool.notakey.host, "https://n.example.com");
  EXPECT_EQ(pool.notakey.access_id, "id");
  EXPECT_EQ(pool.notakey.client_id, "client");
  EXPECT_TRUE(pool.notakey.client_secret == Secret("s"));
  EXPECT_EQ(pool.notakey.timeout_ms, 1u);
  EXPECT_EQ(pool.notakey.ttl_ms, 2u);
  EXPECT_EQ(pool.notakey.action, "a");
  EXPECT_EQ(pool.notakey.description, "d");
  EXPECT_EQ(pool.notakey.profile, "p");
  EXPECT_EQ(pool.notakey.proxy, "http://proxy:1");
  EXPECT_EQ(pool.notakey.ca_file, "/ca");
  EXPECT_EQ(pool.threads, 3u);
  EXPECT_EQ(pool.max_pending, 4u);
}

TEST(Settings, AReloadThatOnlyARestartCanDoNamesTheKey) {
  using Change = void (*)(config::Config&);
  const std::pair<const char*, Change> cases[] = {
      {"notakey.host", [](auto& c) { c.notakey.host = "x"; }},
      {"notakey.access_id", [](auto& c) { c.notakey.access_id = "x"; }},
      {"notakey.version", [](auto& c) { c.notakey.version = config::NotakeyVersion::v3; }},
      {"notakey.client_id", [](auto& c) { c.notakey.client_id = "x"; }},
      {"notakey.client_secret", [](auto& c) { c.notakey.client_secret = Secret("x"); }},
      {"notakey.timeout", [](auto& c) { c.notakey.timeout_ms = 1; }},
      {"notakey.ttl", [](auto& c) { c.notakey.ttl_ms = 1; }},
      {"notakey.action", [](auto& c) { c.notakey.action = "x"; }},
      {"notakey.description", [](auto& c) { c.notakey.description = "x"; }},
      {"notakey.profile", [](auto& c) { c.notakey.profile = "x"; }},
      {"notakey.proxy", [](auto& c) { c.notakey.proxy = "x"; }},
      {"notakey.ca_file", [](auto& c) { c.notakey.ca_file = "x"; }},
      {"second_factor.threads", [](auto& c) { c.second_factor.threads = 9; }},
      {"second_factor.max_pending", [](auto& c) { c.second_factor.max_pending = 9; }},
      {"admin.listen", [](auto& c) { c.admin.listen = Endpoint(); }},
      {"log.format", [](auto& c) { c.log.format = config::LogFormat::json; }},
      {"log.file", [](auto& c) { c.log.file = "x"; }},
      {"radius", [](auto& c) { c.has_radius = false; }},
      {"http.listener", [](auto& c) { c.http.listeners.emplace_back(); }},
      {"http.control_socket", [](auto& c) { c.http.control_socket = "/x"; }},
      {"http.max_connections", [](auto& c) { c.http.max_connections = 9; }},
      {"http.max_buffer_memory", [](auto& c) { c.http.max_buffer_memory = 9; }},
  };
  const config::Config running;
  for (const auto& [key, change] : cases) {
    config::Config wanted;
    change(wanted);
    EXPECT_THAT(restart_needed_for(running, wanted), ElementsAre(key));
  }
}

TEST(Settings, WithoutARadiusDoorTheShardsAreNamedHere) {
  config::Config running;
  running.has_radius = false;
  config::Config wanted = running;
  wanted.radius.shards = 3;
  wanted.radius.pin = false;
  EXPECT_THAT(restart_needed_for(running, wanted), ElementsAre("engine.shards", "engine.pin"));
}

TEST(Settings, WhatAReloadTakesOverNeedsNoRestart) {
  config::Config wanted;
  wanted.http.routes.emplace_back().name = "new";
  wanted.http.certificates.emplace_back();
  wanted.http.pools.emplace_back();
  wanted.http.whitelists.emplace_back();
  wanted.http.trusted_proxies.emplace_back();
  wanted.http.max_streams = 1;
  wanted.clients.emplace_back().name = "new";
  wanted.downstream.host = "elsewhere";
  wanted.second_factor.on_unavailable = config::OnUnavailable::allow;
  wanted.second_factor.messages.denied_message = "No.";
  wanted.radius.duplicate_window_ms = 6'000;
  wanted.log.level = config::LogLevel::debug;
  wanted.log.audit = false;
  EXPECT_THAT(restart_needed_for({}, wanted), IsEmpty());
}

}  // namespace
}  // namespace sallyport::daemon
