// SPDX-License-Identifier: Apache-2.0
#include "workers/image/operations.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/magick.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

using pipeline::Color;
using vips::VImage;

constexpr Color kRed{255, 0, 0, 255};
constexpr Color kWhite{255, 255, 255, 255};
constexpr Color kClear{0, 0, 0, 0};
constexpr Color kHalfBlue{0, 0, 255, 128};

class OperationsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

// ImageMagick's answer always has four bands here.
double difference_to_magick(const VImage& ours, const VImage& source,
                            const std::vector<std::string>& arguments) {
  VImage rgba = ours.bands() < 3 ? ours.colourspace(VIPS_INTERPRETATION_sRGB) : ours;
  if (!rgba.has_alpha()) rgba = rgba.bandjoin(255.0);
  const VImage theirs = by_magick(source, arguments);
  // What cannot be seen may have any colour.
  const auto on_black = [](const VImage& image) { return image.flatten(); };
  if (rgba.width() != theirs.width() || rgba.height() != theirs.height()) return 255;
  return mean_difference(on_black(rgba), on_black(theirs)) +
         mean_difference(rgba.extract_band(3), theirs.extract_band(3));
}

TEST_F(OperationsTest, BlurIsImageMagicks) {
  const VImage photo = make_photo(160, 120);
  const VImage clear = make_photo_with_alpha(160, 120);
  for (const auto& [radius, sigma, text] :
       {std::tuple{3, 1.5, "3x1.5"}, {1, 0.5, "1x0.5"}, {20, 5.0, "20x5"}, {2, 100.0, "2x100"}}) {
    EXPECT_LT(difference_to_magick(blurred(photo, radius, sigma), photo, {"-blur", text}), 1.0)
        << text;
    EXPECT_LT(difference_to_magick(blurred(clear, radius, sigma), clear, {"-blur", text}), 1.0)
        << text;
  }
  EXPECT_EQ(mean_difference(blurred(photo, 1, 0), photo), 0);
  EXPECT_LT(difference_to_magick(photo, photo, {"-blur", "1x0"}), 0.1);
  // And it can tell.
  EXPECT_GT(difference_to_magick(blurred(photo, 3, 0.5), photo, {"-blur", "3x1.5"}), 1.2);
}

TEST_F(OperationsTest, SharpenIsImageMagicks) {
  const VImage photo = make_photo(160, 120);
  EXPECT_LT(difference_to_magick(sharpened(photo), photo, {"-sharpen", "1"}), 0.5);
  const VImage clear = make_photo_with_alpha(160, 120);
  EXPECT_LT(difference_to_magick(sharpened(clear), clear, {"-sharpen", "1"}), 1.0);
  EXPECT_GT(mean_difference(sharpened(photo), photo), 2.0);
}

TEST_F(OperationsTest, ACanvasIsImageMagicks) {
  const VImage photo = make_photo(60, 40);
  const VImage clear = make_photo_with_alpha(60, 40);
  struct Case {
    const char* text;
    const char* magick;
    Color color;
    const char* color_text;
  };
  for (const Case& c : {Case{"80x70", "80x70", kRed, "red"},
                        {"31x21", "31x21", kRed, "red"},
                        {"!80x70-10-20", "80x70-10-20", kWhite, "white"},
                        {"!80x70a10a20", "80x70+10+20", kRed, "red"},
                        {"!80x70-10a20", "80x70-10+20", kClear, "transparent"},
                        {"90x20", "90x20", kHalfBlue, "#0000ff80"},
                        {"!-7a9", "60x40-7+9", kRed, "red"}}) {
    const bool centred = std::string(c.text).find_first_of("a-") == std::string::npos;
    const std::vector<std::string> arguments = {"-background", c.color_text,
                                                "-gravity",    centred ? "Center" : "NorthWest",
                                                "-extent",     c.magick};
    for (const VImage& image : {photo, clear}) {
      const VImage ours = on_canvas(image, extent_canvas(c.text, {60, 40}), c.color);
      EXPECT_LT(difference_to_magick(ours, image, arguments), 0.6) << c.text << " " << c.color_text;
    }
  }
}

TEST_F(OperationsTest, ABorderIsImageMagicks) {
  for (const VImage& image : {make_photo(60, 40), make_photo_with_alpha(60, 40)}) {
    const VImage ours = on_canvas(image, border_canvas("7x3", {60, 40}), kRed);
    EXPECT_LT(difference_to_magick(ours, image, {"-bordercolor", "red", "-border", "7x3"}), 0.6);
  }
}

TEST_F(OperationsTest, ACanvasBesideThePictureIsEmpty) {
  const VImage made = on_canvas(make_photo(60, 40), {{20, 10}, {-60, 0}}, kRed);
  EXPECT_EQ(made.width(), 20);
  EXPECT_EQ(made.height(), 10);
  EXPECT_EQ(made.getpoint(19, 9), (std::vector<double>{255, 0, 0}));
}

TEST_F(OperationsTest, AGreyPictureStaysGreyUntilAColourComes) {
  const VImage grey = make_photo(60, 40).colourspace(VIPS_INTERPRETATION_B_W);
  EXPECT_EQ(on_canvas(grey, border_canvas("5x5", {60, 40}), kWhite).bands(), 1);
  EXPECT_EQ(on_canvas(grey, border_canvas("5x5", {60, 40}), kClear).bands(), 2);
  const VImage framed = on_canvas(grey, border_canvas("5x5", {60, 40}), kRed);
  EXPECT_EQ(framed.getpoint(0, 0), (std::vector<double>{255, 0, 0}));
  EXPECT_EQ(turned(grey, 45, kRed).bands(), 3);
  EXPECT_EQ(turned(grey, 45, kWhite).getpoint(0, 0), (std::vector<double>{255}));
}

TEST_F(OperationsTest, TurnsClockwise) {
  const VImage photo = make_photo(60, 40);
  EXPECT_EQ(mean_difference(turned(photo, 90, kWhite), photo.rot90()), 0);
  EXPECT_EQ(mean_difference(turned(photo, 180, kWhite), photo.rot180()), 0);
  EXPECT_EQ(mean_difference(turned(photo, 270, kWhite), photo.rot270()), 0);
  EXPECT_EQ(mean_difference(turned(photo, 360, kWhite), photo), 0);
}

// The middle stays the middle: turned away and back, the picture is where it was, to a part of a
// pixel.
TEST_F(OperationsTest, TurnsAboutTheMiddle) {
  const VImage photo = make_photo(160, 121).gaussblur(1.5).copy_memory();
  const VImage askew = turned(photo, 30, kWhite).copy_memory();
  const VImage back = turned(askew, 330, kWhite);
  const Size size{photo.width(), photo.height()};
  const Area middle = centre_of({back.width(), back.height()}, size);
  const auto shifted = [&](std::int64_t x) {
    const Area area{middle.left + x, middle.top, middle.width, middle.height};
    return mean_difference(cropped(back, area), photo);
  };
  EXPECT_LT(shifted(0), 2.0);
  EXPECT_LT(shifted(0), shifted(1));
  EXPECT_LT(shifted(0), shifted(-1));
}

// ImageMagick shears three times instead: much the same, on a canvas that is a little larger.
TEST_F(OperationsTest, ATurnLooksLikeImageMagicks) {
  const VImage photo = make_photo(160, 120).gaussblur(1.5).copy_memory();
  const VImage ours = turned(photo, 30, kRed);
  const VImage theirs =
      by_magick(photo, {"-background", "red", "-rotate", "30", "-gravity", "Center", "-extent",
                        std::to_string(ours.width()) + "x" + std::to_string(ours.height())});
  EXPECT_LT(mean_difference(ours, on_white(theirs)), 4.0);
  const VImage more = turned(photo, 36, kRed);
  const Size size{ours.width(), ours.height()};
  const VImage middle = cropped(more, centre_of({more.width(), more.height()}, size));
  EXPECT_GT(mean_difference(middle, on_white(theirs)), 6.0);
}

TEST_F(OperationsTest, ATurnOnNothingIsSeenThrough) {
  const VImage made = turned(make_photo(60, 40), 45, kClear);
  ASSERT_EQ(made.bands(), 4);
  EXPECT_EQ(made.getpoint(0, 0)[3], 0);
  EXPECT_EQ(made.getpoint(made.width() / 2, made.height() / 2)[3], 255);
  // The colour of an opaque picture does not fade towards its edge.
  const VImage white = (VImage::black(60, 40, VImage::option()->set("bands", 3)) + 255)
                           .cast(VIPS_FORMAT_UCHAR)
                           .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const VImage edge = turned(white, 20, kClear);
  const VImage seen = edge.extract_band(3) > 16;
  const VImage dark = edge.extract_band(0) < 250;
  EXPECT_EQ((seen & dark).max(), 0);
}

TEST_F(OperationsTest, GreyTakesTheColoursAndKeepsTheAlpha) {
  EXPECT_EQ(greyed(make_photo(10, 10)).bands(), 1);
  EXPECT_EQ(greyed(make_photo_with_alpha(10, 10)).bands(), 2);
  EXPECT_EQ(greyed(greyed(make_photo(10, 10))).bands(), 1);
}

TEST_F(OperationsTest, EveryOneGivesEightBits) {
  for (const VImage& image : {make_photo(40, 30), make_photo_with_alpha(40, 30),
                              greyed(make_photo(40, 30)), greyed(make_photo_with_alpha(40, 30))}) {
    for (const VImage& made :
         {blurred(image, 3, 2), sharpened(image), turned(image, 10, kHalfBlue),
          turned(image, 10, kWhite), on_canvas(image, {{50, 50}, {3, 4}}, kHalfBlue),
          on_canvas(image, {{50, 50}, {3, 4}}, kWhite), resized(image, {77, 20}), greyed(image)}) {
      EXPECT_EQ(made.format(), VIPS_FORMAT_UCHAR);
      EXPECT_TRUE(made.interpretation() == VIPS_INTERPRETATION_sRGB ||
                  made.interpretation() == VIPS_INTERPRETATION_B_W);
      EXPECT_EQ(made.bands() < 3, made.interpretation() == VIPS_INTERPRETATION_B_W);
      EXPECT_GE(made.avg(), 0);  // it can be computed
    }
  }
}

}  // namespace
}  // namespace millrace::workers::image
