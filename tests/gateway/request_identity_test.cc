// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_identity.h"

#include <set>

#include <gtest/gtest.h>

#include "gateway/request_record.h"

namespace millrace::gateway {
namespace {

constexpr const char* kTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(RequestIdsTest, NeverRepeats) {
  RequestIds ids(42);
  RequestIds others(43);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = ids.next();
    EXPECT_EQ(id.size(), 24U);
    EXPECT_TRUE(seen.insert(id).second);
    EXPECT_TRUE(seen.insert(others.next()).second);
  }
}

TEST(RequestRecordTest, FailedAndSlowRequestsGetALineAndFullQueuesDoNot) {
  using std::chrono::milliseconds;
  const AccessLogConfig config;
  RequestRecord record;
  EXPECT_FALSE(is_logged(config, record, milliseconds(5)));
  EXPECT_TRUE(is_logged(config, record, config.slow));
  record.failure = base::Reason::Deadline;
  EXPECT_TRUE(is_logged(config, record, milliseconds(5)));
  record.failure = base::Reason::QueueFull;
  EXPECT_FALSE(is_logged(config, record, milliseconds(5)));
  EXPECT_TRUE(is_logged(config, record, config.slow)) << "it waited and was displaced";
  EXPECT_TRUE(is_logged({.requests = "all"}, record, milliseconds(5)));
}

TEST(TraceParentTest, ReadsTheStandardsExample) {
  const auto trace = parse_traceparent(kTrace);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace->parent_id, "00f067aa0ba902b7");
  EXPECT_EQ(trace->text(), kTrace);
}

TEST(TraceParentTest, ReadsANewerVersionAsFarAsItKnows) {
  const std::string body(kTrace + 2);
  EXPECT_TRUE(parse_traceparent("01" + body + "-more"));
  EXPECT_FALSE(parse_traceparent("01" + body + "more"));
  EXPECT_FALSE(parse_traceparent("00" + body + "-more"));
  EXPECT_FALSE(parse_traceparent("ff" + body));
}

TEST(TraceParentTest, IgnoresWhatIsBroken) {
  for (const char* text : {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x"}) {
    EXPECT_FALSE(parse_traceparent(text)) << text;
  }
}

TEST(TraceParentTest, ContinuesTheClientsTraceUnderAnotherParent) {
  RequestIds ids(1);
  const TraceParent next = continue_trace(kTrace, ids);
  EXPECT_EQ(next.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_NE(next.parent_id, "00f067aa0ba902b7");
  EXPECT_EQ(next.flags, "01");
  EXPECT_TRUE(parse_traceparent(next.text()));
}

TEST(TraceParentTest, BeginsATraceWhereThereIsNone) {
  RequestIds ids(1);
  const TraceParent first = continue_trace(std::nullopt, ids);
  const TraceParent second = continue_trace("broken", ids);
  EXPECT_TRUE(parse_traceparent(first.text())) << first.text();
  EXPECT_NE(first.trace_id, second.trace_id);
}

}  // namespace
}  // namespace millrace::gateway
