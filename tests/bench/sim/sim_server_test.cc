// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::bench::sim {
namespace {

using testing::HasSubstr;

Scenario scenario_of(const std::string& yaml) {
  auto scenario = load_scenario(yaml);
  EXPECT_TRUE(scenario) << scenario.error().public_message;
  return *scenario;
}

TEST(SimServerTest, TakesThePipelinesThatMixesWrite) {
  const Scenario scenario = scenario_of(R"(
name: a
mixes:
  one: {keys: [a], pipeline: "imageView2/1/w/{r}/h/{r}"}
  two: {keys: [a], pipeline: "imageView2/2/h/8{r}/w/800/format/webp|imageInfo"}
steps: {s: {rate: 1/s}}
)");
  const auto catalogue = catalogue_of(scenario);
  const auto plan = catalogue.check("imageView2/1/h/317/w/200");
  ASSERT_TRUE(plan) << plan.error().public_message;
  EXPECT_EQ(plan->text(), "imageView2/1/w/200/h/317") << "one order, whoever wrote it";
  EXPECT_TRUE(catalogue.check("imageView2/2/format/webp|imageInfo"));
  EXPECT_FALSE(catalogue.check("imageView2/1/format/avif"));
  EXPECT_FALSE(catalogue.check("facecrop/100x100"));
}

TEST(SimServerTest, ReadsTheConfigurationThatTheServerWouldRead) {
  const Scenario scenario = scenario_of(R"(
name: a
server:
  workers: 3
  config: |
    gateway: {requests_in_flight_max: 77}
    agent: {tiers: {free: {queue_per_worker: 5}}}
  environment: [MILLRACE_AGENT_CACHE_RESULTS=false, OTHER=1]
mixes: {m: {keys: [a], pipeline: imageInfo}}
steps: {s: {rate: 1/s}}
)");
  const auto server = server_of(scenario, 8);
  ASSERT_TRUE(server) << server.error().public_message;
  EXPECT_EQ(server->gateway.requests_in_flight_max, 77U);
  EXPECT_EQ(server->agent.tiers.at("free").queue_per_worker, 5U);
  EXPECT_FALSE(server->agent.cache.results);
  EXPECT_EQ(server->workers, 3U);
}

TEST(SimServerTest, SaysWhatIsWrongWithTheConfiguration) {
  const Scenario scenario = scenario_of(R"(
name: a
server: {config: "gateway: {no_such_key: 1}"}
mixes: {m: {keys: [a], pipeline: imageInfo}}
steps: {s: {rate: 1/s}}
)");
  const auto server = server_of(scenario, 2);
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().public_message, HasSubstr("no_such_key"));
}

TEST(SimServerTest, OneWorkerACoreWhereNobodySaysHowMany) {
  const Scenario scenario =
      scenario_of("name: a\nmixes: {m: {keys: [a], pipeline: imageInfo}}\nsteps: {s: {rate: 1/s}}");
  EXPECT_EQ(server_of(scenario, 8)->workers, 8U);
}

TEST(SimServerTest, AProbeSaysWhatTheScenarioMade) {
  Bucket bucket;
  Source& source = bucket.sources.emplace_back();
  source.key = "big-{n}.jpg";
  source.width_px = 4'000;
  source.height_px = 3'000;
  const auto made = probe_of(&bucket, "big-17.jpg", 1e6);
  EXPECT_EQ(made.format, "jpeg");
  EXPECT_EQ(made.width, 4'000);
  EXPECT_EQ(made.height, 3'000);
  const auto other = probe_of(&bucket, "big-a.webp", 1e6);
  EXPECT_EQ(other.format, "webp");
  EXPECT_EQ(other.width, 1'000) << "as many pixels as the mix says";
}

}  // namespace
}  // namespace millrace::bench::sim
