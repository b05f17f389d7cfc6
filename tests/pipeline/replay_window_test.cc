// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "pipeline/task.h"

namespace millrace::pipeline {
namespace {

constexpr std::int64_t kNow = 1'790'000'000'000;
constexpr std::chrono::milliseconds kSkew{30'000};

Task task(std::uint64_t sequence, std::int64_t sent_at = kNow, std::string gateway = "g") {
  Task result;
  result.gateway_instance = std::move(gateway);
  result.sequence = sequence;
  result.sent_at_unix_ms = sent_at;
  return result;
}

TEST(ReplayWindowTest, TakesEachNumberOnceInAnyOrder) {
  ReplayWindow window(kSkew);
  for (const std::uint64_t n : {7U, 3U, 8U, 1U, 100U, 99U})
    EXPECT_TRUE(window.accept(task(n), kNow)) << n;
  for (const std::uint64_t n : {7U, 3U, 8U, 1U, 100U, 99U})
    EXPECT_FALSE(window.accept(task(n), kNow)) << n;
  EXPECT_TRUE(window.accept(task(2), kNow));
}

TEST(ReplayWindowTest, GatewaysDoNotShareNumbers) {
  ReplayWindow window(kSkew);
  EXPECT_TRUE(window.accept(task(5, kNow, "a"), kNow));
  EXPECT_TRUE(window.accept(task(5, kNow, "b"), kNow));
  EXPECT_FALSE(window.accept(task(5, kNow, "a"), kNow));
}

TEST(ReplayWindowTest, RefusesWhatIsOldOrFromTheFuture) {
  ReplayWindow window(kSkew);
  EXPECT_TRUE(window.accept(task(1, kNow - 30'000), kNow));
  EXPECT_TRUE(window.accept(task(2, kNow + 30'000), kNow));
  EXPECT_FALSE(window.accept(task(3, kNow - 30'001), kNow));
  EXPECT_FALSE(window.accept(task(4, kNow + 30'001), kNow));
}

TEST(ReplayWindowTest, RefusesNumbersBehindTheWindow) {
  ReplayWindow window(kSkew);
  EXPECT_TRUE(window.accept(task(100'000), kNow));
  EXPECT_FALSE(window.accept(task(100'000 - ReplayWindow::kWindow), kNow));
  EXPECT_TRUE(window.accept(task(100'000 - ReplayWindow::kWindow + 1), kNow));
  EXPECT_FALSE(window.accept(task(100'000 - ReplayWindow::kWindow + 1), kNow));
}

TEST(ReplayWindowTest, OldMarksDoNotShadowNewNumbers) {
  ReplayWindow window(kSkew);
  for (std::uint64_t n = 0; n < 3 * ReplayWindow::kWindow; n += 7) {
    ASSERT_TRUE(window.accept(task(n), kNow)) << n;
    ASSERT_FALSE(window.accept(task(n), kNow)) << n;
  }
  // A leap beyond the window forgets all of it.
  const std::uint64_t far = 10 * ReplayWindow::kWindow + 3;
  EXPECT_TRUE(window.accept(task(far), kNow));
  EXPECT_TRUE(window.accept(task(far - 7), kNow));
  EXPECT_FALSE(window.accept(task(far), kNow));
}

TEST(ReplayWindowTest, ForgettingAGatewayNeverLetsARepeatIn) {
  ReplayWindow window(kSkew, 2);
  const Task first = task(1, kNow, "a");
  EXPECT_TRUE(window.accept(first, kNow));
  EXPECT_TRUE(window.accept(task(1, kNow, "b"), kNow));
  // Full of gateways that still matter: a third one is refused.
  EXPECT_FALSE(window.accept(task(1, kNow, "c"), kNow));
  const std::int64_t later = kNow + 30'001;
  EXPECT_TRUE(window.accept(task(1, later, "c"), later));
  EXPECT_FALSE(window.accept(first, later));
}

}  // namespace
}  // namespace millrace::pipeline
