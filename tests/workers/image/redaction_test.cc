// SPDX-License-Identifier: Apache-2.0
#include "workers/image/redaction.h"

#include <array>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/operations.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

class RedactionTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

std::size_t colors_in(const VImage& image) {
  std::set<std::vector<double>> colors;
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) colors.insert(image.getpoint(x, y));
  }
  return colors.size();
}

constexpr Area kArea{30, 20, 64, 48};

TEST_F(RedactionTest, SquaresHaveOneColourEach) {
  const VImage photo = make_photo(160, 120);
  const VImage made = redacted(photo, std::array{kArea}, Cover::Pixelate, 8).copy_memory();
  const VImage part = cropped(made, kArea).copy_memory();
  EXPECT_LE(colors_in(part), 8U * 6U);
  EXPECT_GT(colors_in(part), 8U);
  // A square is the mean of what was there.
  const VImage square = cropped(photo, {kArea.left + 8, kArea.top + 8, 8, 8});
  EXPECT_NEAR(part.getpoint(12, 12)[0], square.extract_band(0).avg(), 12);
}

TEST_F(RedactionTest, ABlurIsSmoothAndKeepsNoDetail) {
  const VImage photo = make_photo(160, 120);
  const VImage part =
      cropped(redacted(photo, std::array{kArea}, Cover::Blur, 4), kArea).copy_memory();
  const VImage steps = (cropped(part, {1, 0, 63, 48}) - cropped(part, {0, 0, 63, 48})).abs();
  EXPECT_LE(steps.max(), 16);
  EXPECT_GT(mean_difference(part, cropped(photo, kArea)), 3.0);
}

TEST_F(RedactionTest, TheRestIsUntouched) {
  const VImage photo = make_photo(160, 120);
  for (const Cover cover : {Cover::Blur, Cover::Pixelate}) {
    const VImage made =
        redacted(photo, std::array{kArea, Area{140, 100, 20, 20}}, cover, 8).copy_memory();
    EXPECT_EQ(mean_difference(cropped(made, {0, 0, 160, 20}), cropped(photo, {0, 0, 160, 20})), 0);
    EXPECT_EQ(mean_difference(cropped(made, {94, 20, 46, 80}), cropped(photo, {94, 20, 46, 80})),
              0);
    EXPECT_GT(
        mean_difference(cropped(made, {140, 100, 20, 20}), cropped(photo, {140, 100, 20, 20})),
        1.0);
  }
}

TEST_F(RedactionTest, TakesThinAreasGreyAndAlpha) {
  for (const VImage& image : {make_photo(60, 40), make_photo_with_alpha(60, 40),
                              make_photo(60, 40).colourspace(VIPS_INTERPRETATION_B_W)}) {
    for (const Area& area : {Area{0, 0, 1, 40}, Area{0, 0, 60, 1}, Area{59, 39, 1, 1}}) {
      for (const Cover cover : {Cover::Blur, Cover::Pixelate}) {
        const VImage made = redacted(image, std::array{area}, cover, 16);
        EXPECT_EQ(made.width(), 60);
        EXPECT_EQ(made.height(), 40);
        EXPECT_EQ(made.bands(), image.bands());
        EXPECT_GE(made.avg(), 0);
      }
    }
  }
}

}  // namespace
}  // namespace millrace::workers::image
