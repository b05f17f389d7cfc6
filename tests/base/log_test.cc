// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <limits>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace millrace::base {
namespace {

class LogTest : public testing::Test {
 protected:
  void SetUp() override { start_log("agent", LogLevel::Info); }

  // What `write` puts on standard error, one element a line.
  template <class Write>
  static std::vector<std::string> lines_of(const Write& write) {
    testing::internal::CaptureStderr();
    write();
    std::istringstream text(testing::internal::GetCapturedStderr());
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
};

TEST_F(LogTest, WritesOneJsonObjectALineInTheDocumentedOrder) {
  const auto lines = lines_of([] {
    log_info("worker_started", {{"pid", std::int64_t{42}}, {"kind", "image"}});
    log_error("worker_died", {{"cpu_seconds", 1.5}, {"in_task", true}});
  });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(std::regex_match(
      lines[0], std::regex(R"(\{"ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"info",)"
                           R"("component":"agent","event":"worker_started","pid":42,)"
                           R"("kind":"image"\})")))
      << lines[0];
  const auto second = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(second["level"], "error");
  EXPECT_EQ(second["cpu_seconds"], 1.5);
  EXPECT_EQ(second["in_task"], true);
}

TEST_F(LogTest, HostileTextNeitherBreaksTheLineNorTheJson) {
  const std::string hostile = std::string("a\"b\\c\nd\x01\xff\xc3(", 11) + std::string(1, '\0');
  const auto lines = lines_of([&] { log_warn("odd_key", {{"key", hostile}, {"a\nb", "{}%v"}}); });
  ASSERT_EQ(lines.size(), 1U);
  const auto line = nlohmann::json::parse(lines[0]);
  EXPECT_TRUE(line["key"].get<std::string>().starts_with("a\"b\\c\nd\x01\xEF\xBF\xBD"));
  EXPECT_EQ(line["a\nb"], "{}%v");
}

TEST_F(LogTest, NumbersThatJsonDoesNotKnowAreNull) {
  const auto lines = lines_of(
      [] { log_info("odd_number", {{"load", std::numeric_limits<double>::quiet_NaN()}}); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(nlohmann::json::parse(lines[0])["load"].is_null());
}

TEST_F(LogTest, LeavesOutWhatIsBelowItsLevel) {
  EXPECT_TRUE(lines_of([] { log(LogLevel::Debug, "detail"); }).empty());
  start_log("agent", LogLevel::Error);
  EXPECT_TRUE(lines_of([] { log_warn("warning"); }).empty());
  EXPECT_EQ(lines_of([] { log_error("failure"); }).size(), 1U);
}

TEST_F(LogTest, LinesOfManyThreadsDoNotMix) {
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  const auto lines = lines_of([] {
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < kLines; ++i) log_info("tick", {{"thread", std::int64_t{t}}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  EXPECT_EQ(lines.size(), std::size_t{kThreads} * kLines);
  for (const std::string& line : lines) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
}

TEST_F(LogTest, KnowsTheWordsOfItsLevels) {
  EXPECT_EQ(log_level_from_word("debug"), LogLevel::Debug);
  EXPECT_EQ(log_level_from_word("info"), LogLevel::Info);
  EXPECT_EQ(log_level_from_word("warn"), LogLevel::Warn);
  EXPECT_EQ(log_level_from_word("error"), LogLevel::Error);
  EXPECT_EQ(log_level_from_word("loud"), LogLevel::Info);
}

}  // namespace
}  // namespace millrace::base
