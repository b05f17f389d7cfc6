// SPDX-License-Identifier: Apache-2.0
#include "gateway/recent_variants.h"

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

TEST(RecentVariantsTest, KnowsWhoAnswered) {
  RecentVariants recent(8);
  EXPECT_EQ(recent.node_of(3), 0U);
  recent.remember(3, 77);
  EXPECT_EQ(recent.node_of(3), 77U);
  recent.remember(3, 78);
  EXPECT_EQ(recent.node_of(3), 78U);
}

TEST(RecentVariantsTest, ForgetsWhatIsNotTrueAnyMore) {
  RecentVariants recent(8);
  recent.remember(3, 77);
  recent.forget(11);  // the same slot, another variant
  EXPECT_EQ(recent.node_of(3), 77U);
  recent.forget(3);
  EXPECT_EQ(recent.node_of(3), 0U);
}

TEST(RecentVariantsTest, HoldsNoMoreThanItsSlots) {
  RecentVariants recent(8);
  for (std::uint64_t variant = 0; variant < 1000; ++variant) recent.remember(variant, 1);
  int known = 0;
  for (std::uint64_t variant = 0; variant < 1000; ++variant) known += recent.node_of(variant) != 0;
  EXPECT_EQ(known, 8);
}

}  // namespace
}  // namespace millrace::gateway
