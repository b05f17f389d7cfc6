// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::bench::speed {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<int> numbers_of(std::string_view text) {
  std::vector<int> numbers;
  for (const Operation& operation : operations_of(text)) numbers.push_back(operation.number);
  return numbers;
}

TEST(OperationsTest, AreChosenByNumber) {
  EXPECT_THAT(numbers_of(""), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(numbers_of("4,1"), ElementsAre(4, 1));
  for (const char* const wrong : {"7", "0", "1,", ",1", "1,x", "1 ", "-1", "a"}) {
    EXPECT_THAT(numbers_of(wrong), IsEmpty()) << wrong;
  }
}

TEST(OperationsTest, AFollowingSideIsRounded) {
  const Operation& wide = operations()[0];
  EXPECT_EQ(result_size(wide, {4080, 3072}), (PictureSize{800, 602}));
  EXPECT_EQ(result_size(wide, {3840, 2560}), (PictureSize{800, 533}));
}

TEST(OperationsTest, NothingIsEnlarged) {
  EXPECT_EQ(result_size(operations()[0], {640, 480}), (PictureSize{640, 480}));
  EXPECT_EQ(result_size(operations()[1], {150, 100}), (PictureSize{150, 100}));
  EXPECT_EQ(small_size({640, 480}), (PictureSize{640, 480}));
}

TEST(OperationsTest, ACoverIsExactlyAsAsked) {
  EXPECT_EQ(result_size(operations()[1], {4080, 3072}), (PictureSize{200, 200}));
  EXPECT_EQ(result_size(operations()[2], {300, 5000}), (PictureSize{200, 200}));
}

TEST(OperationsTest, TwoMegapixelsKeepTheShape) {
  const PictureSize size = small_size({4000, 3000});
  EXPECT_EQ(size, (PictureSize{1633, 1225}));
}

TEST(OperationsTest, MillraceIsAskedForAForcedQuality) {
  EXPECT_EQ(millrace_pipeline(operations()[0]), "imageView2/2/w/800/format/jpeg/q/80!");
  EXPECT_EQ(millrace_pipeline(operations()[1]), "imageView2/1/w/200/h/200/format/jpeg/q/80!");
  EXPECT_EQ(millrace_pipeline(operations()[4]), "imageView2/2/w/300/format/webp/q/80!");
}

}  // namespace
}  // namespace millrace::bench::speed
