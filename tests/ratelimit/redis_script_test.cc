// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/redis_script.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::ratelimit {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RedisScriptTest, WritesCommandsAsTheProtocolSays) {
  EXPECT_EQ(redis_command({"SET", "a b", ""}), "*3\r\n$3\r\nSET\r\n$3\r\na b\r\n$0\r\n\r\n");
}

TEST(RedisScriptTest, AsksForEachLimitedCommandOnce) {
  const std::vector<CommandLimit> commands = {{"free", 0}, {"b", 3}, {"a", 2}, {"b", 3}};
  const RedisAsk ask = ask_redis(
      {.user_key = "user:x", .user = {.rate = {.rate_per_s = 3, .burst = 4}}, .commands = commands},
      {.sha = "f00",
       .prefix = "m:",
       .unique = "id-1",
       .weight = 1'500,
       .lease = seconds(10),
       .unmeasured = milliseconds(7)});
  EXPECT_EQ(ask.lease.member, "1500:id-1");
  EXPECT_EQ(ask.lease.pools, (std::vector<std::string>{"m:command:b", "m:command:a"}));
  EXPECT_EQ(ask.command_indexes, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(ask.command,
            redis_command({"EVALSHA", "f00", "4", "m:rate:user:x", "m:user:user:x", "m:command:b",
                           "m:command:a", "admit", "1500:id-1", "1500", "10000000.000000",
                           "333333.333000", "999999.999000", "7000.000000", "0", "3000", "2000"}));
}

TEST(RedisScriptTest, ReadsADecision) {
  const std::vector<CommandLimit> commands = {{"free", 0}, {"a", 2}, {"b", 2}};
  const ThrottleRequest request{
      .user_key = "x", .user = {.rate = {.rate_per_s = 10, .burst = 5}}, .commands = commands};
  RedisAsk ask;
  ask.command_indexes = {1, 2};
  const std::array<std::int64_t, 4> admitted = {0, 0, 0, 150'000};
  const Decision yes = decision_of(admitted, request, ask);
  EXPECT_TRUE(yes.admitted());
  EXPECT_EQ(yes.rate, (RateFacts{5, 3, milliseconds(150)}));
  const std::array<std::int64_t, 4> command = {3, 1, 1'234, 0};
  const Decision no = decision_of(command, request, ask);
  EXPECT_EQ(no.refused, base::Reason::CommandConcurrency);
  EXPECT_EQ(no.command, "b");
  EXPECT_EQ(no.retry_after, microseconds(1'234));
  EXPECT_EQ(no.rate, (RateFacts{5, 5, base::Duration::zero()}));
}

}  // namespace
}  // namespace millrace::ratelimit
