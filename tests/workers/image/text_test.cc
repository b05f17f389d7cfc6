// SPDX-License-Identifier: Apache-2.0
//
// Text as pixels: what is drawn, where, and that nothing which a client can write gets out of hand.
// The second opinion is Pango, through libvips.
#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <vips/vips8>

#include "tests/workers/image/ink.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/text/font_book.h"
#include "workers/image/text/text_drawing.h"
#include "workers/image/text/text_layout.h"
#include "workers/image/text/text_lines.h"
#include "workers/image/text/text_runs.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

const FontBook& book() {
  static const FontBook opened = FontBook::open();
  return opened;
}

class TextTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

TextLayout laid_out(const std::string& text, const std::string& font = "黑体", double size_px = 40,
                    LineEnds even = LineEnds::Left) {
  auto layout = lay_out(text, book().find(font), size_px, even);
  EXPECT_TRUE(layout) << layout.error().public_message;
  return layout ? *layout : TextLayout{};
}

base::Result<void> go_on() { return {}; }

// On a canvas that leaves `margin` px around the box.
TextMask drawn(const TextLayout& layout, int margin = 0, double degrees = 0) {
  const auto width = static_cast<std::size_t>(layout.width + std::int64_t{2} * margin);
  const auto height = static_cast<std::size_t>(layout.height + std::int64_t{2} * margin);
  auto mask = draw_text(layout, width, height,
                        {static_cast<double>(margin), static_cast<double>(margin), degrees}, go_on);
  EXPECT_TRUE(mask);
  return *mask;
}

VImage picture_of(const TextMask& mask) {
  VipsImage* const image = vips_image_new_from_memory_copy(
      mask.pixels.data(), mask.pixels.size(), static_cast<int>(mask.width),
      static_cast<int>(mask.height), 1, VIPS_FORMAT_UCHAR);
  return VImage(image);
}

VImage drawn_picture(const std::string& text, const std::string& font = "黑体",
                     double size_px = 40) {
  return picture_of(drawn(laid_out(text, font, size_px), 10));
}

double ink_of(const TextMask& mask) {
  return std::accumulate(mask.pixels.begin(), mask.pixels.end(), 0.0) / 255;
}

InkBox ink_box_of(const VImage& picture) {
  const auto box = ink_box(picture, picture * 0);
  EXPECT_TRUE(box) << "something is drawn";
  return box.value_or(InkBox{});
}

// One character, without room around it.
VImage glyph_of(const std::string& character, const std::string& font = "黑体") {
  const VImage picture = drawn_picture(character, font);
  const InkBox box = ink_box_of(picture);
  return picture.extract_area(box.left, box.top, box.width(), box.height()).copy_memory();
}

bool same_picture(const VImage& a, const VImage& b) {
  return a.width() == b.width() && a.height() == b.height() && mean_difference(a, b) < 1;
}

// What Pango draws of plain text, through libvips, without room around it.
VImage by_pango(const std::string& text, const std::string& font) {
  return VImage::text(text.c_str(), VImage::option()->set("font", font.c_str())->set("dpi", 72));
}

TEST_F(TextTest, TheFontsOfThePackagesAreThere) {
  for (const char* name : {"Noto Sans CJK SC", "Noto Serif CJK SC", "Noto Sans CJK TC",
                           "DejaVu Sans", "黑体", "宋体", "微软雅黑", "Arial"}) {
    EXPECT_FALSE(book().find(name).empty()) << name;
  }
  EXPECT_TRUE(book().find("Comic Sans MS").empty());
  EXPECT_TRUE(book().notes().empty()) << book().notes().front();
  EXPECT_EQ(book().default_name(), "黑体");
}

TEST_F(TextTest, LooksAsPangoDrawsIt) {
  struct Sample {
    const char* text;
    const char* font;   // ours
    const char* pango;  // with its size in points, which are px at 72 dpi
  };
  for (const Sample& sample : {Sample{"Millrace gallops", "DejaVu Sans", "DejaVu Sans 60"},
                               Sample{"AVATAR Two", "DejaVu Serif", "DejaVu Serif 60"},
                               Sample{"样品图片水印", "黑体", "Noto Sans CJK SC 60"},
                               Sample{"宋体字样", "宋体", "Noto Serif CJK SC 60"},
                               Sample{"مرحبا بالعالم", "DejaVu Sans", "DejaVu Sans 60"},
                               Sample{"שלום עולם", "DejaVu Sans", "DejaVu Sans 60"}}) {
    const VImage ours_in_room = drawn_picture(sample.text, sample.font, 60);
    const InkBox box = ink_box_of(ours_in_room);
    const VImage theirs_in_room = by_pango(sample.text, sample.pango);
    const InkBox other = ink_box_of(theirs_in_room);
    EXPECT_NEAR(box.width(), other.width(), 4) << sample.text;
    EXPECT_NEAR(box.height(), other.height(), 2) << sample.text;
    // Pango may put lines of letters on whole pixels: compared smaller, where that counts less.
    const auto small = [](const VImage& picture, const InkBox& at) {
      return picture.extract_area(at.left, at.top, at.width(), at.height())
          .thumbnail_image(120, VImage::option()->set("height", 24)->set("size", VIPS_SIZE_FORCE));
    };
    EXPECT_LT(mean_difference(small(ours_in_room, box), small(theirs_in_room, other)), 16)
        << sample.text;
  }
}

TEST_F(TextTest, ChineseCharactersAreNoBoxes) {
  const VImage box = glyph_of("\U0010FFFD");
  std::vector<VImage> glyphs;
  for (const char* character : {"水", "印", "图", "片", "龘", "の", "한", "А", "é"}) {
    glyphs.push_back(glyph_of(character));
    EXPECT_FALSE(same_picture(glyphs.back(), box)) << character;
    for (std::size_t i = 0; i + 1 < glyphs.size(); ++i) {
      EXPECT_FALSE(same_picture(glyphs.back(), glyphs[i])) << character << " " << i;
    }
  }
}

TEST_F(TextTest, WhatNoFontHasIsABox) {
  // A hollow one, as high as a capital letter.
  for (const char* character : {"\U0010FFFD", "\U0001FAE8", "\U00012000"}) {
    const VImage box = glyph_of(character);
    EXPECT_TRUE(same_picture(box, glyph_of("\U0010FFFD"))) << character;
    EXPECT_GT(box.height(), 20);
  }
}

TEST_F(TextTest, BorrowsLettersFromOtherFonts) {
  const auto face_of = [](const std::u32string& text, const char* font) {
    return text_runs(text, book().find(font)).front().face;
  };
  EXPECT_EQ(face_of(U"水", "Arial"), book().find("黑体").front());
  EXPECT_EQ(face_of(U"水", "Georgia"), book().find("宋体").front()) << "of its own style";
  EXPECT_EQ(face_of(U"水", "Arial Bold"), book().find("Noto Sans CJK SC Bold").front());
  EXPECT_EQ(face_of(U"م", "黑体"), book().find("DejaVu Sans").front());
  EXPECT_EQ(face_of(U"A", "黑体"), book().find("黑体").front());
}

TEST_F(TextTest, ArabicIsJoinedAndRunsToTheLeft) {
  // Joined letters are narrower than the same ones apart.
  const TextLayout joined = laid_out("سلام");
  const TextLayout apart = laid_out("س\u200Cل\u200Cا\u200Cم");
  EXPECT_LT(joined.width, apart.width);
  const auto runs = text_runs(U"ab אב 12", book().find("DejaVu Sans"));
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].begin, 0U);
  EXPECT_FALSE(runs[0].to_the_left);
  // "12" behind the Hebrew: seen to the left of it.
  EXPECT_EQ(runs[1].begin, 6U);
  EXPECT_FALSE(runs[1].to_the_left);
  EXPECT_EQ(runs[2].begin, 3U);
  EXPECT_TRUE(runs[2].to_the_left);
}

TEST_F(TextTest, LinesStandBelowEachOther) {
  const TextLayout one = laid_out("Line");
  const TextLayout two = laid_out("Line\nLonger line");
  EXPECT_EQ(two.height, 2 * one.height);
  EXPECT_GT(two.width, one.width);
  EXPECT_EQ(laid_out("Line\r\nLonger line").height, two.height);
  EXPECT_EQ(laid_out("Line\n").height, two.height) << "an empty line is one";
  // The short line is moved to where the lines are even.
  const auto first_x = [](LineEnds even) {
    return laid_out("i\nwwwwww", "黑体", 40, even).glyphs.front().x;
  };
  EXPECT_EQ(first_x(LineEnds::Left), 0);
  EXPECT_GT(first_x(LineEnds::Middle), 40);
  EXPECT_NEAR(first_x(LineEnds::Middle) * 2, first_x(LineEnds::Right), 1);
}

TEST_F(TextTest, TheBoxIsThatOfTheFontsLines) {
  EXPECT_EQ(laid_out("ace").height, laid_out("gÄj").height);
  const InkBox ink = ink_box_of(drawn_picture("gÄj"));
  EXPECT_GE(ink.top, 10);
  EXPECT_LE(ink.bottom, 10 + laid_out("gÄj").height);
}

TEST_F(TextTest, SizesArePixels) {
  // A full character of Noto Sans CJK is as wide as the font is high.
  for (const double size : {12.0, 40.0, 1'000.0}) {
    EXPECT_NEAR(static_cast<double>(laid_out("水", "黑体", size).width), size, 1) << size;
  }
}

TEST_F(TextTest, TurnsClockwise) {
  const TextLayout layout = laid_out("I—————", "DejaVu Sans");
  const TurnedBox box = turned_box(layout, 90);
  EXPECT_EQ(box.width, layout.height);
  EXPECT_EQ(box.height, layout.width);
  const auto canvas_side = static_cast<std::size_t>(std::max(layout.width, layout.height));
  const TextPose pose{(static_cast<double>(canvas_side) - static_cast<double>(layout.width)) / 2,
                      (static_cast<double>(canvas_side) - static_cast<double>(layout.height)) / 2,
                      90};
  const auto mask = draw_text(layout, canvas_side, canvas_side, pose, go_on);
  ASSERT_TRUE(mask);
  const VImage turned = picture_of(*mask);
  // The letter, wider than the dashes, is at the upper end now.
  const auto width_of = [&turned](int top) {
    const VImage band = turned.extract_area(0, top, turned.width(), 20).copy_memory();
    return ink_box_of(band).width();
  };
  EXPECT_GT(width_of(0), 2 * width_of(turned.height() - 40));
  EXPECT_NEAR(ink_of(*mask), ink_of(drawn(layout)), ink_of(*mask) / 100);
}

TEST_F(TextTest, MarkupIsText) {
  EXPECT_GT(laid_out("<b>x</b>").width, 3 * laid_out("x").width);
  EXPECT_GT(laid_out("&lt;").width, laid_out("<").width);
}

TEST_F(TextTest, RefusesControlCharacters) {
  for (const char* text : {"a\tb", "a\x01", "\x1b[31m", "\x7f", "a\rb", "\u0085", "\u009f"}) {
    const auto lines = text_lines(text);
    ASSERT_FALSE(lines) << text;
    EXPECT_EQ(lines.error().reason, base::Reason::BadParameter);
  }
  EXPECT_FALSE(text_lines("\xFF")) << "not UTF-8";
  EXPECT_TRUE(text_lines("a\u200Db\uFE0F\u202Ec\u202C"));
}

TEST_F(TextTest, LinesAreBounded) {
  EXPECT_TRUE(text_lines(std::string(kTextLinesMax - 1, '\n')));
  EXPECT_FALSE(text_lines(std::string(kTextLinesMax, '\n')));
  EXPECT_EQ(text_lines("a\r\nb\u2028c\u2029d")->size(), 4U);
}

TEST_F(TextTest, DecodesEveryLengthOfUtf8) {
  EXPECT_EQ(text_lines("a\u00e9\u6c34\U0001F600")->front(), U"a\u00e9\u6c34\U0001F600");
}

TEST_F(TextTest, TenThousandMarksOnOneLetterAreBounded) {
  std::string text = "a";
  for (int i = 0; i < 10'000; ++i) text += "\u0301";
  const TextLayout layout = laid_out(text, "DejaVu Sans");
  EXPECT_LE(layout.width, 60) << "they stand above each other";
  const TextMask mask = drawn(layout, 40);
  EXPECT_GT(ink_of(mask), 0);
}

TEST_F(TextTest, GlyphsAreBounded) {
  const auto faces = book().find("黑体");
  EXPECT_TRUE(lay_out(std::string(kTextGlyphsMax, 'i'), faces, 12, LineEnds::Left));
  const auto more = lay_out(std::string(kTextGlyphsMax + 1, 'i'), faces, 12, LineEnds::Left);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().reason, base::Reason::BadParameter);
}

TEST_F(TextTest, DirectionsNestedWithoutEndAreBounded) {
  std::string text;
  // Never closed, as a literal of the language had better be.
  const std::string override_right = {'\xE2', '\x80', '\xAE'};
  const std::string isolate = {'\xE2', '\x81', '\xA6'};
  for (int i = 0; i < 300; ++i) {
    for (const std::string& part : {override_right, std::string("a"), override_right,
                                    std::string("א"), isolate, std::string("b")}) {
      text += part;
    }
  }
  EXPECT_GT(ink_of(drawn(laid_out(text), 5)), 100);
}

TEST_F(TextTest, AnErrorOfTheWatchEndsTheDrawing) {
  int asked = 0;
  const auto stop_at_third = [&asked]() -> base::Result<void> {
    if (++asked < 3) return {};
    return base::fail(base::Reason::Deadline, "too late");
  };
  const auto mask = draw_text(laid_out("abcdef"), 100, 100, {}, stop_at_third);
  ASSERT_FALSE(mask);
  EXPECT_EQ(mask.error().reason, base::Reason::Deadline);
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace millrace::workers::image
