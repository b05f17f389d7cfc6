// SPDX-License-Identifier: Apache-2.0
#include "agent/config.h"

#include <gtest/gtest.h>

namespace millrace::agent {
namespace {

base::Result<void> load(std::string_view yaml, AgentConfig& config) {
  return base::load_config(yaml, {},
                           [&config](base::ConfigBinder& b) { b.part("agent", config, ""); });
}

TEST(AgentConfigTest, DefaultsAreValidAndPrintAsTheyLoad) {
  AgentConfig config;
  ASSERT_TRUE(load("", config).has_value());
  const auto body = [&config](base::ConfigBinder& b) { b.part("agent", config, ""); };
  const std::string printed = base::print_config(body, true);
  AgentConfig again;
  const auto loaded = load(printed, again);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().public_message << "\n" << printed;
  EXPECT_EQ(
      base::print_config([&again](base::ConfigBinder& b) { b.part("agent", again, ""); }, true),
      printed);
}

TEST(AgentConfigTest, ReadsWhatTheFileSays) {
  AgentConfig config;
  const auto loaded = load(R"(
agent:
  listen: unix:/run/millrace/agent.sock
  cache: {results: false, bytes_max: 268435456}
  workers: {image: {count: 3, pin: false}}
  tiers: {trial: {queue_per_worker: 2, weight: 1}}
)",
                           config);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().public_message;
  EXPECT_FALSE(config.cache.results);
  EXPECT_EQ(config.cache.bytes_max, base::mebibytes(256));
  EXPECT_EQ(config.image_workers.count, 3U);
  EXPECT_FALSE(config.image_workers.pin);
  EXPECT_EQ(config.tiers.at("trial").queue_per_worker, 2U);
}

TEST(AgentConfigTest, RefusesAnAddressThatIsNone) {
  AgentConfig config;
  const auto loaded = load("agent: {listen: nonsense}", config);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_NE(loaded.error().public_message.find("listen"), std::string::npos);
}

TEST(AgentConfigTest, RefusesAKeyItDoesNotKnow) {
  AgentConfig config;
  EXPECT_FALSE(load("agent: {cache: {bytes: 1}}", config).has_value());
}

}  // namespace
}  // namespace millrace::agent
