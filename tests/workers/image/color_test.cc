// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

constexpr double kDeltaEMax = 2.0;

class ColorTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
  // Without loss, so that only the conversion is measured.
  static VImage converted(const std::string& file) {
    const auto variant = run_pipeline(file, "imageView2/0/format/png");
    EXPECT_TRUE(variant) << variant.error().public_message;
    const VImage made = decode(variant->file);
    EXPECT_EQ(made.get_typeof(VIPS_META_ICC_NAME), 0U);
    return made;
  }
  static std::string note_of(const Variant& variant) {
    const auto found = variant.outcome.headers.find("X-Millrace-Note");
    return found == variant.outcome.headers.end() ? "" : found->second;
  }
  // Newer versions of libvips (8.16) keep a profile that does not fit to themselves: nothing was
  // there then that could be ignored.
  static std::string note_for_a_bad_profile(const std::string& file) {
    const VImage loaded = VImage::new_from_buffer(file.data(), file.size(), "");
    return loaded.get_typeof(VIPS_META_ICC_NAME) != 0 ? "icc-profile-ignored" : "";
  }
};

// The colours are Display P3's: their sRGB values are computed here by the matrices of the two
// spaces, without any profile.
TEST_F(ColorTest, DisplayP3IsConvertedToSrgb) {
  const VImage photo = make_photo(120, 80);
  VImage p3 = photo.icc_transform("p3", VImage::option()->set("input_profile", "srgb"));
  for (const char* suffix : {".png", ".tif", ".webp[lossless]"}) {
    EXPECT_LT(mean_delta_e(converted(make_file(p3, suffix)), photo), 0.6) << suffix;
    // The values did move: what is shown without the profile is another picture.
    VImage bare = p3.copy();
    bare.remove(VIPS_META_ICC_NAME);
    EXPECT_GT(mean_delta_e(bare, photo), 1.5);
  }
  EXPECT_LT(mean_delta_e(converted(make_file(p3, ".jpg[Q=100,subsample_mode=off]")), photo),
            kDeltaEMax);
}

TEST_F(ColorTest, SixteenBitsBecomeTheNearestEight) {
  const VImage photo = make_photo(120, 80);
  const VImage deep = (photo * 257.0)
                          .cast(VIPS_FORMAT_USHORT)
                          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_RGB16));
  EXPECT_LT(mean_difference(converted(make_file(deep, ".png")), photo), 0.01);
  EXPECT_LT(mean_difference(converted(make_file(deep, ".tif")), photo), 0.01);
}

TEST_F(ColorTest, SixteenBitsWithAlphaAndProfile) {
  const VImage photo = make_photo_with_alpha(120, 80);
  const VImage opaque = photo.extract_band(0, VImage::option()->set("n", 3));
  const VImage p3 =
      opaque.icc_transform("p3", VImage::option()->set("input_profile", "srgb")->set("depth", 16));
  VImage deep = p3.bandjoin((photo.extract_band(3) * 257.0).cast(VIPS_FORMAT_USHORT));
  const VImage made = converted(make_file(deep, ".png"));
  ASSERT_EQ(made.bands(), 4);
  EXPECT_LT(mean_delta_e(made, opaque), 0.6);
  EXPECT_LT(mean_difference(made.extract_band(3), photo.extract_band(3)), 0.6);
}

TEST_F(ColorTest, CmykWithItsProfileComesBackNear) {
  // Muted colours, which ink can show.
  const VImage photo = make_photo(120, 80)
                           .linear(0.5, 60.0)
                           .cast(VIPS_FORMAT_UCHAR)
                           .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const VImage cmyk = photo.icc_transform("cmyk", VImage::option()->set("input_profile", "srgb"));
  EXPECT_LT(mean_delta_e(converted(make_file(cmyk, ".tif")), photo), kDeltaEMax);
  EXPECT_LT(mean_delta_e(converted(make_file(cmyk, ".jpg[Q=100]")), photo),
            2.5);  // JPEG's own loss in four bands
}

TEST_F(ColorTest, CmykWithoutAProfileIsReadAsPrint) {
  const VImage photo = make_photo(60, 40)
                           .linear(0.5, 60.0)
                           .cast(VIPS_FORMAT_UCHAR)
                           .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  VImage cmyk = photo.icc_transform("cmyk", VImage::option()->set("input_profile", "srgb")).copy();
  cmyk.remove(VIPS_META_ICC_NAME);
  EXPECT_LT(mean_delta_e(converted(make_file(cmyk, ".tif")), photo), kDeltaEMax);
}

TEST_F(ColorTest, GreyStaysGrey) {
  const VImage grey = make_photo(120, 80).colourspace(VIPS_INTERPRETATION_B_W);
  const auto variant = run_pipeline(make_file(grey, ".png"), "imageView2/2/w/60");
  ASSERT_TRUE(variant);
  EXPECT_EQ(VImage::new_from_buffer(variant->file.data(), variant->file.size(), "").bands(), 1);
}

TEST_F(ColorTest, ABrokenProfileIsIgnoredAndSaidSo) {
  const VImage photo = make_photo(120, 80);
  std::string garbage(3000, '\x5A');
  VImage tagged = photo.copy();
  tagged.set(VIPS_META_ICC_NAME, nullptr, garbage.data(), garbage.size());
  std::string file = make_file(tagged, ".tif");
  const auto variant = run_pipeline(file, "imageView2/0/format/png");
  ASSERT_TRUE(variant) << variant.error().public_message;
  EXPECT_EQ(note_of(*variant), note_for_a_bad_profile(file));
  EXPECT_LT(mean_difference(decode(variant->file), photo), 6.0);
}

TEST_F(ColorTest, AProfileOfAnotherKindOfPictureIsIgnored) {
  const VImage grey = make_photo(120, 80).colourspace(VIPS_INTERPRETATION_B_W);
  VipsBlob* blob = nullptr;
  ASSERT_EQ(vips_profile_load("cmyk", &blob, nullptr), 0);
  std::size_t bytes = 0;
  const void* data = vips_blob_get(blob, &bytes);
  std::string profile(static_cast<const char*>(data), bytes);
  vips_area_unref(VIPS_AREA(blob));
  VImage tagged = grey.copy();
  tagged.set(VIPS_META_ICC_NAME, nullptr, profile.data(), profile.size());
  const std::string file = make_file(tagged, ".tif");
  const auto variant = run_pipeline(file, "imageView2/0/format/png");
  ASSERT_TRUE(variant) << variant.error().public_message;
  EXPECT_EQ(note_of(*variant), note_for_a_bad_profile(file));
  EXPECT_LT(mean_difference(decode(variant->file), decode(make_file(grey, ".png"))), 2.0);
}

TEST_F(ColorTest, LabAndFloatBecomeSrgb) {
  const VImage photo = make_photo(60, 40);
  EXPECT_LT(
      mean_delta_e(converted(make_file(photo.colourspace(VIPS_INTERPRETATION_LAB), ".tif")), photo),
      kDeltaEMax);
}

}  // namespace
}  // namespace millrace::workers::image
