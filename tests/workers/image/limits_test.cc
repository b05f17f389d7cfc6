// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

class LimitsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

// A JPEG's header, no pixels: the limits hold before any is decoded.
std::string jpeg_claiming(int width, int height) {
  std::string file = make_jpeg(16, 16);
  const std::size_t frame = file.find("\xFF\xC0");
  const auto put = [&file](std::size_t at, int value) {
    file[at] = static_cast<char>(value >> 8);
    file[at + 1] = static_cast<char>(value & 255);
  };
  put(frame + 5, height);
  put(frame + 7, width);
  return file;
}

TEST_F(LimitsTest, RefusesTooManyPixelsAtTheHeader) {
  for (const auto& [width, height] :
       {std::pair{30'001, 10}, std::pair{10, 30'001}, std::pair{12'248, 12'248}}) {
    const auto seen = probe(jpeg_claiming(width, height));
    ASSERT_FALSE(seen) << width;
    EXPECT_EQ(seen.error().reason, base::Reason::TooManyPixels);
    EXPECT_EQ(reason_of(jpeg_claiming(width, height), "imageView2/2/w/10"), "too_many_pixels");
  }
  EXPECT_TRUE(probe(jpeg_claiming(30'000, 5'000)));
}

TEST_F(LimitsTest, SourcePixelsAreConfigurable) {
  ipc::RunLimits limits;
  limits.source_max = {100 * 100};
  EXPECT_TRUE(probe(make_jpeg(100, 100), limits));
  EXPECT_FALSE(probe(make_jpeg(101, 100), limits));
}

TEST_F(LimitsTest, RefusesTooManyFrames) {
  const vips::VImage frame = make_photo(16, 16);
  std::vector<vips::VImage> many;
  for (int i = 0; i < 5; ++i) many.push_back(i % 2 == 0 ? frame : frame.invert());
  vips::VImage frames =
      vips::VImage::arrayjoin(many, vips::VImage::option()->set("across", 1)).copy();
  frames.set("page-height", 16);
  const std::string file = make_file(frames, ".gif");
  ipc::RunLimits limits;
  limits.frames_max = 4;
  const auto seen = probe(file, limits);
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().reason, base::Reason::TooManyFrames);
  limits.frames_max = 5;
  EXPECT_TRUE(probe(file, limits));
}

TEST_F(LimitsTest, RefusesAResultThatIsTooLarge) {
  const std::string source = make_jpeg(400, 300);
  ipc::RunLimits limits;
  limits.result_side_px_max = 399;
  EXPECT_EQ(reason_of(source, "imageView2/0/format/jpg", limits), "result_too_large");
  EXPECT_EQ(reason_of(source, "imageView2/2/w/399", limits), "");
  limits = {};
  limits.result_max = {400 * 300 - 1};
  EXPECT_EQ(reason_of(source, "imageView2/0/format/jpg", limits), "result_too_large");
  EXPECT_EQ(reason_of(source, "imageView2/1/w/300/h/300", limits), "");
}

TEST_F(LimitsTest, TheDefaultSideIs9999) {
  const std::string source = make_file(vips::VImage::black(10'000, 2), ".png");
  EXPECT_EQ(reason_of(source, "imageView2/0/format/jpg"), "result_too_large");
  EXPECT_EQ(reason_of(source, "imageView2/2/w/9999"), "");
}

TEST_F(LimitsTest, WebpHoldsNoMoreThan16383) {
  const std::string source = make_file(vips::VImage::black(16'384, 2), ".png");
  ipc::RunLimits jobs;
  jobs.result_side_px_max = 20'000;
  EXPECT_EQ(reason_of(source, "imageView2/0/format/webp", jobs), "result_too_large");
  EXPECT_EQ(reason_of(source, "imageView2/0/format/png", jobs), "");
}

TEST_F(LimitsTest, AvifIsRefusedBeforeItIsEncoded) {
  const std::string source = make_file(vips::VImage::black(3'000, 2'561), ".png");
  EXPECT_EQ(reason_of(source, "imageView2/0/format/avif"), "result_too_large");
}

TEST_F(LimitsTest, EndsWhenTheDeadlineHasPassed) {
  const auto variant = run_pipeline(make_jpeg(400, 300), "imageView2/2/w/100", {},
                                    base::Deadline(base::Clock::now() - std::chrono::seconds(1)));
  ASSERT_FALSE(variant);
  EXPECT_EQ(variant.error().reason, base::Reason::Deadline);
}

TEST_F(LimitsTest, EndsWhenTheProcessorTimeIsSpent) {
  ipc::RunLimits limits;
  limits.cpu_max = std::chrono::milliseconds(1);
  EXPECT_EQ(reason_of(make_jpeg(3000, 2000, 95), "imageView2/0/q/95", limits),
            "task_too_expensive");
}

TEST_F(LimitsTest, AFileThatEndsEarlyIsDamaged) {
  const std::string jpeg = make_jpeg(200, 150);
  EXPECT_EQ(reason_of(jpeg.substr(0, jpeg.size() / 2), "imageView2/2/w/50"), "corrupt_media");
  EXPECT_EQ(reason_of(jpeg.substr(0, 30), "imageView2/2/w/50"), "corrupt_media");
  const std::string png = make_file(make_photo(200, 150), ".png");
  EXPECT_EQ(reason_of(png.substr(0, png.size() / 2), "imageView2/2/w/50"), "corrupt_media");
  const std::string webp = make_file(make_photo(200, 150), ".webp");
  EXPECT_EQ(reason_of(webp.substr(0, webp.size() / 2), "imageView2/2/w/50"), "corrupt_media");
}

TEST_F(LimitsTest, AWorkerThatFailedWorksOn) {
  const std::string jpeg = make_jpeg(200, 150);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(reason_of(jpeg.substr(0, jpeg.size() * 3 / 4), "imageView2/2/w/190"),
              "corrupt_media");
    EXPECT_EQ(reason_of(jpeg, "imageView2/2/w/190"), "");
  }
}

}  // namespace
}  // namespace millrace::workers::image
