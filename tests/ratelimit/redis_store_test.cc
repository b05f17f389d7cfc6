// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/redis_store.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ratelimit/redis_fixture.h"

namespace millrace::ratelimit {
namespace {

using base::Reason;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(RedisStoreTest, TwoGatewaysShareOneRateExactly) {
  Gateway one(patient(), loop);
  Gateway two(patient(), loop);
  ASSERT_TRUE(one.wait_for_redis() && two.wait_for_redis());
  // 1 an hour: none comes back while the test runs.
  const Ask ask{.limits = {.rate = {.rate_per_s = 1.0 / 3600, .burst = 25}}};
  int admitted = 0;
  for (int i = 0; i < 40; ++i) {
    const Decision decision = (i % 3 == 0 ? one : two).decide(ask);
    if (decision.admitted()) {
      ++admitted;
      EXPECT_EQ(decision.rate.limit, 25U);
      EXPECT_EQ(static_cast<int>(decision.rate.remaining), 25 - admitted);
    } else {
      EXPECT_EQ(decision.refused, Reason::UserRate);
      EXPECT_LE(decision.retry_after, seconds(3600));
      EXPECT_GT(decision.retry_after, seconds(3500));
    }
  }
  EXPECT_EQ(admitted, 25);
  EXPECT_EQ(one.seen.by_redis + two.seen.by_redis, 40);
}

TEST_F(RedisStoreTest, PipelinedDecisionsShareExactlyToo) {
  Gateway one(patient(), loop);
  Gateway two(patient(), loop);
  ASSERT_TRUE(one.wait_for_redis() && two.wait_for_redis());
  const Ask ask{.limits = {.rate = {.rate_per_s = 1.0 / 3600, .burst = 100}}};
  int answered = 0;
  int admitted = 0;
  for (int i = 0; i < 500; ++i) {
    (i % 2 == 0 ? one : two)
        .store->decide({ask.user, ask.limits, {}, {}}, [&](const Decision& decision) {
          ++answered;
          if (decision.admitted()) ++admitted;
        });
  }
  ASSERT_TRUE(loop.run_until([&] { return answered == 500; }));
  EXPECT_EQ(admitted, 100);
}

TEST_F(RedisStoreTest, RetryAfterOfARateIsTrue) {
  Gateway gateway(patient(), loop);
  ASSERT_TRUE(gateway.wait_for_redis());
  const Ask ask{.limits = {.rate = {.rate_per_s = 5, .burst = 2}}};
  EXPECT_TRUE(gateway.decide(ask).admitted());
  EXPECT_TRUE(gateway.decide(ask).admitted());
  const Decision refused = gateway.decide(ask);
  ASSERT_EQ(refused.refused, Reason::UserRate);
  EXPECT_LE(refused.retry_after, milliseconds(200));
  loop.run_for(refused.retry_after);
  EXPECT_TRUE(gateway.decide(ask).admitted());
}

TEST_F(RedisStoreTest, TwoGatewaysShareUserAndCommandConcurrency) {
  Gateway one(patient(), loop);
  Gateway two(patient(), loop);
  ASSERT_TRUE(one.wait_for_redis() && two.wait_for_redis());
  const Ask ask{.limits = {.concurrency_max = 2}, .commands = {{"free", 0}, {"avthumb", 3}}};
  Decision first = one.decide(ask);
  Decision second = two.decide(ask);
  EXPECT_TRUE(first.admitted() && second.admitted());
  EXPECT_EQ(one.decide(ask).refused, Reason::UserConcurrency);
  Ask other = ask;
  other.user = "user:b";
  const Decision third = two.decide(other);
  EXPECT_TRUE(third.admitted());
  const Decision refused = one.decide(other);
  EXPECT_EQ(refused.refused, Reason::CommandConcurrency);
  EXPECT_EQ(refused.command, "avthumb");
  EXPECT_GT(refused.retry_after, base::Duration::zero());
  first.permit.release(base::Clock::now());
  EXPECT_TRUE(two.decide(other).admitted());  // and ends at once
  loop.run_until([&] { return held("command:avthumb") == "$5\r\n-2000\r\n"; });
  EXPECT_TRUE(two.decide(ask).admitted());
}

TEST_F(RedisStoreTest, ARefusalByConcurrencySpendsNoToken) {
  Gateway gateway(patient(), loop);
  ASSERT_TRUE(gateway.wait_for_redis());
  const Ask ask{.limits = {.rate = {.rate_per_s = 1.0 / 3600, .burst = 3}, .concurrency_max = 9},
                .commands = {{"a", 1}}};
  const Decision holder = gateway.decide(ask);
  EXPECT_EQ(holder.rate.remaining, 2U);
  for (int i = 0; i < 5; ++i) {
    const Decision refused = gateway.decide(ask);
    EXPECT_EQ(refused.refused, Reason::CommandConcurrency);
    EXPECT_EQ(refused.rate.remaining, 2U);
  }
  EXPECT_EQ(held("user:user:a"), "$5\r\n-1000\r\n");
}

TEST_F(RedisStoreTest, ConcurrencyCountsCostAndTheHeavyRunAlone) {
  Gateway gateway(patient(), loop);
  ASSERT_TRUE(gateway.wait_for_redis());
  const UserLimits limits{.concurrency_max = 4};
  {
    const Decision three = gateway.decide({.limits = limits, .cpu = milliseconds(150)});
    const Decision fourth = gateway.decide({.limits = limits});
    EXPECT_TRUE(three.admitted() && fourth.admitted());
    EXPECT_EQ(gateway.decide({.limits = limits}).refused, Reason::UserConcurrency);
  }
  const Decision heavy = gateway.decide({.limits = limits, .cpu = seconds(60)});
  EXPECT_TRUE(heavy.admitted());
  EXPECT_EQ(gateway.decide({.limits = limits}).refused, Reason::UserConcurrency);
}

TEST_F(RedisStoreTest, RetryAfterOfConcurrencyIsMeasuredOverAllGateways) {
  Gateway one(patient(), loop);
  Gateway two(patient(), loop);
  ASSERT_TRUE(one.wait_for_redis() && two.wait_for_redis());
  const Ask ask{.limits = {.concurrency_max = 1}};
  Decision first = one.decide(ask);
  first.permit.release(base::Clock::now() + milliseconds(700));  // as if it had taken that long
  const Decision holder = one.decide(ask);
  ASSERT_TRUE(holder.admitted());
  const Decision refused = two.decide(ask);
  EXPECT_EQ(refused.refused, Reason::UserConcurrency);
  EXPECT_GE(refused.retry_after, milliseconds(700));
  EXPECT_LT(refused.retry_after, seconds(5));
}

TEST_F(RedisStoreTest, LeasesOfAGatewayThatVanishedExpire) {
  RedisOptions options = patient();
  options.lease = milliseconds(600);
  const Ask ask{.limits = {.concurrency_max = 1}, .commands = {{"a", 1}}};
  Gateway survivor(options, loop);
  ASSERT_TRUE(survivor.wait_for_redis());
  auto dead = std::make_unique<Gateway>(options, loop);
  ASSERT_TRUE(dead->wait_for_redis());
  Decision lost = dead->decide(ask);
  ASSERT_TRUE(lost.admitted());
  dead = nullptr;
  lost.permit.release(base::Clock::now());  // after its store: nothing is said to Redis
  EXPECT_EQ(survivor.decide(ask).refused, Reason::UserConcurrency);
  EXPECT_TRUE(loop.run_until([&] { return survivor.decide(ask).admitted(); }, seconds(10)));
}

TEST_F(RedisStoreTest, ALeaseIsRenewedForAsLongAsTheRequestRuns) {
  RedisOptions options = patient();
  options.lease = milliseconds(900);
  Gateway one(options, loop);
  Gateway two(options, loop);
  ASSERT_TRUE(one.wait_for_redis() && two.wait_for_redis());
  const Ask ask{.limits = {.concurrency_max = 1}};
  const Decision holder = one.decide(ask);
  ASSERT_TRUE(holder.admitted());
  loop.run_for(milliseconds(2'500));
  EXPECT_EQ(two.decide(ask).refused, Reason::UserConcurrency);
}

TEST_F(RedisStoreTest, WithoutLimitsRedisIsNotAsked) {
  Gateway gateway(patient(), loop);
  ASSERT_TRUE(gateway.wait_for_redis());
  EXPECT_TRUE(gateway.decide({.commands = {{"a", 0}}}).admitted());
  EXPECT_EQ(gateway.seen.by_redis, 0);
}

TEST_F(RedisStoreTest, AFasterLimitForgivesTheDebtOfASlowerOne) {
  Gateway gateway(patient(), loop);
  ASSERT_TRUE(gateway.wait_for_redis());
  const Ask slow{.limits = {.rate = {.rate_per_s = 1.0 / 3600, .burst = 2}}};
  EXPECT_TRUE(gateway.decide(slow).admitted() && gateway.decide(slow).admitted());
  const Ask fast{.limits = {.rate = {.rate_per_s = 10, .burst = 1}}};
  const Decision refused = gateway.decide(fast);
  EXPECT_LE(refused.retry_after, milliseconds(100));
  loop.run_for(refused.retry_after);
  EXPECT_TRUE(gateway.decide(fast).admitted());
}

TEST_F(RedisStoreTest, NamesAreLookedUpAndSocketsOfAFolderServe) {
  RedisOptions named = patient();
  named.host = "redis.test";
  Gateway by_name(named, loop);
  RedisOptions unix_socket = patient();
  unix_socket.unix_path = server.unix_path();
  Gateway by_path(unix_socket, loop);
  EXPECT_TRUE(by_name.wait_for_redis());
  EXPECT_TRUE(by_path.wait_for_redis());
}

TEST(RedisStoreAuthTest, SignsInAndChoosesItsDatabase) {
  test::RedisServer server({"--requirepass", "open sesame"});
  PollLoop loop;
  RedisOptions options;
  options.host = "127.0.0.1";
  options.port = server.port();
  options.answer_max = seconds(5);
  Gateway stranger(options, loop);
  ASSERT_TRUE(loop.run_until([&] { return stranger.seen.by_redis == 0; }));
  options.password = "open sesame";
  options.database = 3;
  Gateway known(options, loop);
  EXPECT_TRUE(known.wait_for_redis());
  EXPECT_FALSE(stranger.store->redis_decides());
  options.password = "wrong";
  Gateway wrong(options, loop);
  loop.run_for(milliseconds(200));
  EXPECT_FALSE(wrong.store->redis_decides());
}

}  // namespace
}  // namespace millrace::ratelimit
