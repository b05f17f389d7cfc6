// SPDX-License-Identifier: Apache-2.0
#include "pipeline/format_choice.h"

#include <set>

#include <gtest/gtest.h>

namespace millrace::pipeline {
namespace {

TEST(FormatSetTest, HasAWordForEachSetAndASetForEachWord) {
  std::set<std::string> words;
  for (int bits = 0; bits < 8; ++bits) {
    const FormatSet set{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
    const std::string word = auto_format_word(set);
    EXPECT_EQ(set_of_auto_format(word), set) << word;
    words.insert(word);
  }
  EXPECT_EQ(words.size(), 8U);
  EXPECT_TRUE(words.contains("auto"));
  EXPECT_TRUE(words.contains("auto.avif.jxl.webp"));
}

TEST(FormatSetTest, BestHasWordsOfItsOwn) {
  const FormatSet set{.avif = true, .jxl = true, .webp = false};
  EXPECT_EQ(format_word(kBestFormat, set), "best.avif.jxl");
  EXPECT_EQ(set_of_format(kBestFormat, "best.avif.jxl"), set);
  EXPECT_EQ(set_of_format(kBestFormat, "best"), FormatSet{});
  EXPECT_FALSE(set_of_format(kBestFormat, "auto.avif"));
  EXPECT_FALSE(set_of_auto_format("best.avif"));
  for (const char* word : {"", "best.", "best.webp.avif", "bestof", "BEST"}) {
    EXPECT_FALSE(set_of_format(kBestFormat, word)) << word;
  }
}

TEST(FormatSetTest, KnowsNoOtherWords) {
  for (const char* word : {"", "aut", "automatic", "auto.", "auto.webp.avif", "auto.avif.avif",
                           "auto.png", "AUTO", "avif", "auto.avif."}) {
    EXPECT_FALSE(set_of_auto_format(word)) << word;
  }
}

TEST(FormatSetTest, LeavesOutWhatIsNeverChosen) {
  std::set<std::string> words;
  for (int bits = 0; bits < 8; ++bits) {
    const FormatSet set{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
    EXPECT_EQ(set.normalised().normalised(), set.normalised());
    words.insert(auto_format_word(set.normalised()));
  }
  EXPECT_EQ(words, (std::set<std::string>{"auto", "auto.avif", "auto.avif.webp", "auto.jxl",
                                          "auto.jxl.webp", "auto.webp"}));
}

TEST(FormatSetTest, HasInCommonWhatBothHave) {
  const FormatSet one{.avif = true, .jxl = true, .webp = false};
  EXPECT_EQ(one.common_with({.avif = false, .jxl = true, .webp = true}), (FormatSet{.jxl = true}));
}

}  // namespace
}  // namespace millrace::pipeline
