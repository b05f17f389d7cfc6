// SPDX-License-Identifier: Apache-2.0
#include "pipeline/wording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(WordingTest, QuotesAnythingAsUtf8) {
  EXPECT_EQ(in_quotes("a b"), "\"a b\"");
  EXPECT_EQ(in_quotes("照\xE7\x85"), "\"照\\xe7\\x85\"");
  EXPECT_EQ(in_quotes("\xED\xA0\x80"), R"("\xed\xa0\x80")");  // a surrogate
  EXPECT_EQ(in_quotes("\xC0\xAF"), R"("\xc0\xaf")");          // overlong
  EXPECT_EQ(in_quotes("\xF4\x90\x80\x80").substr(0, 5), R"("\xf4)");
  EXPECT_EQ(in_quotes("abcdef", 3), "\"abc…\"");
  EXPECT_EQ(in_quotes("ab照", 3), "\"ab…\"");
}

TEST(WordingTest, SuggestsTheNearestFirst) {
  EXPECT_THAT(nearest("imageview2", {"imageView2", "imageInfo"}), ElementsAre("imageView2"));
  EXPECT_THAT(nearest("imageVew", {"imageView2", "imageView"}),
              ElementsAre("imageView", "imageView2"));
  EXPECT_THAT(nearest("height", {"w", "h"}), ElementsAre("h"));
  EXPECT_THAT(nearest("z", {"w", "h"}), IsEmpty());
  EXPECT_THAT(nearest("completely", {"other"}), IsEmpty());
}

TEST(WordingTest, ListsAtMostWhatIsAskedFor) {
  EXPECT_EQ(listed({"a", "b"}), "a, b");
  EXPECT_EQ(listed({"a", "b", "c"}, 2), "a, b, …");
}

}  // namespace
}  // namespace millrace::pipeline
