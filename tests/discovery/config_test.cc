// SPDX-License-Identifier: Apache-2.0
#include "discovery/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::discovery {
namespace {

template <class Config>
std::string load(Config& config, const std::string& yaml) {
  const auto loaded =
      base::load_config(yaml, {}, [&config](base::ConfigBinder& b) { config.bind(b); });
  return loaded ? "" : loaded.error().public_message;
}

TEST(DiscoveryConfigTest, DefaultsAreValid) {
  RegistryConfig registry;
  RegistrarConfig registrar;
  EXPECT_EQ(load(registry, ""), "");
  EXPECT_EQ(load(registrar, ""), "");
}

TEST(DiscoveryConfigTest, RegistryReadsItsKeys) {
  RegistryConfig config;
  EXPECT_EQ(load(config, "gone_after_ms: 700\nheartbeat_hold_ms_max: 300\nnodes_max: 5\n"), "");
  EXPECT_EQ(config.gone_after, std::chrono::milliseconds(700));
  EXPECT_EQ(config.heartbeat_hold, std::chrono::milliseconds(300));
  EXPECT_EQ(config.nodes_max, 5U);
}

TEST(DiscoveryConfigTest, HeartbeatThatHangsLongerThanANodeLivesIsRefused) {
  RegistryConfig config;
  EXPECT_THAT(load(config, "gone_after_ms: 3000\nheartbeat_hold_ms_max: 3000\n"),
              testing::HasSubstr("below gone_after_ms"));
}

TEST(DiscoveryConfigTest, RegistrarReadsAddresses) {
  RegistrarConfig config;
  EXPECT_EQ(load(config, "registries: [\"10.0.0.1:8081\", \"unix:/run/millrace/api.sock\"]\n"), "");
  EXPECT_EQ(config.registries.size(), 2U);
  EXPECT_THAT(load(config, "registries: [\"10.0.0.1\"]\n"), testing::HasSubstr("registries"));
  RegistrarConfig other;
  EXPECT_THAT(load(other, "back_off_ms_min: 600\n"), testing::HasSubstr("back_off_ms_max"));
}

}  // namespace
}  // namespace millrace::discovery
