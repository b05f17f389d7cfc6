// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/target.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::bench {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Scenario scenario_of(const std::string& mix) {
  auto scenario = load_scenario("name: a\nmixes: {m: {" + mix + "}}\nsteps: {s: {rate: 1/s}}");
  EXPECT_TRUE(scenario) << scenario.error().public_message;
  return *scenario;
}

TEST(RequestMakerTest, WritesMillracesOwnUrls) {
  const Scenario scenario = scenario_of(
      "keys: [\"p-{n}.jpg\"], keys_count: 3, pipeline: \"imageView2/2/w/{unique}\", "
      "user: \"u{u}\", users_count: 2, headers: [\"X-A: b\"]");
  auto maker = RequestMaker::make(scenario, nullptr, "127.0.0.1:80");
  ASSERT_TRUE(maker);
  std::set<std::string> keys;
  for (int i = 1; i <= 30; ++i) {
    const std::string text = maker->next(0);
    EXPECT_THAT(text, StartsWith("GET /photos/p-"));
    EXPECT_THAT(text, HasSubstr(".jpg?imageView2/2/w/" + std::to_string(i) + " HTTP/1.1\r\n"));
    EXPECT_THAT(text, HasSubstr("Host: 127.0.0.1:80\r\n"));
    EXPECT_THAT(text,
                HasSubstr(i % 2 == 1 ? "X-Millrace-User: u0\r\n" : "X-Millrace-User: u1\r\n"));
    EXPECT_THAT(text, testing::EndsWith("X-A: b\r\n\r\n"));
    keys.insert(text.substr(0, text.find('?')));
  }
  EXPECT_EQ(keys.size(), 3U);
}

TEST(RequestMakerTest, WritesTheUrlsOfOtherServers) {
  const Scenario scenario =
      scenario_of("keys: [a.jpg], user: u, parameters: [operation=fill, width=20, height=10]");
  const auto target = load_target(
      "name: imgproxy\noperations: [\"fill=/i/rs:fill:{width}:{height}/plain/{bucket}/{key}\"]");
  ASSERT_TRUE(target) << target.error().public_message;
  auto maker = RequestMaker::make(scenario, &*target, "h");
  ASSERT_TRUE(maker) << maker.error().public_message;
  const std::string text = maker->next(0);
  EXPECT_THAT(text, StartsWith("GET /i/rs:fill:20:10/plain/photos/a.jpg HTTP/1.1\r\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("X-Millrace")));
}

TEST(RequestMakerTest, RefusesWordsThatNothingFills) {
  const auto unknown = RequestMaker::make(scenario_of("keys: [\"{x}.jpg\"]"), nullptr, "h");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().public_message, testing::AllOf(HasSubstr("{x}"), HasSubstr("{n}")));
  const auto target = load_target("name: t\noperations: [\"crop=/{key}\"]");
  ASSERT_TRUE(target);
  const auto lacks = RequestMaker::make(scenario_of("keys: [a]"), &*target, "h");
  ASSERT_FALSE(lacks);
  EXPECT_THAT(lacks.error().public_message, HasSubstr("the target t has crop"));
  EXPECT_FALSE(load_target("name: t\noperations: [\"crop\"]"));
  EXPECT_FALSE(load_target("name: t"));
}

TEST(TargetFilesTest, EveryOneIsRightAndServesTheComparison) {
  const std::filesystem::path folder = std::filesystem::path(MILLRACE_SOURCE_DIR) / "bench/targets";
  const Scenario scenario = scenario_of("keys: [a.jpg], parameters: [width=20, height=10]");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream in(entry.path());
    const auto target = load_target(std::string{std::istreambuf_iterator<char>(in), {}});
    ASSERT_TRUE(target) << entry.path() << target.error().public_message;
    auto maker = RequestMaker::make(scenario, &*target, "h");
    ASSERT_TRUE(maker) << entry.path() << maker.error().public_message;
    EXPECT_THAT(maker->next(0), HasSubstr("a.jpg"));
    ++files;
  }
  EXPECT_GE(files, 6U);
}

TEST(ScenarioFilesTest, EveryOneIsRight) {
  const std::filesystem::path folder =
      std::filesystem::path(MILLRACE_SOURCE_DIR) / "bench/scenarios";
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;

    std::ifstream in(entry.path());
    const auto scenario = load_scenario(std::string{std::istreambuf_iterator<char>(in), {}});
    ASSERT_TRUE(scenario) << entry.path() << scenario.error().public_message;
    EXPECT_TRUE(RequestMaker::make(*scenario, nullptr, "h")) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 1U);
}

}  // namespace
}  // namespace millrace::bench
