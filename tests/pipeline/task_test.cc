// SPDX-License-Identifier: Apache-2.0
#include "pipeline/task.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace millrace::pipeline {
namespace {

Task sample() {
  Task task;
  task.request_id = "r-1";
  task.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  task.bucket = "photos";
  task.key = "dir/\xff 照.jpg";
  task.pipeline = "imageView2/1/w/200";
  task.user = "ann";
  task.tier = "paid";
  task.time_left = std::chrono::milliseconds(29'500);
  task.gateway_instance = "g-7f";
  task.sequence = std::numeric_limits<std::uint64_t>::max();
  task.sent_at_unix_ms = 1'790'000'000'000;
  return task;
}

std::string with(std::string json, const std::string& from, const std::string& to) {
  const auto at = json.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return json.replace(at, from.size(), to);
}

TEST(TaskTest, SurvivesJsonWithAnyBytesInTheKey) {
  const Task task = sample();
  const auto back = task_from_json(to_json(task));
  ASSERT_TRUE(back) << back.error().public_message;
  EXPECT_EQ(back->request_id, task.request_id);
  EXPECT_EQ(back->traceparent, task.traceparent);
  EXPECT_EQ(back->bucket, task.bucket);
  EXPECT_EQ(back->key, task.key);
  EXPECT_EQ(back->pipeline, task.pipeline);
  EXPECT_EQ(back->user, task.user);
  EXPECT_EQ(back->tier, task.tier);
  EXPECT_EQ(back->time_left, task.time_left);
  EXPECT_EQ(back->gateway_instance, task.gateway_instance);
  EXPECT_EQ(back->sequence, task.sequence);
  EXPECT_EQ(back->sent_at_unix_ms, task.sent_at_unix_ms);
}

TEST(TaskTest, IsWrittenAsDocumented) {
  const Task task = sample();
  EXPECT_EQ(to_json(task),
            R"({"version":1,"request_id":"r-1",)"
            R"("traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",)"
            R"("bucket":"photos","key":"dir/%FF%20%E7%85%A7.jpg","pipeline":"imageView2/1/w/200",)"
            R"("user":"ann","tier":"paid","time_left_ms":29500,"gateway_instance":"g-7f",)"
            R"("sequence":18446744073709551615,"sent_at_unix_ms":1790000000000})");
}

TEST(TaskTest, SurvivesJsonWithAnyCharactersInItsTexts) {
  Task task = sample();
  task.traceparent.clear();
  task.user = "a\"b\\c\n\x01 照";
  const auto back = task_from_json(to_json(task));
  ASSERT_TRUE(back) << back.error().public_message;
  EXPECT_EQ(back->user, task.user);
  EXPECT_EQ(back->traceparent, "");
  task.user = "bad \xff byte";
  EXPECT_TRUE(task_from_json(to_json(task)));
}

TEST(TaskTest, IgnoresFieldsItDoesNotKnow) {
  EXPECT_TRUE(task_from_json(with(to_json(sample()), "{", R"({"weight":8,)")));
}

TEST(TaskTest, RefusesWhatIsNoTaskItUnderstands) {
  const std::string good = to_json(sample());
  for (const std::string& json :
       {std::string(), std::string("[]"), good.substr(1),
        with(good, R"("version":1)", R"("version":2)"),
        with(good, R"("time_left_ms":29500)", R"("time_left_ms":-1)"),
        with(good, R"("time_left_ms":29500)", R"("time_left_ms":99999999999)"),
        with(good, R"("sequence":)", R"("sequence":-)"), with(good, R"("key":)", R"("clef":)"),
        with(good, R"("bucket":"photos")", R"("bucket":"")"),
        with(good, R"("bucket":"photos")", R"("bucket":"%p")"),
        with(good, R"("user":"ann")", R"("user":[])"), std::string(200'000, '['),
        R"({"a":)" + std::string(100, '[') + std::string(100, ']') + "}"}) {
    const auto task = task_from_json(json);
    ASSERT_FALSE(task) << json.substr(0, 300);
    EXPECT_EQ(task.error().reason, base::Reason::BadTarget);
  }
}

TEST(NodeLoadTest, SurvivesTheHeader) {
  const NodeLoad load{1, 2, 3, 31.5, 1'048'576, 420, 17, {"free", "a+b, c"}};
  EXPECT_EQ(to_header(load),
            "v=2, busy=1, slots=2, queued=3, drain=31.500, cache=1048576, queued_cpu_ms=420, "
            "running_cpu_ms=17, full=free+a%2Bb%2C%20c");
  const auto back = node_load_from_header(to_header(load));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->version, 2U);
  EXPECT_EQ(back->busy, 1U);
  EXPECT_EQ(back->slots, 2U);
  EXPECT_EQ(back->queued, 3U);
  EXPECT_DOUBLE_EQ(back->drain_per_s, 31.5);
  EXPECT_EQ(back->cache_bytes, 1'048'576U);
  EXPECT_EQ(back->queued_cpu_ms, 420U);
  EXPECT_EQ(back->running_cpu_ms, 17U);
  EXPECT_EQ(back->full_tiers, load.full_tiers);
  EXPECT_FALSE(back->has_room("free"));
  EXPECT_TRUE(back->has_room("paid"));
}

TEST(NodeLoadTest, UnderstandsAnOlderAgentAndANewerOne) {
  const auto old = node_load_from_header("busy=1, slots=2, queued=3, drain=1.000, cache=4");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->version, 1U);
  EXPECT_TRUE(old->has_room("free")) << "an older agent does not say; asking it does";
  const auto newer = node_load_from_header(
      "v=3,busy=1,slots=2,queued=0,drain=1,cache=4,queued_cpu_ms=5,running_cpu_ms=6,full=,heat=9");
  ASSERT_TRUE(newer);
  EXPECT_EQ(newer->version, 3U);
  EXPECT_EQ(newer->queued_cpu_ms, 5U);
}

TEST(NodeLoadTest, RefusesBrokenFields) {
  for (const char* text :
       {"", "busy", "busy=1", "busy=-1, slots=2, queued=0, drain=1, cache=4",
        "busy=1, slots=2, queued=0, drain=nan, cache=4",
        "busy=1, slots=2, queued=0, drain=-1, cache=4",
        "busy=1, slots=2, queued=0, drain=1, cache=4 MB",
        "v=2, busy=1, slots=2, queued=0, drain=1, cache=4",
        ("v=2, busy=1, slots=2, queued=0, drain=1, cache=4, queued_cpu_ms=1, running_cpu_ms=1, "
         "full=a++b"),
        "v=0, busy=1, slots=2, queued=0, drain=1, cache=4"}) {
    EXPECT_FALSE(node_load_from_header(text)) << text;
  }
}

TEST(TaskCostTest, SurvivesTheHeader) {
  const TaskCost cost{12.3451, 0.5, 52'428'800, 1};
  EXPECT_EQ(to_header(cost),
            "predicted=12.345, actual=0.500, memory_predicted=52428800, memory_peak=1");
  const auto back = task_cost_from_header(to_header(cost) + ", heat=9");
  ASSERT_TRUE(back);
  EXPECT_DOUBLE_EQ(back->predicted_cpu_ms, 12.345);
  EXPECT_DOUBLE_EQ(back->actual_cpu_ms, 0.5);
  EXPECT_EQ(back->memory_predicted_bytes, 52'428'800U);
  EXPECT_EQ(back->memory_peak_bytes, 1U);
}

TEST(TaskCostTest, RefusesBrokenFields) {
  for (const char* text :
       {"", "predicted=1", "predicted=-1, actual=1, memory_predicted=1, memory_peak=1",
        "predicted=1, actual=x, memory_predicted=1, memory_peak=1"}) {
    EXPECT_FALSE(task_cost_from_header(text)) << text;
  }
}

}  // namespace
}  // namespace millrace::pipeline
