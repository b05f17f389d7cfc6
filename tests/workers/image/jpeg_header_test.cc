// SPDX-License-Identifier: Apache-2.0
#include "workers/image/jpeg_header.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

base::Result<JpegHeader> header(const std::string& file) {
  return read_jpeg_header({reinterpret_cast<const std::uint8_t*>(file.data()), file.size()});
}

class JpegHeaderTest : public testing::Test {
 protected:
  void SetUp() override { test_worker(); }
};

TEST_F(JpegHeaderTest, EstimatesTheQualityThatItWasSavedWith) {
  for (const int quality : {1, 5, 10, 25, 40, 50, 60, 75, 80, 90, 95, 100}) {
    const auto read = header(make_jpeg(32, 24, quality));
    ASSERT_TRUE(read);
    EXPECT_LE(std::abs(read->quality_pct.value_or(0) - quality), 1) << quality;
  }
}

TEST_F(JpegHeaderTest, ReadsSizeAndComponents) {
  const auto color = header(make_jpeg(33, 24));
  ASSERT_TRUE(color);
  EXPECT_EQ(color->size, (Size{33, 24}));
  EXPECT_EQ(color->components, 3);
  const auto grey =
      header(make_file(make_photo(20, 30).colourspace(VIPS_INTERPRETATION_B_W), ".jpg"));
  ASSERT_TRUE(grey);
  EXPECT_EQ(grey->components, 1);
}

TEST_F(JpegHeaderTest, ReadsOrientation) {
  const auto read = header(make_oriented_jpeg(40, 20, 6));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->orientation, 6);
  EXPECT_EQ(read->size, (Size{20, 40}));
}

TEST_F(JpegHeaderTest, RefusesEveryFileThatEndsBeforeItsFirstScan) {
  const std::string file = make_jpeg(16, 16);
  const std::size_t scan = file.find("\xFF\xDA");
  for (std::size_t size = 2; size <= scan; ++size)
    EXPECT_FALSE(header(file.substr(0, size))) << size;
}

}  // namespace
}  // namespace millrace::workers::image
