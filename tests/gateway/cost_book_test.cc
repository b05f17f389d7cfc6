// SPDX-License-Identifier: Apache-2.0
#include "gateway/cost_book.h"

#include <cmath>

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

TEST(CostBookTest, ShapesLeaveNumbersOut) {
  EXPECT_EQ(shape_of("imageView2/1/w/200/h/2000|imageslim"), "imageView#/#/w/#/h/#|imageslim");
  EXPECT_EQ(shape_of("qrcode/0/url/aHR0cDovL21lZGlhLmV4YW1wbGUvcGhvdG9zL2EuanBn|imageslim"),
            "qrcode/#/url/*|imageslim");
  EXPECT_EQ(command_names_of("imageView2/1/w/200|imageslim"), "imageView2|imageslim");
  EXPECT_EQ(command_names_of("imageInfo"), "imageInfo");
}

TEST(CostBookTest, KnowsNothingAtFirst) {
  const CostBook book;
  EXPECT_FALSE(book.expect("imageView2/1/w/200"));
  EXPECT_EQ(book.mean_ms(), 0);
}

TEST(CostBookTest, TellsShapesApart) {
  CostBook book;
  for (int i = 0; i < 50; ++i) {
    book.learn("imageView2/1/w/" + std::to_string(100 + i), 10);
    book.learn("imageView2/1/w/" + std::to_string(100 + i) + "/format/avif", 200);
  }
  EXPECT_NEAR(*book.expect("imageView2/1/w/999"), 10, 0.01);
  EXPECT_NEAR(*book.expect("imageView2/1/w/999/format/avif"), 200, 0.01);
  EXPECT_GT(book.mean_ms(), 50);
}

TEST(CostBookTest, GuessesANewShapeByItsCommands) {
  CostBook book;
  book.learn("imageView2/1/w/200", 10);
  EXPECT_EQ(book.expect("imageView2/1/h/200"), 10);
  EXPECT_FALSE(book.expect("imageView2/1/h/200|imageslim"));
}

TEST(CostBookTest, FollowsAChange) {
  CostBook book;
  for (int i = 0; i < 100; ++i) book.learn("a/1", 10);
  for (int i = 0; i < 40; ++i) book.learn("a/1", 100);
  EXPECT_NEAR(*book.expect("a/1"), 100, 3);
}

TEST(CostBookTest, AveragesTheFirstSamples) {
  CostBook book;
  book.learn("a/1", 10);
  book.learn("a/1", 20);
  book.learn("a/1", 30);
  EXPECT_NEAR(*book.expect("a/1"), 20, 1e-9);
}

TEST(CostBookTest, HoldsABoundedNumberOfShapes) {
  CostBook book(2);
  book.learn("a/x", 1);
  book.learn("a/y", 2);
  book.learn("a/z", 90);
  EXPECT_EQ(book.expect("a/x"), 1);
  EXPECT_NEAR(*book.expect("a/z"), 31, 1e-9) << "by its command";
}

TEST(CostBookTest, IgnoresNonsense) {
  CostBook book;
  book.learn("a/1", -1);
  book.learn("a/1", std::nan(""));
  EXPECT_FALSE(book.expect("a/1"));
}

}  // namespace
}  // namespace millrace::gateway
