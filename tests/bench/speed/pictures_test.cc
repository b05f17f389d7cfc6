// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/pictures.h"

#include <cmath>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace millrace::bench::speed {
namespace {

using testing::EndsWith;
using testing::SizeIs;
using vips::VImage;

class PicturesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_EQ(VIPS_INIT("pictures_test"), 0); }

  // Waves and slopes: no two places are alike.
  static VImage drawn(int width_px, int height_px) {
    const VImage at = VImage::xyz(width_px, height_px);
    const VImage waves = (at.extract_band(0) / 9).math(VIPS_OPERATION_MATH_SIN) * 80 +
                         (at.extract_band(1) / 7).math(VIPS_OPERATION_MATH_COS) * 40 + 128;
    return VImage::bandjoin({waves.cast(VIPS_FORMAT_UCHAR),
                             (at.extract_band(0) * 255 / width_px).cast(VIPS_FORMAT_UCHAR),
                             (at.extract_band(1) * 255 / height_px).cast(VIPS_FORMAT_UCHAR)})
        .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  }
  static std::string bytes_of(VipsBlob* blob) {
    std::size_t size = 0;
    const auto* data = static_cast<const char*>(vips_blob_get(blob, &size));
    std::string bytes(data, size);
    vips_area_unref(VIPS_AREA(blob));
    return bytes;
  }
  static std::string jpeg_of(const VImage& picture) {
    return bytes_of(picture.jpegsave_buffer(VImage::option()->set("Q", 95)));
  }
};

TEST_F(PicturesTest, EqualPicturesAreAlike) {
  const VImage reference = drawn(64, 48).copy_memory();
  const Judged judged = judge(reference, bytes_of(reference.pngsave_buffer()));
  EXPECT_EQ(judged.size, (PictureSize{64, 48}));
  EXPECT_EQ(judged.format, "png");
  EXPECT_DOUBLE_EQ(judged.likeness.ssim, 1);
  EXPECT_TRUE(std::isinf(judged.likeness.psnr_db));
}

TEST_F(PicturesTest, ADarkerPictureIsLessAlike) {
  const VImage reference = drawn(64, 48).copy_memory();
  const VImage darker = (reference * 0.8).cast(VIPS_FORMAT_UCHAR);
  const Judged judged = judge(reference, bytes_of(darker.pngsave_buffer()));
  EXPECT_LT(judged.likeness.ssim, 0.99);
  EXPECT_LT(judged.likeness.psnr_db, 25);
}

TEST_F(PicturesTest, ACutMayBeAPixelBesideTheMiddleAndNoFurther) {
  const VImage reference =
      VImage::gaussnoise(67, 40, VImage::option()->set("mean", 128.0))
          .cast(VIPS_FORMAT_UCHAR)
          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_B_W))
          .colourspace(VIPS_INTERPRETATION_sRGB)
          .copy_memory();
  const auto cut_at = [&](int left) {
    return judge(reference, bytes_of(reference.extract_area(left, 0, 40, 40).pngsave_buffer()))
        .likeness.ssim;
  };
  EXPECT_DOUBLE_EQ(cut_at(13), 1);
  EXPECT_DOUBLE_EQ(cut_at(14), 1);
  EXPECT_LT(cut_at(20), 0.95);
}

TEST_F(PicturesTest, WhatIsNoPictureOrTooLargeIsNotAlike) {
  const VImage reference = drawn(64, 48).copy_memory();
  EXPECT_EQ(judge(reference, "{\"error\": 1}").format, "none");
  const Judged larger = judge(reference, bytes_of(drawn(65, 48).pngsave_buffer()));
  EXPECT_EQ(larger.size, (PictureSize{65, 48}));
  EXPECT_EQ(larger.likeness.ssim, 0);
}

TEST_F(PicturesTest, LibvipsGivesTheSizeThatIsAskedForAndNearlyTheReference) {
  const Photo photo = photo_of("waves", jpeg_of(drawn(1'300, 900)));
  for (const Operation& operation : operations()) {
    const std::string& source = photo.files.at(operation.source);
    const Judged judged = judge(reference_of(operation, source), vips_result(operation, source));
    EXPECT_EQ(judged.size, size_asked(operation, source)) << operation.name;
    EXPECT_EQ(judged.format, operation.format);
    EXPECT_GT(judged.likeness.ssim, 0.97) << operation.name;
  }
}

TEST_F(PicturesTest, TheSamePhotographGivesTheSameFiles) {
  const std::string file = jpeg_of(drawn(2'400, 1'600));
  const Photo once = photo_of("waves", file);
  EXPECT_EQ(once.files, photo_of("waves", file).files);
  const auto small = VImage::new_from_buffer(once.files.at(SourceKind::Small).data(),
                                             once.files.at(SourceKind::Small).size(), "");
  EXPECT_EQ(small.width(), 1'732);
  EXPECT_EQ(small.height(), 1'155);
}

TEST_F(PicturesTest, PhotographsAreTheFourNearestToTwelveMegapixels) {
  const test::TempDir folder;
  int number = 0;
  for (const int width_px : {100, 200, 300, 400, 500}) {
    folder.write("p" + std::to_string(number++) + ".jpg", jpeg_of(drawn(width_px, 100)));
  }
  folder.write("words.jpg", "no picture");
  folder.write("p9.png", bytes_of(drawn(900, 900).pngsave_buffer()));
  const std::vector<std::string> found = photographs_in(folder.path().string());
  ASSERT_THAT(found, SizeIs(4));
  EXPECT_THAT(found.front(), EndsWith("p1.jpg"));
  EXPECT_THAT(found.back(), EndsWith("p4.jpg"));
  EXPECT_TRUE(photographs_in((folder.path() / "none").string()).empty());
}

}  // namespace
}  // namespace millrace::bench::speed
