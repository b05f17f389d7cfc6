// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "tests/workers/image/face/face_pictures.h"
#include "tests/workers/image/face/facecrop_run.h"
#include "tests/workers/image/pictures.h"

namespace millrace::workers::face {
namespace {

using vips::VImage;

// As facecrop_test: what a right crop differs from libvips' own.
constexpr double kExcessDeltaEMax = 0.6;

Variant crop(const std::string& source, const std::string& pipeline) {
  auto variant = run_pipeline(source, pipeline);
  EXPECT_TRUE(variant) << pipeline << ": " << variant.error().public_message;
  return variant ? *variant : Variant{};
}

// The part of the upright picture, scaled by libvips, is what came out.
double delta_e_to(const VImage& upright, const Box& part, const VImage& made) {
  const VImage cut =
      upright.extract_area(static_cast<int>(part.x), static_cast<int>(part.y),
                           static_cast<int>(part.width), static_cast<int>(part.height));
  return image::mean_delta_e(
      cut.resize(made.width() / part.width,
                 VImage::option()->set("vscale", made.height() / part.height)),
      made);
}

TEST(FacecropOptionsTest, ZoomGetsCloser) {
  const std::string source = read_file(sample_picture("astronaut.png"));
  const VImage upright = image::decode(source);
  const VImage far = image::decode(crop(source, "facecrop/100x100").file);
  const VImage close = image::decode(crop(source, "facecrop/100x100/zoom/100").file);
  EXPECT_EQ(close.width(), 100);
  EXPECT_EQ(close.height(), 100);
  // Far: the whole width. Close: about 107 px of face and 75 of margins.
  EXPECT_LT(delta_e_to(upright, {0, 0, 512, 512}, far), 4.0);
  double best = 100;
  for (int left = 100; left <= 170; left += 5) {
    for (int top = 0; top <= 60; top += 5) {
      for (const int side : {160, 170, 180, 190, 200}) {
        const Box part{static_cast<double>(left), static_cast<double>(top),
                       static_cast<double>(side), static_cast<double>(side)};
        best = std::min(best, delta_e_to(upright, part, close));
      }
    }
  }
  EXPECT_LT(best, 6.0);
  EXPECT_GT(delta_e_to(upright, {0, 0, 512, 512}, close), 12.0);
}

TEST(FacecropOptionsTest, ZoomDoesNotEnlarge) {
  const std::string source = read_file(sample_picture("astronaut.png"));
  // 400 px are more than the face has: the crop is of 400 px at least, so nothing is blown up.
  const VImage made = image::decode(crop(source, "facecrop/400x400/zoom/100").file);
  const Located located = locate(image::decode(source).extract_area(0, 0, 512, 512), made);
  EXPECT_GT(located.width, 399.0);
}

TEST(FacecropOptionsTest, AnIndexTakesThatFace) {
  const std::string source = read_file(sample_picture("sample1.jpg"));  // three people
  const VImage upright = image::decode(source);
  std::vector<double> lefts;
  for (const char* index : {"0", "1", "2"}) {
    const Variant variant = crop(source, std::string("facecrop/100x400/index/") + index);
    EXPECT_EQ(variant.subject(), "face");
    const Located located = locate(upright, image::decode(variant.file));
    EXPECT_LT(located.delta_e_excess, kExcessDeltaEMax);
    lefts.push_back(located.left);
  }
  EXPECT_GT(lefts[0], lefts[1]) << "the largest of the three is at the right";
  EXPECT_GT(std::abs(lefts[1] - lefts[2]), 100);
  const auto none = run_pipeline(source, "facecrop/100x400/index/3");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().reason, base::Reason::BadParameter);
  EXPECT_NE(none.error().public_message.find("faces found: 3"), std::string::npos)
      << none.error().public_message;
}

TEST(FacecropOptionsTest, AllTakesThemTogether) {
  const std::string source = read_file(sample_picture("sample1.jpg"));
  EXPECT_EQ(crop(source, "facecrop/100x400").subject(), "face");
  EXPECT_EQ(crop(source, "facecrop/100x400/all").subject(), "faces");
}

TEST(FacecropOptionsTest, HoldTheirBounds) {
  const pipeline::Catalogue catalogue(worker_with_model().commands());
  for (const char* good : {"facecrop/9x9/zoom/0", "facecrop/9x9/zoom/100", "facecrop/9x9/pad/0",
                           "facecrop/9x9/pad/200", "facecrop/9x9/index/0", "facecrop/9x9/index/99",
                           "facecrop/9x9/all", "facecrop/9x9/all/zoom/50/pad/10/ignore-error/1"}) {
    EXPECT_TRUE(catalogue.check(good)) << good;
  }
  EXPECT_EQ(catalogue.check("facecrop/9x9/all/zoom/5")->text(), "facecrop/9x9/zoom/5/all");
  for (const char* bad : {"facecrop/9x9/zoom/101", "facecrop/9x9/zoom/-1", "facecrop/9x9/pad/201",
                          "facecrop/9x9/index/100", "facecrop/9x9/all/1"}) {
    EXPECT_FALSE(catalogue.check(bad)) << bad;
  }
  const auto both =
      run_pipeline(read_file(sample_picture("astronaut.png")), "facecrop/9x9/all/index/0");
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().reason, base::Reason::BadParameter);
}

}  // namespace
}  // namespace millrace::workers::face
