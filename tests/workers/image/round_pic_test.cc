// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/round_corners.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

class RoundPicTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

VImage rounded(const std::string& file, const std::string& pipeline) {
  const auto variant = run_pipeline(file, pipeline);
  EXPECT_TRUE(variant) << pipeline << ": " << variant.error().public_message;
  if (!variant) return VImage::black(1, 1);
  EXPECT_EQ(variant->outcome.media_type, "image/png");
  return decode(variant->file);
}

double alpha_at(const VImage& image, int x, int y) {
  return image.getpoint(x, y)[static_cast<std::size_t>(image.bands() - 1)];
}

double alpha_sum(const VImage& image) {
  return image.extract_band(image.bands() - 1).avg() / 255 * image.width() * image.height();
}

TEST_F(RoundPicTest, HalfOfEverySideIsAnEllipse) {
  const std::string file = make_jpeg(640, 427);
  const VImage image = rounded(file, "roundPic/radius/!50p");
  ASSERT_EQ(image.width(), 640);
  ASSERT_EQ(image.height(), 427);
  ASSERT_EQ(image.bands(), 4);
  for (const auto& [x, y] : {std::pair{0, 0}, {639, 0}, {0, 426}, {639, 426}, {60, 40}}) {
    EXPECT_EQ(alpha_at(image, x, y), 0) << x << " " << y;
  }
  for (const auto& [x, y] : {std::pair{320, 213}, {320, 2}, {3, 213}, {120, 100}}) {
    EXPECT_EQ(alpha_at(image, x, y), 255) << x << " " << y;
  }
  EXPECT_NEAR(alpha_sum(image), M_PI * 320 * 213.5, 20) << "the area of the ellipse";
}

TEST_F(RoundPicTest, ColoursStay) {
  const VImage photo = make_photo(200, 100);
  const VImage image = rounded(make_file(photo, ".png"), "roundPic/radius/10");
  EXPECT_EQ((image.extract_band(0, VImage::option()->set("n", 3)) - photo).abs().max(), 0);
}

TEST_F(RoundPicTest, CornersAreAsLargeAsAskedFor) {
  const std::string file = make_jpeg(200, 120);
  const auto removed = [&](const std::string& parameters) {
    return 200 * 120 - alpha_sum(rounded(file, "roundPic/" + parameters));
  };
  const auto corners = [](double across, double down) { return (4 - M_PI) * across * down; };
  EXPECT_NEAR(removed("radius/20"), corners(20, 20), 2);
  EXPECT_NEAR(removed("radius/!10p"), corners(20, 12), 2);
  EXPECT_NEAR(removed("radiusx/40/radiusy/10"), corners(40, 10), 2);
  EXPECT_NEAR(removed("radiusy/!50p/radiusx/5"), corners(5, 60), 2);
  EXPECT_NEAR(removed("radius/1"), corners(1, 1), 0.1);
}

TEST_F(RoundPicTest, MoreThanHalfOfASideIsHalfOfIt) {
  const std::string file = make_jpeg(101, 61);
  const auto half = run_pipeline(file, "roundPic/radius/!50p");
  ASSERT_TRUE(half);
  for (const char* more :
       {"radius/!51p", "radius/!100p", "radius/30000", "radiusx/51/radiusy/31"}) {
    const auto variant = run_pipeline(file, std::string("roundPic/") + more);
    ASSERT_TRUE(variant);
    EXPECT_EQ(variant->file, half->file) << more;
  }
}

TEST_F(RoundPicTest, TransparencyOfThePictureStays) {
  const VImage photo = make_photo_with_alpha(90, 60);
  const VImage image = rounded(make_file(photo, ".png"), "roundPic/radius/10");
  EXPECT_EQ(alpha_at(image, 0, 0), 0);
  EXPECT_EQ(alpha_at(image, 45, 0), alpha_at(photo, 45, 0));
  EXPECT_EQ(alpha_at(image, 3, 1), 0);
}

TEST_F(RoundPicTest, AGreyPictureGetsAnAlphaToo) {
  const VImage grey = make_photo(90, 60).colourspace(VIPS_INTERPRETATION_B_W);
  const VImage image = rounded(make_file(grey, ".jpg"), "roundPic/radius/!50p");
  EXPECT_EQ(alpha_at(image, 0, 0), 0);
  EXPECT_EQ(alpha_at(image, 45, 30), 255);
}

TEST_F(RoundPicTest, StandsUprightAsThePictureIsSeen) {
  const VImage image = rounded(make_oriented_jpeg(120, 80, 6), "roundPic/radiusx/60/radiusy/1");
  EXPECT_EQ(image.width(), 120);
  EXPECT_EQ(image.height(), 80);
}

TEST_F(RoundPicTest, BehindACommandItRoundsItsResult) {
  const VImage image =
      rounded(make_jpeg(640, 427), "imageView2/1/w/100/h/100|roundPic/radius/!50p");
  EXPECT_EQ(image.width(), 100);
  EXPECT_NEAR(alpha_sum(image), M_PI * 50 * 50, 5);
  const auto jpeg = run_pipeline(make_jpeg(64, 64), "roundPic/radius/!50p|imageView2/0/format/jpg");
  ASSERT_TRUE(jpeg);
  EXPECT_GT(decode(jpeg->file).getpoint(0, 0)[0], 245) << "white where there is no alpha";
}

TEST_F(RoundPicTest, RefusesWhatIsNoRadius) {
  const std::string file = make_jpeg(64, 48);
  for (const char* parameters :
       {"", "/radius/0", "/radius/!0p", "/radius/!101p", "/radius/30001", "/radius/50p",
        "/radius/-3", "/radiusx/5", "/radiusy/5", "/radius/5/radiusx/5", "/radius/5/radiusy/5",
        "/radius/5/radiusx/5/radiusy/5", "/radius/!p"}) {
    EXPECT_EQ(reason_of(file, std::string("roundPic") + parameters), "bad_parameter") << parameters;
  }
}

// Each pixel by 64 x 64 points of it.
TEST_F(RoundPicTest, TheEdgeIsAsTransparentAsWhatLiesOutside) {
  const CornerRadii radii{13.5, 7.25};
  const VImage mask = corner_mask({40, 30}, radii);
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 14; ++x) {
      int inside = 0;
      for (int j = 0; j < 64; ++j) {
        for (int i = 0; i < 64; ++i) {
          const double u = (radii.across - (x + (i + 0.5) / 64)) / radii.across;
          const double v = (radii.down - (y + (j + 0.5) / 64)) / radii.down;
          inside += u <= 0 || v <= 0 || u * u + v * v <= 1 ? 1 : 0;
        }
      }
      const double expected = inside * 255.0 / (64 * 64);
      EXPECT_NEAR(mask.getpoint(x, y)[0], expected, 3) << x << " " << y;
      EXPECT_EQ(mask.getpoint(39 - x, 29 - y)[0], mask.getpoint(x, y)[0]);
    }
  }
}

TEST_F(RoundPicTest, APictureOfOnePixelIsADisc) {
  const VImage image = rounded(make_file(make_photo(1, 1), ".png"), "roundPic/radius/!50p");
  EXPECT_NEAR(alpha_at(image, 0, 0), 255 * M_PI / 4, 3);
}

}  // namespace
}  // namespace millrace::workers::image
