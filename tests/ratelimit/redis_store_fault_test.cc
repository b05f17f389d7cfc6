// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ratelimit/redis_store.h"
#include "tests/ratelimit/redis_fixture.h"

// What Redis does to a gateway when it is slow, stopped, killed, empty or never there.
namespace millrace::ratelimit {
namespace {

using base::Duration;
using base::TimePoint;
using std::chrono::milliseconds;
using std::chrono::seconds;

class RedisStoreFaultTest : public RedisStoreTest {
 protected:
  [[nodiscard]] RedisOptions quick() const {
    RedisOptions options = patient();
    options.answer_max = RedisOptions().answer_max;
    return options;
  }
};

const UserLimits kTwenty{.rate = {.rate_per_s = 1.0 / 3600, .burst = 20}};

// A busy machine may keep Redis from answering in 5 ms; then the probe is simply tried again.
bool decide_by_redis(Gateway& gateway, const Ask& ask, Decision& decision) {
  return gateway.loop.run_until([&] {
    if (!gateway.wait_for_redis()) return false;
    const int before = gateway.seen.by_redis;
    decision = gateway.decide(ask);
    return gateway.seen.by_redis > before;
  });
}

TEST_F(RedisStoreFaultTest, AStoppedRedisIsReplacedByTheShareWithinMillisecondsAndComesBack) {
  Gateway gateway(quick(), loop);
  Decision decision;
  ASSERT_TRUE(decide_by_redis(gateway, {.limits = kTwenty}, decision));
  EXPECT_EQ(decision.rate.limit, 20U);
  const int by_redis = gateway.seen.by_redis;

  server.stop();
  Duration longest{};
  int admitted = 0;
  for (int i = 0; i < 50; ++i) {
    const TimePoint asked_at = base::Clock::now();
    const Decision share = gateway.decide({.user = "user:b", .limits = kTwenty});
    longest = std::max(longest, base::Clock::now() - asked_at);
    EXPECT_EQ(share.rate.limit, 10U);  // of twenty, for one of two gateways
    if (share.admitted()) ++admitted;
  }
  EXPECT_EQ(admitted, 10);
  EXPECT_EQ(gateway.seen.by_redis, by_redis);
  EXPECT_FALSE(gateway.store->redis_decides());
  // 5 ms by design; the rest is for machines that are busy with other tests.
  EXPECT_LT(longest, milliseconds(100));
  EXPECT_EQ(gateway.seen.of(FallBack::Slow) + gateway.seen.of(FallBack::Down), 50);
  EXPECT_GE(gateway.seen.of(FallBack::Slow), 3);
  // Whoever comes when it is known does not wait at all.
  EXPECT_GE(gateway.seen.of(FallBack::Down), 40);

  server.resume();
  ASSERT_TRUE(decide_by_redis(gateway, {.limits = kTwenty}, decision));
  EXPECT_EQ(decision.rate.limit, 20U);
}

TEST_F(RedisStoreFaultTest, ALateAnswerGivesItsPermitBack) {
  RedisOptions options = quick();
  options.lease = seconds(60);
  Gateway gateway(options, loop);
  Decision decision;
  const Ask ask{.limits = {.concurrency_max = 8}, .commands = {{"a", 8}}};
  ASSERT_TRUE(decide_by_redis(gateway, ask, decision));
  decision.permit.release(base::Clock::now());
  server.stop();
  std::vector<Decision> share;
  for (int i = 0; i < 4; ++i) share.push_back(gateway.decide(ask));
  const int abandoned = gateway.seen.of(FallBack::Slow);
  ASSERT_GE(abandoned, 1);
  server.resume();
  ASSERT_TRUE(loop.run_until([&] { return gateway.seen.late == abandoned; }));
  ASSERT_TRUE(loop.run_until([&] {
    return held("user:user:a").ends_with("\r\n-0\r\n") ||
           held("user:user:a").ends_with("\r\n0\r\n");
  }));
  // What the abandoned calls took was really there before it was given back.
  EXPECT_EQ(server.ask({"ZCARD", "millrace:user:user:a"}),
            server.ask({"ZCARD", "millrace:command:a"}));
  EXPECT_EQ(server.ask({"ZCOUNT", "millrace:user:user:a", "(0", "+inf"}), ":0\r\n");
}

TEST_F(RedisStoreFaultTest, ARedisThatIsGoneForLongIsReconnectedTo) {
  RedisOptions options = quick();
  options.silent_max = milliseconds(300);
  Gateway gateway(options, loop);
  Decision decision;
  ASSERT_TRUE(decide_by_redis(gateway, {.limits = kTwenty}, decision));
  server.stop();
  EXPECT_TRUE(gateway.decide({.user = "user:b", .limits = kTwenty}).admitted());
  loop.run_for(seconds(2));  // several connections are given up meanwhile
  EXPECT_FALSE(gateway.store->redis_decides());
  server.resume();
  EXPECT_TRUE(decide_by_redis(gateway, {.limits = kTwenty}, decision));
}

TEST_F(RedisStoreFaultTest, AKilledRedisIsReplacedAtOnceAndUsedAgainWhenItIsBack) {
  Gateway gateway(quick(), loop);
  Decision held;
  const Ask ask{.limits = {.rate = kTwenty.rate, .concurrency_max = 4}};
  ASSERT_TRUE(decide_by_redis(gateway, ask, held));
  server.kill();
  ASSERT_TRUE(loop.run_until([&] { return !gateway.store->redis_decides(); }));
  EXPECT_FALSE(gateway.seen.problems.back().empty());
  const Decision share = gateway.decide(ask);
  EXPECT_TRUE(share.admitted());
  EXPECT_EQ(share.rate, (RateFacts{10, 9, share.rate.reset_after}));
  held.permit.release(base::Clock::now());  // to nobody; no harm
  server.start();                           // knows no script and no key
  Decision decision;
  ASSERT_TRUE(decide_by_redis(gateway, ask, decision));
  EXPECT_EQ(decision.rate.remaining, 19U);
}

TEST_F(RedisStoreFaultTest, AFlushedScriptCacheIsFilledAgainWithinTheCall) {
  Gateway gateway(patient(), loop);
  ASSERT_TRUE(gateway.wait_for_redis());
  ASSERT_EQ(server.ask({"SCRIPT", "FLUSH"}), "+OK\r\n");
  int answered = 0;
  for (int i = 0; i < 10; ++i) {
    gateway.store->decide({"user:a", kTwenty, {}, {}}, [&](const Decision& decision) {
      ++answered;
      EXPECT_TRUE(decision.admitted());
    });
  }
  ASSERT_TRUE(loop.run_until([&] { return answered == 10; }));
  EXPECT_EQ(gateway.seen.by_redis, 10);
  // Giving back survives it too.
  Decision holder = gateway.decide({.limits = {.concurrency_max = 1}});
  ASSERT_EQ(server.ask({"SCRIPT", "FLUSH"}), "+OK\r\n");
  holder.permit.release(base::Clock::now());
  EXPECT_TRUE(
      loop.run_until([&] { return held("user:user:a").find("-1000") == std::string::npos; }));
}

TEST_F(RedisStoreFaultTest, NoMoreThanSoManyCallsWait) {
  RedisOptions options = patient();
  options.calls_max = 10;
  Gateway gateway(options, loop);
  ASSERT_TRUE(gateway.wait_for_redis());
  server.stop();
  int answered = 0;
  for (int i = 0; i < 30; ++i) {
    gateway.store->decide({"user:a", kTwenty, {}, {}}, [&](const Decision&) { ++answered; });
  }
  EXPECT_EQ(answered, 20);
  EXPECT_EQ(gateway.seen.of(FallBack::Full), 20);
  server.resume();
  EXPECT_TRUE(loop.run_until([&] { return answered == 30; }));
}

TEST_F(RedisStoreFaultTest, ARedisThatWasNeverThereIsLookedForInVain) {
  RedisOptions options = quick();
  options.host = "nowhere.test";
  Gateway by_name(options, loop);
  server.kill();
  Gateway by_port(quick(), loop);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(by_name.decide({.limits = kTwenty}).admitted());
    EXPECT_TRUE(by_port.decide({.limits = kTwenty}).admitted());
    loop.run_for(milliseconds(50));
  }
  EXPECT_EQ(by_name.seen.of(FallBack::Down), 5);
  EXPECT_EQ(by_port.seen.of(FallBack::Down), 5);
}

TEST_F(RedisStoreFaultTest, WhoeverWaitsWhenTheStoreEndsIsAnsweredByTheShare) {
  Gateway gateway(patient(), loop);
  ASSERT_TRUE(gateway.wait_for_redis());
  server.stop();
  int answered = 0;
  gateway.store->decide({"user:a", kTwenty, {}, {}}, [&](const Decision& decision) {
    ++answered;
    EXPECT_TRUE(decision.admitted());
    EXPECT_EQ(decision.rate.limit, 10U);
  });
  EXPECT_EQ(answered, 0);
  gateway.store = nullptr;
  EXPECT_EQ(answered, 1);
  server.resume();
}

TEST_F(RedisStoreFaultTest, ADatabaseThatRefusesWritesDoesNotDecide) {
  ASSERT_EQ(server.ask({"CONFIG", "SET", "maxmemory", "1"}), "+OK\r\n");
  ASSERT_EQ(server.ask({"CONFIG", "SET", "maxmemory-policy", "noeviction"}), "+OK\r\n");
  Gateway gateway(patient(), loop);
  EXPECT_TRUE(gateway.decide({.limits = kTwenty}).admitted());
  loop.run_for(milliseconds(300));
  EXPECT_FALSE(gateway.store->redis_decides());
  ASSERT_EQ(server.ask({"CONFIG", "SET", "maxmemory", "0"}), "+OK\r\n");
  EXPECT_TRUE(gateway.wait_for_redis());
}

}  // namespace
}  // namespace millrace::ratelimit
