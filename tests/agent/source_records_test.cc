// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/source_records.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kStart = base::TimePoint(1h);

std::shared_ptr<SourceVersion> version(const std::string& content) {
  auto made = std::make_shared<SourceVersion>();
  made->content = cache_key_of({content});
  return made;
}

TEST(SourceRecordsTest, AVersionIsServedForAWhileWithoutAQuestion) {
  SourceRecords records(2s, 10);
  EXPECT_EQ(records.fresh("a", kStart).version, nullptr);
  const auto kept = records.remember("a", version("1"), kStart);
  EXPECT_EQ(records.fresh("a", kStart + 1999ms).version, kept);
  EXPECT_EQ(records.fresh("a", kStart + 1999ms).until, kStart + 2s);
  EXPECT_EQ(records.fresh("a", kStart + 2s).version, nullptr);
  EXPECT_EQ(records.last_known("a"), kept);
}

TEST(SourceRecordsTest, TheSameContentKeepsWhatIsKnownOfIt) {
  SourceRecords records(2s, 10);
  const auto first = records.remember("a", version("1"), kStart);
  first->probe.emplace().format = "jpeg";
  EXPECT_EQ(records.remember("a", version("1"), kStart + 3s), first);
  EXPECT_EQ(records.fresh("a", kStart + 4s).version, first) << "it is fresh again";
  EXPECT_NE(records.remember("a", version("2"), kStart + 5s), first);
}

TEST(SourceRecordsTest, ForgetsWhatWasUsedLongestAgo) {
  SourceRecords records(2s, 2);
  records.remember("a", version("a"), kStart);
  records.remember("b", version("b"), kStart);
  EXPECT_NE(records.last_known("a"), nullptr);  // a use
  records.remember("c", version("c"), kStart);
  EXPECT_NE(records.last_known("a"), nullptr);
  EXPECT_EQ(records.last_known("b"), nullptr);
  EXPECT_EQ(records.size(), 2U);
}

TEST(SourceRecordsTest, NamesOfTwoBucketsNeverMeet) {
  EXPECT_NE(source_name("a", "b/c"), source_name("a/b", "c"));
  EXPECT_NE(source_name("ab", "c"), source_name("a", "bc"));
}

}  // namespace
}  // namespace millrace::agent
