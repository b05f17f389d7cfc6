// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/cache_policy.h"

#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

namespace millrace::agent {
namespace {

using base::Bytes;

CacheKey key_of(int number) { return cache_key_of({"entry", std::to_string(number)}); }

// Drives the policy as the store does: reserve, write, admit, let go.
class CachePolicyTest : public testing::Test {
 protected:
  bool put(int number, std::uint64_t size, bool keep_pinned = false) {
    evicted_.clear();
    if (!policy_.reserve(Bytes{size}, evicted_)) return false;
    CachePolicy::Node* node = policy_.admit(key_of(number), Bytes{size}, evicted_);
    if (node == nullptr) {
      policy_.release(Bytes{size});
      return false;
    }
    if (!keep_pinned) policy_.unpin(*node);
    return true;
  }
  bool has(int number) { return policy_.find(key_of(number)) != nullptr; }
  void touch(int number, int times) {
    for (int i = 0; i < times; ++i) CachePolicy::touch(*policy_.find(key_of(number)));
  }
  [[nodiscard]] bool was_evicted(int number) const {
    return std::ranges::find(evicted_, key_of(number)) != evicted_.end();
  }

  CachePolicy policy_{{.bytes_max = Bytes{100}, .entries_max = 1000}};
  std::vector<CacheKey> evicted_;
};

TEST_F(CachePolicyTest, KeepsWhatFits) {
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(put(i, 10));
  EXPECT_TRUE(evicted_.empty());
  EXPECT_EQ(policy_.used().count, 100U);
  EXPECT_EQ(policy_.entries(), 10U);
}

TEST_F(CachePolicyTest, EvictsTheOldestThatNobodyAskedFor) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(put(i, 10));
  ASSERT_TRUE(put(10, 20));
  EXPECT_TRUE(was_evicted(0));
  EXPECT_TRUE(was_evicted(1));
  EXPECT_FALSE(has(0));
  EXPECT_TRUE(has(2));
  EXPECT_LE(policy_.used().count, 100U);
}

TEST_F(CachePolicyTest, AScanDoesNotPushOutWhatIsPopular) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(put(i, 10));
  for (int i = 0; i < 5; ++i) touch(i, 3);
  for (int i = 100; i < 300; ++i) ASSERT_TRUE(put(i, 10));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(has(i)) << i;
}

TEST_F(CachePolicyTest, AGhostThatReturnsGoesToTheMainQueue) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(put(i, 10));
  ASSERT_TRUE(put(10, 10));
  ASSERT_FALSE(has(0));
  ASSERT_TRUE(put(0, 10));
  EXPECT_EQ(policy_.find(key_of(0))->queue, CachePolicy::Queue::Main);
  for (int i = 100; i < 120; ++i) ASSERT_TRUE(put(i, 10));
  EXPECT_TRUE(has(0));
}

TEST_F(CachePolicyTest, NeverEvictsWhatIsPinned) {
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(put(i, 10, true));
  ASSERT_TRUE(put(9, 10));
  for (int i = 100; i < 150; ++i) ASSERT_TRUE(put(i, 10));
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(has(i)) << i;
}

TEST_F(CachePolicyTest, RefusesWhenAllIsPinnedAndChangesNothing) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(put(i, 10, true));
  EXPECT_FALSE(put(10, 1));
  EXPECT_TRUE(evicted_.empty());
  EXPECT_EQ(policy_.used().count, 100U);
  policy_.unpin(*policy_.find(key_of(4)));
  EXPECT_TRUE(put(10, 1));
  EXPECT_TRUE(was_evicted(4));
}

TEST_F(CachePolicyTest, RefusesMoreThanTheBudget) {
  EXPECT_FALSE(put(1, 101));
  EXPECT_TRUE(put(1, 100));
}

TEST_F(CachePolicyTest, ReservationsCountAndComeBack) {
  ASSERT_TRUE(policy_.reserve(Bytes{60}, evicted_));
  EXPECT_FALSE(put(1, 50));
  policy_.release(Bytes{60});
  EXPECT_TRUE(put(1, 50));
  EXPECT_EQ(policy_.used().count, 50U);
}

TEST_F(CachePolicyTest, PopularEntriesThatArePinnedDoNotHideAVictim) {
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(put(i, 10, true));
    touch(i, 3);
  }
  ASSERT_TRUE(put(9, 10));
  touch(9, 3);
  EXPECT_TRUE(put(10, 10));
  EXPECT_TRUE(was_evicted(9));
}

TEST_F(CachePolicyTest, BoundsTheNumberOfEntries) {
  CachePolicy policy({.bytes_max = Bytes{1000}, .entries_max = 3});
  std::vector<CacheKey> evicted;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(policy.reserve(Bytes{1}, evicted));
    CachePolicy::Node* node = policy.admit(key_of(i), Bytes{1}, evicted);
    ASSERT_NE(node, nullptr);
    if (i < 7) policy.unpin(*node);
  }
  EXPECT_EQ(policy.entries(), 3U);
  ASSERT_TRUE(policy.reserve(Bytes{1}, evicted));
  EXPECT_EQ(policy.admit(key_of(10), Bytes{1}, evicted), nullptr) << "all three are pinned";
}

TEST_F(CachePolicyTest, RefusesAKeyThatIsThere) {
  ASSERT_TRUE(put(1, 10));
  EXPECT_FALSE(put(1, 10));
  EXPECT_EQ(policy_.used().count, 10U);
}

TEST_F(CachePolicyTest, BooksStayBalancedUnderRandomUse) {
  std::uint32_t state = 7;
  const auto random = [&state](std::uint32_t below) {
    state = state * 1664525U + 1013904223U;
    return static_cast<int>((state >> 8U) % below);
  };
  std::map<int, CachePolicy::Node*> pinned;
  for (int step = 0; step < 20'000; ++step) {
    const int number = random(200);
    if (has(number)) {
      touch(number, 1);
      continue;
    }
    const bool pin = random(10) == 0;
    if (put(number, 1 + static_cast<std::uint64_t>(random(15)), pin) && pin) {
      pinned[number] = policy_.find(key_of(number));
    }
    if (random(8) == 0 && !pinned.empty()) {
      policy_.unpin(*pinned.begin()->second);
      pinned.erase(pinned.begin());
    }
    ASSERT_LE(policy_.used().count, 100U);
    for (const auto& [name, node] : pinned) ASSERT_EQ(policy_.find(key_of(name)), node);
  }
  for (const auto& [name, node] : pinned) policy_.unpin(*node);
  EXPECT_EQ(policy_.pinned().count, 0U);
  for (int i = 0; i < 200; ++i) {
    if (CachePolicy::Node* node = policy_.find(key_of(i))) policy_.remove(*node);
  }
  EXPECT_EQ(policy_.used().count, 0U);
}

TEST(CacheKeyTest, PartsDoNotRunIntoEachOther) {
  EXPECT_NE(cache_key_of({"ab", "c"}), cache_key_of({"a", "bc"}));
  EXPECT_NE(cache_key_of({"a"}), cache_key_of({"a", ""}));
  EXPECT_EQ(cache_key_of({"a", "b"}), cache_key_of({"a", "b"}));
}

}  // namespace
}  // namespace millrace::agent
