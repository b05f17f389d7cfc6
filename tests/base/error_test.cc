// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace millrace::base {
namespace {

TEST(ErrorTest, EveryReasonFindsItsOwnRow) {
  std::set<std::string> words;
  for (int i = 0; i <= static_cast<int>(Reason::Deadline); ++i) {
    const Reason reason{i};
    EXPECT_EQ(row_of(reason).reason, reason) << "row " << i;
    EXPECT_TRUE(words.insert(std::string(word_of(reason))).second) << word_of(reason);
    EXPECT_EQ(reason_from_word(word_of(reason)), reason);
    EXPECT_GE(http_status_of(reason), 400);
  }
}

TEST(ErrorTest, KnowsNoOtherWord) { EXPECT_EQ(reason_from_word("teapot"), std::nullopt); }

}  // namespace
}  // namespace millrace::base
