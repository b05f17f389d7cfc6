// SPDX-License-Identifier: Apache-2.0
#include "gateway/hot_answers.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kStart = base::TimePoint(1h);

HotAnswer answer(std::string body) {
  HotAnswer made;
  made.headers.add("ETag", "\"1\"");
  made.body = std::move(body);
  made.node = "node-1";
  return made;
}

TEST(HotAnswersTest, AnswersForAsLongAsTheNodeVouches) {
  HotAnswers hot(base::mebibytes(1));
  EXPECT_EQ(hot.find("a", kStart), nullptr);
  hot.keep("a", answer("picture"), kStart + 2s);
  const auto found = hot.find("a", kStart + 1999ms);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->body, "picture");
  EXPECT_EQ(found->headers.find("ETag"), "\"1\"");
  EXPECT_EQ(found->node, "node-1");
  EXPECT_EQ(hot.find("b", kStart), nullptr);
  EXPECT_EQ(hot.find("a", kStart + 2s), nullptr);
  EXPECT_EQ(hot.bytes(), 0U) << "what is over takes no room";
  EXPECT_EQ(found->body, "picture") << "whoever sends it still holds it";
}

TEST(HotAnswersTest, ANewerAnswerStandsInPlaceOfTheOlder) {
  HotAnswers hot(base::mebibytes(1));
  hot.keep("a", answer("one"), kStart + 2s);
  const std::size_t bytes = hot.bytes();
  hot.keep("a", answer("two"), kStart + 4s);
  EXPECT_EQ(hot.bytes(), bytes);
  ASSERT_NE(hot.find("a", kStart + 3s), nullptr);
  EXPECT_EQ(hot.find("a", kStart + 3s)->body, "two");
}

TEST(HotAnswersTest, StaysBelowItsBound) {
  HotAnswers hot(base::Bytes{64 << 10});
  for (int i = 0; i < 1000; ++i) {
    hot.keep(std::to_string(i), answer(std::string(static_cast<std::size_t>(i), 'x')), kStart + 1s);
    EXPECT_LE(hot.bytes(), std::size_t{64 << 10});
  }
  EXPECT_NE(hot.find("999", kStart), nullptr);
  EXPECT_EQ(hot.find("900", kStart), nullptr);
}

TEST(HotAnswersTest, PushesOutWhatWasUsedLongestAgo) {
  HotAnswers hot(base::Bytes{4 << 10});
  const std::string kilobyte(1 << 10, 'x');
  hot.keep("a", answer(kilobyte), kStart + 1s);
  hot.keep("b", answer(kilobyte), kStart + 1s);
  EXPECT_NE(hot.find("a", kStart), nullptr);  // a use
  hot.keep("c", answer(kilobyte), kStart + 1s);
  EXPECT_NE(hot.find("a", kStart), nullptr);
  EXPECT_EQ(hot.find("b", kStart), nullptr);
  EXPECT_NE(hot.find("c", kStart), nullptr);
}

TEST(HotAnswersTest, WhatIsTooLargeIsNotKeptAndPushesNothingOut) {
  HotAnswers hot(base::mebibytes(1));
  hot.keep("a", answer("small"), kStart + 1s);
  hot.keep("b", answer(std::string(HotAnswers::kBodyBytesMax + 1, 'x')), kStart + 1s);
  hot.keep("c", answer(std::string(HotAnswers::kBodyBytesMax, 'x')), kStart + 1s);
  EXPECT_NE(hot.find("a", kStart), nullptr);
  EXPECT_EQ(hot.find("b", kStart), nullptr);
  EXPECT_NE(hot.find("c", kStart), nullptr);
  hot.keep("a", answer(std::string(HotAnswers::kBodyBytesMax + 1, 'x')), kStart + 1s);
  EXPECT_EQ(hot.find("a", kStart), nullptr) << "an older answer is not given instead";
}

TEST(HotAnswersTest, WithoutRoomItKeepsNothing) {
  HotAnswers hot(base::Bytes{0});
  hot.keep("a", answer("x"), kStart + 1s);
  EXPECT_EQ(hot.find("a", kStart), nullptr);
}

TEST(HotAnswersTest, NoTwoVariantsHaveOneName) {
  EXPECT_NE(variant_name("a", "b/c", "p"), variant_name("a/b", "c", "p"));
  EXPECT_NE(variant_name("a", "b", "cp"), variant_name("a", "bc", "p"));
  EXPECT_NE(variant_name("a", std::string("b\0c", 3), "p"), variant_name("a", "b", "p"));
  EXPECT_EQ(variant_name("a", "b", "p"), variant_name("a", "b", "p"));
}

}  // namespace
}  // namespace millrace::gateway
