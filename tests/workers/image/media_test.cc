// SPDX-License-Identifier: Apache-2.0

// Real files, where the folder of test media stands beside the repository.
#include "tests/workers/image/media.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/ssim.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

const std::set<std::string> kReadFormats = {"jpeg", "png",  "webp", "gif", "tiff", "heif",
                                            "avif", "jp2k", "jxl",  "svg", "pdf"};
// What libvips leaves to ImageMagick, and what has a reader here.
const std::set<std::string> kReadEndings = {".bmp", ".ico", ".psd"};
// Listed as readable, and are not: the file holds nothing but its header.
const std::set<std::string> kCutFiles = {"formats/x-ultrahdr.jpg"};

class MediaFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = media_folder();
    if (!folder_) GTEST_SKIP() << "no folder of test media (MILLRACE_MEDIA_DIR, or ../shared/data)";
    test_worker();
  }
  [[nodiscard]] std::string read(const MediaFile& file) const {
    return read_media(*folder_ / file.path);
  }
  std::optional<std::filesystem::path> folder_;
};

bool is_read(const MediaFile& file) {
  const std::string ending = std::filesystem::path(file.path).extension().string();
  // A gzip archive is not opened to see what is in it.
  return ending != ".svgz" && (kReadFormats.contains(file.format) || kReadEndings.contains(ending));
}

void expect_thumbnail(const MediaFile& file, const std::string& bytes) {
  const auto seen = probe(bytes);
  ASSERT_TRUE(seen) << seen.error().public_message << " " << seen.error().detail;
  EXPECT_EQ(seen->width, file.width);
  EXPECT_EQ(seen->height, file.height);
  const bool turned = seen->orientation >= 5;
  const double width = static_cast<double>(turned ? file.height : file.width);
  const double height = static_cast<double>(turned ? file.width : file.height);
  const double scale = std::min({1.0, 96 / width, 96 / height});
  const auto variant = run_pipeline(bytes, "imageView2/2/w/96/h/96/format/png");
  ASSERT_TRUE(variant) << variant.error().public_message << " " << variant.error().detail;
  EXPECT_EQ(variant->outcome.width, std::max(1L, std::lround(width * scale)));
  EXPECT_EQ(variant->outcome.height, std::max(1L, std::lround(height * scale)));
  const VImage made = decode(variant->file);
  EXPECT_EQ(made.width(), variant->outcome.width);
  EXPECT_EQ(made.get_typeof(VIPS_META_ICC_NAME), 0U);
}

TEST_F(MediaFolderTest, EveryFormatGivesAPictureOrTheRightError) {
  for (const MediaFile& file : media_files(*folder_, "formats/")) {
    SCOPED_TRACE(file.path);
    const std::string bytes = read(file);
    if (kCutFiles.contains(file.path)) {
      EXPECT_EQ(reason_of(bytes, "imageView2/2/w/96"), "corrupt_media");
    } else if (!is_read(file)) {
      EXPECT_EQ(reason_of(bytes, "imageView2/2/w/96"), "unsupported_media");
    } else if (file.width > 0) {
      expect_thumbnail(file, bytes);
    } else {  // what some version of libvips cannot open
      const std::string reason = reason_of(bytes, "imageView2/2/w/96");
      EXPECT_TRUE(reason.empty() || reason == "unsupported_media" || reason == "corrupt_media")
          << reason;
    }
  }
}

TEST_F(MediaFolderTest, EveryPhotographGivesTheThumbnailThatLibvipsGives) {
  for (const MediaFile& file : media_files(*folder_, "photos/")) {
    SCOPED_TRACE(file.path);
    const std::string bytes = read(file);
    const auto variant = run_pipeline(bytes, "imageView2/1/w/200/h/200/format/png");
    ASSERT_TRUE(variant) << variant.error().public_message;
    EXPECT_EQ(variant->outcome.media_type, "image/png");
    VipsBlob* blob = vips_blob_new(nullptr, bytes.data(), bytes.size());
    const VImage expected = VImage::thumbnail_buffer(
        blob, 200, VImage::option()->set("height", 200)->set("crop", VIPS_INTERESTING_CENTRE));
    VImage kept = expected.copy_memory();
    if (kept.get_typeof(VIPS_META_ICC_NAME) != 0) {
      kept = kept.icc_transform("srgb", VImage::option()->set("embedded", true)).copy_memory();
    }
    vips_area_unref(VIPS_AREA(blob));
    EXPECT_LT(mean_difference(decode(variant->file), kept), 2.0);
    EXPECT_LT(mean_delta_e(decode(variant->file), kept), 1.0);
  }
}

// By Lanczos3 alone, of every pixel.
VImage reduced(const VImage& whole, int width, int height) {
  const auto lanczos = [] { return VImage::option()->set("kernel", VIPS_KERNEL_LANCZOS3); };
  return whole.reducev(static_cast<double>(whole.height()) / height, lanczos())
      .reduceh(static_cast<double>(whole.width()) / width, lanczos())
      .copy_memory();
}

// A decoder leaves out what a small picture cannot show. Just above the sizes from which ours
// leaves out more than libvips', the files are as good but for what nobody sees; finest texture
// suffers most.
TEST_F(MediaFolderTest, SmallFilesOfPhotographsAreAsGoodAsThoseOfLibvips) {
  constexpr int kQuality = 80;
  constexpr double kMeanLossMax = 0.001;
  constexpr double kLossMax = 0.004;
  for (const double times : {2.85, 5.65, 14.1}) {
    double sum = 0;
    int count = 0;
    for (const MediaFile& file : media_files(*folder_, "photos/")) {
      SCOPED_TRACE(testing::Message() << file.path << ", " << times << " times smaller");
      const std::string bytes = read(file);
      const VImage whole = VImage::new_from_buffer(bytes.data(), bytes.size(), "").copy_memory();
      const int width = static_cast<int>(whole.width() / times);
      if (width < 200) continue;
      const auto variant =
          run_pipeline(bytes, fmt::format("imageView2/2/w/{}/format/jpeg/q/{}!", width, kQuality));
      ASSERT_TRUE(variant) << variant.error().public_message;
      const VImage ours = decode(variant->file);
      VipsBlob* blob = vips_blob_new(nullptr, bytes.data(), bytes.size());
      const VImage theirs = VImage::thumbnail_buffer(
          blob, width,
          VImage::option()->set("height", ours.height())->set("size", VIPS_SIZE_FORCE));
      VipsBlob* saved = theirs.jpegsave_buffer(VImage::option()->set("Q", kQuality));
      const VImage theirs_again = VImage::jpegload_buffer(saved).copy_memory();
      vips_area_unref(VIPS_AREA(saved));
      vips_area_unref(VIPS_AREA(blob));
      const Plane wanted = luma_of(reduced(whole, ours.width(), ours.height()));
      const double over =
          ssim(wanted, luma_of(ours)).mean - ssim(wanted, luma_of(theirs_again)).mean;
      EXPECT_GT(over, -kLossMax);
      sum += over;
      ++count;
    }
    ASSERT_GT(count, 0);
    EXPECT_GT(sum / count, -kMeanLossMax) << times;
  }
}

TEST_F(MediaFolderTest, StoredTurnedOrNotThePictureIsTheSame) {
  const std::string upright = read({"formats/exif-orientation-1.jpg", "jpeg"});
  const auto first = run_pipeline(upright, "imageView2/2/w/180/format/png");
  ASSERT_TRUE(first);
  for (int orientation = 2; orientation <= 8; ++orientation) {
    const auto other = run_pipeline(
        read({"formats/exif-orientation-" + std::to_string(orientation) + ".jpg", "jpeg"}),
        "imageView2/2/w/180/format/png");
    ASSERT_TRUE(other);
    EXPECT_LT(mean_difference(decode(other->file), decode(first->file)), 3.0) << orientation;
  }
}

// The same photograph, converted to each space and tagged with its profile; small, so that what
// each file has lost as a JPEG averages out.
TEST_F(MediaFolderTest, WideGamutsComeOutAsTheSameColors) {
  const auto of = [this](const char* name) {
    const auto variant = run_pipeline(read({name, ""}), "imageView2/2/w/48/format/png");
    EXPECT_TRUE(variant) << name;
    return decode(variant->file);
  };
  const VImage srgb = of("formats/icc-srgb-v4.jpg");
  for (const char* name : {"formats/icc-srgb-v2-nano.jpg", "formats/icc-displayp3-v4.jpg",
                           "formats/icc-adobecompat-v2.jpg", "formats/icc-rec2020-v4.jpg",
                           "formats/icc-prophoto-v4.jpg", "formats/png-icc-p3.png"}) {
    EXPECT_LT(mean_delta_e(of(name), srgb), 2.0) << name;
  }
}

}  // namespace
}  // namespace millrace::workers::image
