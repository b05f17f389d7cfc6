// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/pipeline.h"
#include "tests/pipeline/sample_specs.h"

namespace millrace::pipeline {
namespace {

using base::Reason;
using ::testing::AllOf;
using ::testing::HasSubstr;

class CatalogueTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string canonical(std::string_view text) const {
    const auto pipeline = catalogue_.check(text);
    return pipeline ? pipeline->text() : "refused: " + pipeline.error().public_message;
  }
  [[nodiscard]] std::string sentence(std::string_view text, Reason reason) const {
    const auto pipeline = catalogue_.check(text);
    if (pipeline) return "accepted: " + pipeline->text();
    EXPECT_EQ(pipeline.error().reason, reason) << text;
    return pipeline.error().public_message;
  }
  [[nodiscard]] std::string bad(std::string_view text) const {
    return sentence(text, Reason::BadParameter);
  }

  Catalogue catalogue_{sample_specs()};
};

TEST_F(CatalogueTest, GivesTheSameTextForTheSameMeaning) {
  EXPECT_EQ(canonical("imageView2/1/w/200/h/100"), "imageView2/1/w/200/h/100");
  EXPECT_EQ(canonical("imageView2/1/h/100/w/200"), "imageView2/1/w/200/h/100");
  EXPECT_EQ(canonical("imageView2/01/w/0200"), "imageView2/1/w/200");
  EXPECT_EQ(canonical("imageView2/2/format/PNG/w/9"), "imageView2/2/w/9/format/png");
  EXPECT_EQ(canonical("imageView2/2/w/9/q/090!"), "imageView2/2/w/9/q/90!");
  EXPECT_EQ(canonical("facecrop2/0200x100"), "facecrop/200x100");
}

TEST_F(CatalogueTest, KeepsTheOrderWhereItMatters) {
  EXPECT_EQ(canonical("imageMogr2/blur/3/rotate/-90"), "imageMogr2/blur/3/rotate/-90");
  EXPECT_EQ(canonical("imageMogr2/rotate/-90/blur/3"), "imageMogr2/rotate/-90/blur/3");
}

TEST_F(CatalogueTest, WhatSpeaksOfTheWholeCommandStandsBehindWhatHasItsPlace) {
  EXPECT_EQ(canonical("imageMogr2/format/PNG/blur/3/background/cmVk/rotate/1"),
            "imageMogr2/blur/3/rotate/1/background/I2ZmMDAwMA==/format/png");
  EXPECT_EQ(canonical("imageMogr2/background/cmVk/format/png/blur/3"),
            canonical("imageMogr2/blur/3/format/png/background/cmVk"));
}

TEST_F(CatalogueTest, AFlagHasNoValue) {
  EXPECT_EQ(canonical("imageMogr2/auto-orient"), "imageMogr2/auto-orient");
  EXPECT_EQ(canonical("imageMogr2/auto-orient/"), "imageMogr2/auto-orient");
  EXPECT_EQ(canonical("imageMogr2/blur/3/auto-orient/rotate/1"),
            "imageMogr2/blur/3/auto-orient/rotate/1");
  EXPECT_THAT(bad("imageMogr2/auto-orient/1"), HasSubstr("no parameter \"1\""));
  EXPECT_THAT(bad("imageMogr2/auto-orient/auto-orient"), HasSubstr("twice"));
  const auto checked = catalogue_.check("imageMogr2/auto-orient");
  ASSERT_TRUE(checked);
  EXPECT_TRUE(checked->commands[0].flag("auto-orient"));
  EXPECT_FALSE(checked->commands[0].flag("strip"));
}

TEST_F(CatalogueTest, WhatIsRepeatableMayBeRepeated) {
  EXPECT_EQ(canonical("imageMogr2/thumbnail/05x/thumbnail/!7p/thumbnail/5x"),
            "imageMogr2/thumbnail/5x/thumbnail/!7p/thumbnail/5x");
}

TEST_F(CatalogueTest, FormsHaveOneText) {
  EXPECT_EQ(canonical("imageMogr2/thumbnail/020x030>"), "imageMogr2/thumbnail/20x30>");
  EXPECT_EQ(canonical("imageMogr2/thumbnail/1x2<"), "imageMogr2/thumbnail/1x2<");
  EXPECT_EQ(canonical("imageMogr2/thumbnail/!00x-0a007"), "imageMogr2/thumbnail/!0xa0a7");
  EXPECT_EQ(canonical("imageMogr2/thumbnail/s01.50"), "imageMogr2/thumbnail/s1.5");
  EXPECT_EQ(canonical("imageMogr2/thumbnail/s3.00"), "imageMogr2/thumbnail/s3");
  EXPECT_EQ(canonical("imageMogr2/thumbnail/$(fsize)"), "imageMogr2/thumbnail/$(fsize)");
}

TEST_F(CatalogueTest, AFormsBoundsHoldAndItsSentenceNamesThem) {
  for (const char* text : {"!1p", "!999p", "1x9999", "9999x1<", "!0xa500-500", "s10", "s0.01"}) {
    EXPECT_NE(canonical(std::string("imageMogr2/thumbnail/") + text).substr(0, 7), "refused")
        << text;
  }
  for (const char* text :
       {"!0p", "!1000p", "0x1", "1x10000", "!1xa501-5", "s10.01", "s1.123", "s.5", "!1x5-5", "!5P",
        "5x5x", "x", "1234567890x", "$(FSIZE)", "5x5>>"}) {
    EXPECT_THAT(bad(std::string("imageMogr2/thumbnail/") + text), HasSubstr("must be")) << text;
  }
  EXPECT_THAT(
      bad("imageMogr2/thumbnail/0x5"),
      HasSubstr("one of !<n>p, <w>x, <w>x<h>, <w>x<h><, <w>x<h>>, !<w>x<dx><dy>, s<sigma>, "
                "$(fsize); n from 1 to 999, w from 1 to 9999, h from 1 to 9999, dx from 0 to "
                "500, dy from 0 to 500, sigma a number from 0 to 10."));
}

TEST_F(CatalogueTest, AColorHasOneText) {
  for (const char* value : {"cmVk", "UmVk", "I0ZGMDAwMA==", "I0ZGMDAwMA", "I2ZmMDAwMGZm"}) {
    EXPECT_EQ(canonical(std::string("imageMogr2/background/") + value),
              "imageMogr2/background/I2ZmMDAwMA==")
        << value;
  }
  EXPECT_EQ(canonical("imageMogr2/background/bm9uZQ=="),
            canonical("imageMogr2/background/dHJhbnNwYXJlbnQ="));
  for (const char* value : {"red", "cmV", "I0ZGMDA=", "I0dHMDAwMA==", "###"}) {
    EXPECT_THAT(bad(std::string("imageMogr2/background/") + value), HasSubstr("base64")) << value;
  }
}

TEST_F(CatalogueTest, RefusesTooManyParameters) {
  std::string text = "imageMogr2";
  for (int i = 0; i < 64; ++i) text += "/thumbnail/5x";
  EXPECT_EQ(canonical(text), text);
  EXPECT_THAT(bad(text + "/thumbnail/5x"), HasSubstr("at most 64"));
}

TEST_F(CatalogueTest, CanonicalTextIsAFixedPoint) {
  for (const char* text :
       {"imageMogr2/background/Tm9OZQ/thumbnail/s5.60/auto-orient/thumbnail/!05x-00a7",
        "imageView2/5/q/7!/h/08/format/WEBP/|facecrop2/1x2/ignore-error/1|imageInfo",
        "imageMogr2/rotate/-0", "vframe/offset/2"}) {
    const std::string once = canonical(text);
    EXPECT_EQ(canonical(once), once);
  }
}

TEST_F(CatalogueTest, AcceptsOneTrailingSlash) {
  EXPECT_EQ(canonical("imageView2/2/w/200/"), "imageView2/2/w/200");
  EXPECT_EQ(canonical("imageView2/2/w/200/|imageInfo/"), "imageView2/2/w/200|imageInfo");
}

TEST_F(CatalogueTest, RefusesOtherEmptySegments) {
  EXPECT_THAT(bad("imageView2//w/200"), HasSubstr("two slashes"));
  EXPECT_THAT(bad("imageView2/2/w//"), HasSubstr("two slashes"));
  EXPECT_THAT(bad("imageView2/2//w/200"), HasSubstr("two slashes"));
  EXPECT_THAT(bad("imageInfo//"), HasSubstr("two slashes"));
}

TEST_F(CatalogueTest, RefusesEmptyCommands) {
  for (const char* text :
       {"", "/", "|", "imageInfo|", "|imageInfo", "imageInfo||imageInfo", "/imageInfo"}) {
    EXPECT_THAT(sentence(text, Reason::UnknownCommand), HasSubstr("is empty")) << text;
  }
}

TEST_F(CatalogueTest, SaysValueAndRangeOfWhatIsOutOfRange) {
  EXPECT_EQ(bad("imageView2/1/w/0"),
            "imageView2: w is \"0\"; it must be a whole number from 1 to 9999 (px).");
  EXPECT_EQ(bad("imageView2/9/w/1"),
            "imageView2: mode is \"9\"; it must be a whole number from 0 to 5.");
  EXPECT_THAT(bad("imageView2/1/w/10000"), HasSubstr("\"10000\""));
  EXPECT_THAT(bad("imageView2/1/w/99999999999999999999999"), HasSubstr("from 1 to 9999"));
  EXPECT_THAT(bad("imageMogr2/rotate/-361"), HasSubstr("from -360 to 360 (degrees)"));
}

TEST_F(CatalogueTest, AcceptsBothBoundsAndNothingBeyond) {
  EXPECT_EQ(canonical("imageView2/0/w/1/h/9999"), "imageView2/0/w/1/h/9999");
  EXPECT_EQ(canonical("imageView2/5/q/100"), "imageView2/5/q/100");
  EXPECT_EQ(canonical("facecrop/1x9999"), "facecrop/1x9999");
  for (const char* text : {"facecrop/0x5", "facecrop/5x10000", "imageView2/5/q/0",
                           "imageView2/5/q/101!", "imageView2/6"}) {
    EXPECT_THAT(bad(text), HasSubstr("must be"));
  }
}

TEST_F(CatalogueTest, RefusesWhatOnlyLooksLikeANumber) {
  for (const char* value : {"+5", "5.0", " 5", "5 ", "0x5", "five", "5px", "-", "１"}) {
    EXPECT_THAT(bad(std::string("imageView2/1/w/") + value), HasSubstr("whole number")) << value;
  }
}

TEST_F(CatalogueTest, RefusesWrongChoicesSizesAndQualities) {
  EXPECT_EQ(bad("imageView2/1/format/tga"),
            "imageView2: format is \"tga\"; it must be one of jpg, png, webp.");
  EXPECT_THAT(bad("vframe/JPG/offset/1"), HasSubstr("must be"));  // this one minds the case
  EXPECT_THAT(bad("facecrop/200"), HasSubstr("<width>x<height>"));
  for (const char* size : {"x200", "200x", "200X200", "200x200x200", "x"}) {
    EXPECT_THAT(bad(std::string("facecrop/") + size), HasSubstr("must be"));
  }
  for (const char* quality : {"!", "75!!", "!75", "75%"}) {
    EXPECT_THAT(bad(std::string("imageView2/1/q/") + quality), HasSubstr("must be"));
  }
}

TEST_F(CatalogueTest, RefusesAParameterGivenTwice) {
  EXPECT_EQ(bad("imageView2/1/w/200/w/200"), "imageView2: w is given twice; once is allowed.");
  EXPECT_THAT(bad("imageMogr2/rotate/1/rotate/2"), HasSubstr("twice"));
}

TEST_F(CatalogueTest, RefusesAMissingValue) {
  EXPECT_EQ(bad("imageView2/1/w"),
            "imageView2: w has no value; it must be a whole number from 1 to 9999 (px).");
  EXPECT_THAT(bad("imageView2/1/w/"), HasSubstr("w has no value"));
}

TEST_F(CatalogueTest, RefusesAMissingRequiredParameter) {
  EXPECT_THAT(bad("imageView2"), HasSubstr("mode is missing"));
  EXPECT_THAT(bad("imageView2/w/200"),
              AllOf(HasSubstr("mode is missing"), HasSubstr("right after the name")));
  EXPECT_THAT(bad("vframe/jpg/w/100"), HasSubstr("offset is missing"));
}

TEST_F(CatalogueTest, AnOptionalPositionalValueMayBeLeftOut) {
  EXPECT_EQ(canonical("vframe/jpg/offset/2"), "vframe/jpg/offset/2");
  EXPECT_EQ(canonical("vframe/offset/2"), "vframe/offset/2");
  EXPECT_THAT(bad("vframe/gif/offset/2"), HasSubstr("one of jpg, png"));
}

TEST_F(CatalogueTest, NamesTheNearestAndAllParameters) {
  EXPECT_THAT(bad("imageView2/1/width/200"),
              AllOf(HasSubstr("no parameter \"width\""), HasSubstr("Did you mean w?"),
                    HasSubstr("w, h, format, interlace, q, colors, ignore-error")));
  EXPECT_THAT(bad("imageView2/1/W/200"), HasSubstr("Did you mean w?"));
  EXPECT_THAT(bad("imageView2/1/fromat/png"), HasSubstr("Did you mean format?"));
  EXPECT_THAT(bad("imageInfo/w/200"), HasSubstr("takes no parameters"));
}

TEST_F(CatalogueTest, CommandNamesAreCaseSensitiveWithAHint) {
  EXPECT_THAT(sentence("imageview2/1/w/200", Reason::UnknownCommand),
              HasSubstr("Did you mean imageView2?"));
  EXPECT_THAT(sentence("imageInf0", Reason::UnknownCommand), HasSubstr("Did you mean imageInfo?"));
}

TEST_F(CatalogueTest, AnUnlikeCommandIsToldWhatThereIs) {
  EXPECT_EQ(
      sentence("nosuchfop", Reason::UnknownCommand),
      "There is no command \"nosuchfop\". There are facecrop, facecrop2, imageInfo, imageMogr2, "
      "imageView2, vframe.");
  const auto nothing = Catalogue().check("imageInfo");
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().reason, Reason::UnknownCommand);
}

TEST_F(CatalogueTest, RefusesTooManyCommandsAndTooLongText) {
  std::string text = "imageInfo";
  for (int i = 0; i < 15; ++i) text += "|imageInfo";
  EXPECT_EQ(canonical(text), text);
  EXPECT_THAT(bad(text + "|imageInfo"), AllOf(HasSubstr("17"), HasSubstr("16")));
  EXPECT_THAT(bad("imageView2/1/w/" + std::string(4096, '0')), HasSubstr("4096"));
}

TEST_F(CatalogueTest, SentencesAreUtf8WithoutControlCharacters) {
  const std::string message = bad(std::string("imageView2/1/w/\xff\x00\n\"\\é", 22));
  EXPECT_THAT(message, HasSubstr(R"("\xff\x00\x0a\x22\x5cé")"));
  EXPECT_THAT(sentence(std::string(1000, 'x'), Reason::UnknownCommand), HasSubstr("…\""));
}

TEST_F(CatalogueTest, PlusIsNoSpaceAndNonAsciiIsAValueLikeAnyOther) {
  EXPECT_THAT(bad("imageView2/1/format/p+g"), HasSubstr("\"p+g\""));
  EXPECT_THAT(bad("imageView2/1/format/照片"), HasSubstr("\"照片\""));
}

TEST_F(CatalogueTest, TheFirstSpecOfANameWins) {
  auto specs = sample_specs();
  CommandSpec other;
  other.name = "imageInfo";
  other.summary = "Another.";
  other.aliases = {"other"};
  specs.push_back(other);
  const Catalogue catalogue(specs);
  ASSERT_NE(catalogue.find("imageInfo"), nullptr);
  EXPECT_EQ(catalogue.find("imageInfo")->summary, "Says what a picture is.");
  EXPECT_EQ(catalogue.find("other"), nullptr);
  EXPECT_EQ(catalogue.specs().size(), sample_specs().size());
}

TEST_F(CatalogueTest, ACopyFindsItsOwnSpecs) {
  auto first = std::make_unique<Catalogue>(sample_specs());
  const Catalogue copy = *first;
  first.reset();
  ASSERT_NE(copy.find("facecrop2"), nullptr);
  EXPECT_EQ(copy.find("facecrop2")->name, "facecrop");
}

}  // namespace
}  // namespace millrace::pipeline
