// SPDX-License-Identifier: Apache-2.0

// What comes by the road of planes is what libvips makes of all pixels.
#include "workers/image/planes_road.h"

#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "ipc/road.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

using ipc::Road;
using vips::VImage;

class PlanesRoadTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

std::string jpeg_of(const VImage& picture, int quality, VipsForeignSubsample subsample,
                    bool interlace = false) {
  VipsBlob* blob = picture.jpegsave_buffer(VImage::option()
                                               ->set("Q", quality)
                                               ->set("subsample_mode", subsample)
                                               ->set("interlace", interlace));
  std::size_t bytes = 0;
  const void* data = vips_blob_get(blob, &bytes);
  std::string file(static_cast<const char*>(data), bytes);
  vips_area_unref(VIPS_AREA(blob));
  return file;
}

// libvips' own way, from all pixels.
VImage by_libvips(const std::string& file, int width, int height) {
  const VImage whole = decode(file);
  return whole.resize(
      static_cast<double>(width) / whole.width(),
      VImage::option()->set("vscale", static_cast<double>(height) / whole.height()));
}

TEST_F(PlanesRoadTest, GivesWhatLibvipsMakesOfAllPixels) {
  const VImage photo = make_photo(1203, 805);
  for (const VipsForeignSubsample subsample :
       {VIPS_FOREIGN_SUBSAMPLE_ON, VIPS_FOREIGN_SUBSAMPLE_OFF}) {
    for (const bool interlace : {false, true}) {
      const std::string file = jpeg_of(photo, 92, subsample, interlace);
      for (const int width : {1203, 900, 601, 300, 151, 75, 40, 7}) {
        const auto made = run_pipeline(file, "imageView2/2/w/" + std::to_string(width) + "/q/95!");
        ASSERT_TRUE(made) << made.error().public_message;
        EXPECT_EQ(made->outcome.road, Road::Planes);
        const VImage result = decode(made->file);
        // Of so few pixels each is the mean of a large area, whose edges count.
        const double difference_max = width < 10 ? 4.0 : 2.5;
        EXPECT_LT(mean_difference(result, by_libvips(file, result.width(), result.height())),
                  difference_max)
            << width << " px, subsampled " << subsample << ", progressive " << interlace;
      }
    }
  }
}

TEST_F(PlanesRoadTest, TakesGreyAndEveryOrientation) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string file = make_oriented_jpeg(803, 601, orientation);
    const auto made = run_pipeline(file, "imageView2/1/w/301/h/201/q/95!");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->outcome.road, Road::Planes);
    const VImage upright = make_photo(803, 601);
    const VImage expected = upright.thumbnail_image(
        301, VImage::option()->set("height", 201)->set("crop", VIPS_INTERESTING_CENTRE));
    EXPECT_LT(mean_difference(decode(made->file), expected), 4.0) << orientation;
  }
  const VImage grey = make_photo(640, 480).colourspace(VIPS_INTERPRETATION_B_W);
  const auto made =
      run_pipeline(jpeg_of(grey, 90, VIPS_FOREIGN_SUBSAMPLE_AUTO), "imageView2/2/w/200");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->outcome.road, Road::Planes);
  const VImage small = decode(made->file);
  EXPECT_EQ(probe(made->file)->format, "jpeg");
  EXPECT_NE(run_pipeline(made->file, "imageInfo")->file.find("\"gray\""), std::string::npos);
  const VImage expected = grey.resize(200.0 / 640);
  EXPECT_LT(mean_difference(small.extract_band(0), expected), 2.5);
}

TEST_F(PlanesRoadTest, WritesJpegAndWebpAndLeavesTheRestToLibraries) {
  const std::string file = make_jpeg(640, 480, 90);
  for (const auto& [pipeline, road] :
       {std::pair{"imageView2/2/w/300", Road::Planes},
        {"imageView2/2/w/300/interlace/1", Road::Planes},
        {"imageView2/2/w/300/format/webp", Road::Planes},
        {"imageView2/0/q/60", Road::Planes},
        {"imageView2/0/format/webp", Road::Planes},
        {"imageMogr2/auto-orient/thumbnail/300x/strip", Road::Planes},
        {"imageView2/2/w/300/format/png", Road::Mixed},
        {"imageView2/2/w/300|roundPic/radius/20", Road::Mixed},
        {"imageMogr2/thumbnail/300x/blur/3x2", Road::Mixed},
        {"imageView2/2/w/300|imageView2/2/w/200", Road::Mixed},
        {"imageMogr2/rotate/10", Road::Library}}) {
    const auto made = run_pipeline(file, pipeline);
    ASSERT_TRUE(made) << pipeline << ": " << made.error().public_message;
    EXPECT_EQ(made->outcome.road, road) << pipeline;
  }
  EXPECT_EQ(run_pipeline(file, "imageInfo")->outcome.road, std::nullopt);
  EXPECT_EQ(
      run_pipeline(make_file(make_photo(300, 200), ".webp"), "imageView2/2/w/100")->outcome.road,
      Road::Library);
}

// A picture of one colour has that colour in every sample, whatever was mixed from whatever.
TEST_F(PlanesRoadTest, OneColourStaysThatColour) {
  VImage flat =
      VImage::black(500, 400, VImage::option()->set("bands", 3)) + std::vector<double>{200, 60, 90};
  flat = flat.cast(VIPS_FORMAT_UCHAR)
             .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const std::string file = jpeg_of(flat, 95, VIPS_FOREIGN_SUBSAMPLE_ON);
  for (const char* pipeline :
       {"imageView2/1/w/100/h/99/q/95!", "imageView2/2/w/123/format/webp/q/95!",
        "imageView2/2/w/33/format/png"}) {
    const auto made = run_pipeline(file, pipeline);
    ASSERT_TRUE(made);
    const VImage result = decode(made->file);
    for (int band = 0; band < 3; ++band) {
      const VImage one = result.extract_band(band);
      EXPECT_NEAR(one.min(), flat(0, 0)[static_cast<std::size_t>(band)], 3) << pipeline;
      EXPECT_NEAR(one.max(), flat(0, 0)[static_cast<std::size_t>(band)], 3) << pipeline;
    }
  }
}

TEST_F(PlanesRoadTest, LossyWebpTakesLessEffortWhereThatIsBounded) {
  const std::string jpeg = make_jpeg(900, 700, 90);
  const std::string png = make_file(make_photo(300, 200), ".png");
  const std::string clear = make_file(make_photo_with_alpha(300, 200), ".png");
  ipc::RunLimits bounded;
  bounded.webp_effort_max = 1;
  const auto is_eased = [&](const std::string& file, const std::string& pipeline) {
    const auto whole = run_pipeline(file, pipeline);
    const auto eased = run_pipeline(file, pipeline, bounded);
    EXPECT_TRUE(whole && eased) << pipeline;
    EXPECT_FALSE(whole->outcome.eased);
    EXPECT_EQ(whole->file != eased->file, eased->outcome.eased) << pipeline;
    if (eased->outcome.eased) EXPECT_GT(eased->file.size(), whole->file.size()) << pipeline;
    return eased->outcome.eased;
  };
  EXPECT_TRUE(is_eased(jpeg, "imageView2/2/w/600/format/webp"));
  EXPECT_TRUE(is_eased(png, "imageView2/2/w/200/format/webp"));
  EXPECT_TRUE(is_eased(jpeg, "imageMogr2/thumbnail/600x/rotate/90/format/webp"));
  EXPECT_FALSE(is_eased(jpeg, "imageView2/2/w/600"));
  EXPECT_FALSE(is_eased(png, "imageView2/2/w/200/format/webp/lossless/1"));
  EXPECT_FALSE(is_eased(clear, "imageView2/2/w/200/format/webp"));
  EXPECT_FALSE(is_eased(jpeg, "imageInfo"));
}

TEST_F(PlanesRoadTest, AppliesProfilesOfAMatrixAndCurves) {
  const VImage p3 =
      make_photo(900, 600).icc_transform("p3", VImage::option()->set("input_profile", "srgb"));
  const std::string file = jpeg_of(p3, 95, VIPS_FOREIGN_SUBSAMPLE_ON);
  for (const int width : {900, 450, 200, 60}) {
    const std::string view = "imageView2/2/w/" + std::to_string(width) + "/q/95!";
    const auto jpeg = run_pipeline(file, view);
    ASSERT_TRUE(jpeg) << jpeg.error().public_message;
    EXPECT_EQ(jpeg->outcome.road, Road::Planes);
    EXPECT_EQ(run_pipeline(file, view + "/format/png")->outcome.road, Road::Mixed);
    const VImage result = decode(jpeg->file);
    EXPECT_EQ(result.get_typeof(VIPS_META_ICC_NAME), 0U);
    VImage expected = by_libvips(file, result.width(), result.height());
    expected = expected.icc_transform(
        "srgb", VImage::option()->set("embedded", true)->set("intent", VIPS_INTENT_RELATIVE));
    EXPECT_LT(mean_delta_e(result, expected), 1.0) << width;
  }
  EXPECT_EQ(run_pipeline(file, "imageView2/2/w/200/icc/keep")->outcome.road, Road::Library);
}

TEST_F(PlanesRoadTest, AFileThatEndsEarlyIsDamaged) {
  const std::string file = make_jpeg(640, 480, 90);
  for (const double part : {0.3, 0.6, 0.95}) {
    const auto bytes = static_cast<std::size_t>(part * static_cast<double>(file.size()));
    const auto made = run_pipeline(file.substr(0, bytes), "imageView2/2/w/200");
    ASSERT_FALSE(made) << part;
    EXPECT_EQ(made.error().reason, base::Reason::CorruptMedia) << part;
  }
}

// Who looks at the pixels in between does not change the file.
TEST_F(PlanesRoadTest, TheFileDoesNotDependOnWhoLooked) {
  const std::string file = make_jpeg(640, 480, 90);
  const auto plain = run_pipeline(file, "imageView2/2/w/300");
  const auto looked = run_pipeline(file, "imageView2/2/w/300|blurhash/as/header");
  ASSERT_TRUE(plain && looked);
  EXPECT_EQ(looked->file, plain->file);
}

}  // namespace
}  // namespace millrace::workers::image
