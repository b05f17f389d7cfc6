// SPDX-License-Identifier: Apache-2.0
#include "base/nearest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::base {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NearestTest, PutsTheMostLikelyMeaningFirst) {
  EXPECT_THAT(nearest_words("lisen", {"threads", "listen", "limits"}, 2),
              ElementsAre("listen", "limits"));
}

TEST(NearestTest, KeepsTheGivenOrderOfEquals) {
  EXPECT_THAT(nearest_words("x", {"b", "a"}, 5), ElementsAre("b", "a"));
}

TEST(NearestTest, HasNothingToSayAboutNothing) {
  EXPECT_THAT(nearest_words("x", {}, 3), IsEmpty());
  EXPECT_THAT(nearest_words("", {"a"}, 3), ElementsAre("a"));
  EXPECT_THAT(nearest_words("a", {"a"}, 0), IsEmpty());
}

}  // namespace
}  // namespace millrace::base
