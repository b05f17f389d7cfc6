// SPDX-License-Identifier: Apache-2.0
#include "pipeline/picture.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "pipeline/value.h"

namespace millrace::pipeline {
namespace {

using base::base64url_encode;
using Form = PictureName::Form;

ParameterSpec picture_parameter(std::string name, bool takes_key) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.kind = ParameterKind::Picture;
  spec.takes_key = takes_key;
  return spec;
}

// A command that lays pictures over others, and one that puts them one after the other.
Catalogue catalogue() {
  CommandSpec mark;
  mark.name = "mark";
  mark.named = {picture_parameter("image", false)};
  CommandSpec join;
  join.name = "join";
  join.order_matters = true;
  join.named = {picture_parameter("key", true)};
  join.named.front().repeatable = true;
  CommandSpec pair = join;
  pair.name = "pair";
  pair.named.front().repeat_max = 2;
  return Catalogue({mark, join, pair});
}

std::string keys(int first, int count) {
  std::string text;
  for (int i = first; i < first + count; ++i) {
    text += "/key/" + base64url_encode("k" + std::to_string(i));
  }
  return text;
}

TEST(PictureNameTest, ReadsTheThreeForms) {
  const auto entry = picture_name("kodo://logos/a/b c.png");
  ASSERT_TRUE(entry);
  EXPECT_EQ(*entry, (PictureName{Form::Entry, "logos", "a/b c.png", ""}));
  const auto url = picture_name("https://img.example.com/a.png?x");
  ASSERT_TRUE(url);
  EXPECT_EQ(*url, (PictureName{Form::Url, "", "", "https://img.example.com/a.png?x"}));
  const auto key = picture_name("a/b.png");
  ASSERT_TRUE(key);
  EXPECT_EQ(*key, (PictureName{Form::Key, "", "a/b.png", ""}));
}

TEST(PictureNameTest, RefusesWhatNamesNothing) {
  const std::vector<std::string> texts = {"",
                                          "kodo://",
                                          "kodo://logos",
                                          "kodo://logos/",
                                          "kodo:///a.png",
                                          "http://",
                                          "https:///a.png",
                                          "kodo://logos/a\nb.png",
                                          std::string("a\0b", 3),
                                          "a\x7F",
                                          "a\xFF.png",
                                          std::string(kPictureNameBytesMax + 1, 'k')};
  for (const std::string& text : texts) EXPECT_FALSE(picture_name(text)) << text;
  EXPECT_TRUE(picture_name(std::string(kPictureNameBytesMax, 'k')));
}

TEST(PictureNameTest, AnEntrysKeyIsItsOwnBytes) {
  const auto name = picture_from_value(picture_value("logos", "a%20b.png"));
  ASSERT_TRUE(name);
  EXPECT_EQ(name->key, "a%20b.png");
  EXPECT_EQ(picture_text("logos", "a%20b.png"), "kodo://logos/a%20b.png");
  EXPECT_FALSE(picture_from_value("!"));
}

TEST(PictureValueTest, HasOneForm) {
  const ParameterSpec spec = picture_parameter("image", false);
  const std::string padded = base64url_encode("kodo://l/ab");
  ASSERT_TRUE(padded.ends_with('='));
  const std::string bare = padded.substr(0, padded.find('='));
  EXPECT_EQ(canonical_value(spec, bare), padded);
  EXPECT_EQ(canonical_value(spec, padded), padded);
}

TEST(PictureValueTest, AKeyAloneIsForThoseWhoTakeIt) {
  const std::string key = base64url_encode("a.png");
  EXPECT_FALSE(canonical_value(picture_parameter("image", false), key));
  EXPECT_EQ(canonical_value(picture_parameter("key", true), key), key);
}

TEST(PictureValueTest, TheSentenceSaysWhatIsAllowed) {
  const auto refused = catalogue().check("mark/image/" + base64url_encode("a.png"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, base::Reason::BadParameter);
  EXPECT_NE(refused.error().public_message.find("kodo://<bucket>/<key>"), std::string::npos)
      << refused.error().public_message;
}

TEST(PicturesOfTest, ListsEachOnceInTheOrderInWhichTheyOccur) {
  const std::string a = picture_value("b", "a");
  const std::string b = picture_value("b", "b");
  const std::string c = picture_value("b", "c");
  const auto pipeline = catalogue().check("join/key/" + b + "/key/" + a + "/key/" + b +
                                          "|mark/image/" + a + "|mark/image/" + c);
  ASSERT_TRUE(pipeline);
  EXPECT_EQ(pictures_of(*pipeline), (std::vector<std::string>{b, a, c}));
}

TEST(PicturesOfTest, ThereIsABoundOverTheWholePipeline) {
  const Catalogue known = catalogue();
  EXPECT_TRUE(known.check("join" + keys(0, 20)));
  EXPECT_TRUE(known.check("join" + keys(0, 20) + "|join" + keys(3, 10)));
  const auto refused = known.check("join" + keys(0, 12) + "|join" + keys(12, 9));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().public_message,
            "The pipeline names 21 other pictures; at most 20 are allowed.");
}

TEST(PicturesOfTest, AParameterMayBeBoundedByItself) {
  const Catalogue known = catalogue();
  EXPECT_TRUE(known.check("pair" + keys(0, 2)));
  const auto refused = known.check("pair" + keys(0, 3));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, base::Reason::BadParameter);
  EXPECT_NE(refused.error().public_message.find("2 times"), std::string::npos);
}

TEST(MayNamePicturesTest, IsNeverWrongAboutWhatHasSome) {
  for (const std::string bucket : {"a", "ab", "abc", "Z9"}) {
    EXPECT_TRUE(may_name_pictures("mark/image/" + picture_value(bucket, "k"))) << bucket;
  }
  EXPECT_FALSE(may_name_pictures("imageView2/2/w/200"));
}

TEST(AboutPictureTest, NamesThePictureAndKeepsTheReason) {
  const auto error = about_picture(picture_value("logos", "a\"b.png"),
                                   base::make_error(base::Reason::NoKey, "It is not there."));
  EXPECT_EQ(error.reason, base::Reason::NoKey);
  EXPECT_EQ(error.public_message,
            R"(The picture "kodo://logos/a\x22b.png" cannot be used: It is not there.)");
}

TEST(PictureSpecTest, TravelsAsJson) {
  const CommandSpec spec = *catalogue().find("pair");
  const auto read = command_spec_from_json(to_json(spec));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, spec);
}

TEST(PictureSpecTest, ItsPageSaysHowAPictureIsWritten) {
  const std::string page = to_markdown(*catalogue().find("pair"));
  EXPECT_NE(page.find("### Other pictures"), std::string::npos);
  EXPECT_NE(page.find("`key` (at most 2)"), std::string::npos) << page;
  EXPECT_EQ(to_markdown(*catalogue().find("mark")).find("of a key alone"), std::string::npos);
}

TEST(PictureSpecTest, WhatIsNotSoundIsRefused) {
  CommandSpec spec = *catalogue().find("mark");
  spec.named.front().repeat_max = 2;  // and not repeatable
  EXPECT_FALSE(validate(spec));
  spec = *catalogue().find("mark");
  spec.named.front().kind = ParameterKind::Text;
  spec.named.front().takes_key = true;
  EXPECT_FALSE(validate(spec));
}

}  // namespace
}  // namespace millrace::pipeline
