// SPDX-License-Identifier: Apache-2.0

// q/auto, max-bytes and format/best through the worker: what is found is measured here again.
#include "workers/image/result_file.h"

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/media.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/proxy.h"
#include "workers/image/quality_search.h"
#include "workers/image/ssim.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

// What is found on squares of the picture, and what that is in the whole of it.
constexpr double kProxyTolerance = 0.012;

const std::vector<OutputFormat>& formats_with_quality() {
  static const std::vector<OutputFormat> formats = [] {
    std::vector<OutputFormat> written;
    std::ranges::copy_if(kOutputFormats, std::back_inserter(written), has_quality);
    return written;
  }();
  return formats;
}

VImage on_white(const VImage& image) {
  if (!image.has_alpha()) return image.copy_memory();
  return image.flatten(VImage::option()->set("background", std::vector<double>{255, 255, 255}))
      .copy_memory();
}

Variant made(const std::string& input, const std::string& pipeline) {
  auto variant = run_pipeline(input, pipeline);
  EXPECT_TRUE(variant) << pipeline << ": " << variant.error().public_message << " "
                       << variant.error().detail;
  return variant ? *std::move(variant) : Variant{};
}

// Of a file of any format: JPEG XL has a reader here alone.
VImage shown(const std::string& file) {
  return decode(made(file, "imageMogr2/auto-orient/format/png").file);
}

// Against the same picture without a loss.
double likeness(const std::string& input, const std::string& pipeline, const Variant& variant) {
  const Variant exact = made(input, pipeline + "/format/png");
  return ssim(luma_of(on_white(decode(exact.file))), luma_of(on_white(shown(variant.file)))).mean;
}

std::string header(const Variant& variant) {
  const auto found = variant.outcome.headers.find(std::string(kQualityHeader));
  return found == variant.outcome.headers.end() ? "" : found->second;
}
int told_quality(const Variant& variant) { return std::atoi(header(variant).c_str() + 2); }
double told_ssim(const Variant& variant) {
  const std::string text = header(variant);
  const std::size_t at = text.find("ssim=");
  return at == std::string::npos ? 0 : std::stod(text.substr(at + 5));
}

class ResultFileTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

class AutoQualityTest : public ResultFileTest {};

TEST_F(AutoQualityTest, ReachesItsLikenessInEveryFormat) {
  const std::string source = make_file(make_photo(960, 640), ".png");
  for (const OutputFormat format : formats_with_quality()) {
    for (const auto& [word, ssim_min] :
         {std::pair{"auto", kSsimAuto}, {"auto.high", kSsimHigh}, {"auto.low", kSsimLow}}) {
      const std::string base = "imageView2/2/w/640";
      const Variant variant =
          made(source, base + "/format/" + std::string(word_of(format)) + "/q/" + word);
      const QualityRange range = quality_range(format);
      const int quality = told_quality(variant);
      EXPECT_GE(quality, range.low_pct);
      EXPECT_LE(quality, range.high_pct);
      const double reached = likeness(source, base, variant);
      EXPECT_NEAR(reached, told_ssim(variant), kProxyTolerance) << word_of(format) << " " << word;
      if (quality < range.high_pct) {
        EXPECT_GE(reached, ssim_min - kProxyTolerance) << word_of(format) << " " << word;
      }
      if (quality > range.low_pct) {
        EXPECT_LE(told_ssim(variant), ssim_min + 0.025) << word_of(format) << " " << word;
      }
    }
  }
}

TEST_F(AutoQualityTest, IsTheFileOfTheQualityThatItTells) {
  const std::string source = make_file(make_photo(640, 480), ".png");
  for (const OutputFormat format : formats_with_quality()) {
    const std::string base = "imageView2/2/w/300/format/" + std::string(word_of(format)) + "/q/";
    const Variant variant = made(source, base + "auto");
    EXPECT_EQ(variant.file, made(source, base + std::to_string(told_quality(variant))).file)
        << word_of(format);
  }
}

TEST_F(AutoQualityTest, IsNeverAboveWhatIsLeftOfAJpeg) {
  const std::string poor = make_jpeg(640, 427, 30);
  for (const OutputFormat format : formats_with_quality()) {
    const Variant same =
        made(poor, "imageView2/2/w/640/q/auto.high/format/" + std::string(word_of(format)));
    EXPECT_LE(told_quality(same), 31) << word_of(format);
  }
  // Half the size: the quality is worth twice as much.
  EXPECT_LE(told_quality(made(poor, "imageView2/2/w/320/q/auto.high")), 61);
}

TEST_F(AutoQualityTest, EveryCommandWithAQualityHasIt) {
  const std::string source = make_jpeg(400, 300, 90);
  for (const char* pipeline :
       {"imageView2/1/w/200/h/200/q/auto", "imageMogr2/thumbnail/200x/quality/auto",
        "smartcrop/200x200/q/auto", "trim/q/auto", "imageView/2/w/200/q/auto",
        "watermark/2/text/TWlsbHJhY2U=/q/auto"}) {
    EXPECT_GT(told_quality(made(source, pipeline)), 0) << pipeline;
  }
}

TEST_F(AutoQualityTest, CountsForNothingWhereThereIsNoQuality) {
  const std::string source = make_file(make_photo(200, 150), ".png");
  for (const char* format : {"png", "gif", "bmp", "webp/lossless/1"}) {
    const std::string base = std::string("imageView2/2/w/100/format/") + format;
    const Variant variant = made(source, base + "/q/auto");
    EXPECT_EQ(header(variant), "") << format;
    EXPECT_EQ(variant.file, made(source, base).file) << format;
  }
}

TEST_F(AutoQualityTest, OfTransparentPicturesWhatShowsCounts) {
  const std::string source = make_file(make_photo_with_alpha(500, 400), ".png");
  const Variant variant = made(source, "imageView2/2/w/400/format/webp/q/auto");
  EXPECT_TRUE(decode(variant.file).has_alpha());
  EXPECT_NEAR(likeness(source, "imageView2/2/w/400", variant), told_ssim(variant), kProxyTolerance);
}

TEST_F(AutoQualityTest, TheHeaderGoesWithItsFile) {
  const std::string source = make_jpeg(300, 200, 90);
  EXPECT_EQ(header(made(source, "imageView2/2/w/200/q/auto|imageView2/2/w/100")), "");
  EXPECT_NE(header(made(source, "imageView2/2/w/200/q/auto|imageslim")), "");
  EXPECT_EQ(header(made(source, "imageView2/2/w/200/q/70")), "");
}

TEST_F(AutoQualityTest, RefusesOtherWords) {
  const std::string source = make_jpeg(60, 40);
  for (const char* word :
       {"auto!", "AUTO", "auto.", "auto.best", "automatic", "0", "101", "best"}) {
    EXPECT_EQ(reason_of(source, std::string("imageView2/2/w/30/q/") + word), "bad_parameter")
        << word;
  }
}

class MaxBytesTest : public ResultFileTest {};

TEST_F(MaxBytesTest, HoldsForRandomSizes) {
  const std::string source = make_file(make_photo(480, 320), ".png");
  std::mt19937 dice(20);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same sizes each time
  const std::vector<OutputFormat>& formats = formats_with_quality();
  for (int i = 0; i < 20; ++i) {
    const OutputFormat format = formats[static_cast<std::size_t>(i) % formats.size()];
    const std::string base = "imageView2/2/w/240/format/" + std::string(word_of(format));
    const std::size_t full = made(source, base).file.size();
    const std::size_t least = made(source, base + "/q/1!").file.size();
    const std::size_t bytes_max =
        std::uniform_int_distribution<std::size_t>(least, full + full / 10)(dice);
    const Variant variant = made(source, base + "/max-bytes/" + std::to_string(bytes_max));
    EXPECT_LE(variant.file.size(), bytes_max) << word_of(format);
    if (bytes_max >= full) {
      EXPECT_EQ(variant.file.size(), full);
      EXPECT_EQ(header(variant), "");
      continue;
    }
    // The next quality would not fit.
    const int quality = told_quality(variant);
    EXPECT_GT(made(source, base + "/q/" + std::to_string(quality + 1)).file.size(), bytes_max)
        << word_of(format) << " " << quality;
  }
}

TEST_F(MaxBytesTest, KnowsItsUnits) {
  const std::string source = make_file(make_photo(480, 320), ".png");
  const std::string base = "imageView2/0/format/jpg/q/95/max-bytes/";
  const Variant bytes = made(source, base + "10240");
  EXPECT_LE(bytes.file.size(), 10'240U);
  EXPECT_EQ(made(source, base + "10k").file, bytes.file);
  EXPECT_EQ(made(source, base + "10K").file, bytes.file);
  const Variant all = made(source, "imageView2/0/format/jpg/q/95");
  for (const char* roomy : {"1m", "1M", "999m", "999999k", "999999999"}) {
    EXPECT_EQ(made(source, base + roomy).file, all.file) << roomy;
  }
  for (const char* bad : {"0", "0k", "1000m", "1000000k", "1000000000", "10kb", "-1", "10k!",
                          "$(fsize)", "k", "1.5m"}) {
    EXPECT_EQ(reason_of(source, base + bad), "bad_parameter") << bad;
  }
}

TEST_F(MaxBytesTest, RefusesWhatNoQualityMakesFit) {
  const std::string source = make_file(make_photo(320, 200), ".png");
  for (const OutputFormat format : formats_with_quality()) {
    const std::string base = "imageView2/0/format/" + std::string(word_of(format));
    const std::size_t least = made(source, base + "/q/1!").file.size();
    EXPECT_EQ(made(source, base + "/max-bytes/" + std::to_string(least)).file.size(), least);
    const auto refused = run_pipeline(source, base + "/max-bytes/" + std::to_string(least - 1));
    ASSERT_FALSE(refused) << word_of(format);
    EXPECT_EQ(refused.error().reason, base::Reason::ResultTooLarge);
    EXPECT_NE(refused.error().public_message.find(std::to_string(least)), std::string::npos)
        << refused.error().public_message;
  }
}

TEST_F(MaxBytesTest, FormatsWithoutQualityFitOrAreRefused) {
  const std::string source = make_file(make_photo(320, 200), ".png");
  for (const char* format : {"png", "gif", "tiff", "bmp", "webp/lossless/1"}) {
    const std::string base = std::string("imageView2/2/w/100/format/") + format;
    const std::size_t bytes = made(source, base).file.size();
    EXPECT_EQ(made(source, base + "/max-bytes/" + std::to_string(bytes)).file.size(), bytes);
    const auto refused = run_pipeline(source, base + "/max-bytes/" + std::to_string(bytes - 1));
    ASSERT_FALSE(refused) << format;
    EXPECT_EQ(refused.error().reason, base::Reason::ResultTooLarge);
    EXPECT_NE(refused.error().public_message.find(std::to_string(bytes)), std::string::npos);
  }
}

TEST_F(MaxBytesTest, StartsFromTheQualityOfAuto) {
  const std::string source = make_file(make_photo(480, 320), ".png");
  const Variant free = made(source, "imageView2/0/format/jpg/q/auto");
  const auto fit = [&](std::size_t bytes) {
    return made(source, "imageView2/0/format/jpg/q/auto/max-bytes/" + std::to_string(bytes));
  };
  EXPECT_EQ(fit(free.file.size()).file, free.file);
  EXPECT_EQ(header(fit(free.file.size())), header(free));
  const Variant tight = fit(free.file.size() * 2 / 3);
  EXPECT_LE(tight.file.size(), free.file.size() * 2 / 3);
  EXPECT_LT(told_quality(tight), told_quality(free));
}

TEST_F(MaxBytesTest, ExcludesSizeLimit) {
  EXPECT_EQ(reason_of(make_jpeg(60, 40), "imageMogr2/size-limit/9k/max-bytes/9k"), "bad_parameter");
}

std::string animation(int frames, int width, int height, const char* suffix) {
  std::vector<VImage> all;
  const VImage photo = make_photo(width + frames * 4, height);
  for (int i = 0; i < frames; ++i) all.push_back(photo.crop(4 * i, 0, width, height));
  VImage roll = VImage::arrayjoin(all, VImage::option()->set("across", 1)).copy();
  roll.set("page-height", height);
  roll.set("delay", std::vector<int>(static_cast<std::size_t>(frames), 80));
  return make_file(roll, suffix);
}

TEST_F(MaxBytesTest, AnAnimationKeepsItsFrames) {
  const std::string source = animation(6, 160, 120, ".gif");
  const std::string base = "imageView2/0/format/webp";
  const std::size_t full = made(source, base).file.size();
  const Variant variant = made(source, base + "/max-bytes/" + std::to_string(full * 2 / 3));
  EXPECT_LE(variant.file.size(), full * 2 / 3);
  EXPECT_EQ(variant.outcome.frames, 6);
  EXPECT_EQ(probe(variant.file)->frames, 6);
}

class BestFormatTest : public ResultFileTest {
 protected:
  static std::vector<std::string> allowed() {
    return {"best", "best.webp", "best.avif", "best.avif.webp", "best.jxl", "best.jxl.webp"};
  }
};

// Of each format in question, at the likeness that is asked for.
TEST_F(BestFormatTest, IsNoLargerThanAnyOtherAtThatLikeness) {
  const std::string photo = make_file(make_photo(900, 600), ".png");
  for (const std::string& word : allowed()) {
    const std::string base = "imageView2/2/w/500/q/auto/format/";
    const Variant best = made(photo, base + word);
    std::vector<std::string> others = {"png"};
    for (const char* format : {"jpg", "avif", "jxl", "webp"}) {
      const bool by_all = std::string_view(format) == "jpg";
      if (by_all || word.find(format) != std::string::npos) others.emplace_back(format);
    }
    for (const std::string& other : others) {
      EXPECT_LE(best.file.size(), made(photo, base + other).file.size()) << word << " " << other;
    }
    EXPECT_GE(likeness(photo, "imageView2/2/w/500", best), kSsimAuto - kProxyTolerance) << word;
    std::string same_set = word;
    same_set.replace(0, 4, "auto");
    EXPECT_LE(best.file.size(), made(photo, base + same_set).file.size()) << word;
  }
}

TEST_F(BestFormatTest, GivesTheFileOfTheFormatThatItChose) {
  const std::string jpeg = make_jpeg(640, 480, 90);
  for (const std::string& word : allowed()) {
    const Variant best = made(jpeg, "imageView2/2/w/300/format/" + word);
    const std::string kind = best.outcome.media_type.substr(6);
    EXPECT_EQ(best.outcome.media_type.substr(0, 6), "image/");
    EXPECT_EQ(probe(best.file)->media_type, best.outcome.media_type);
    EXPECT_EQ(best.file, made(jpeg, "imageView2/2/w/300/format/" + kind + "/q/" +
                                        std::to_string(told_quality(best)))
                             .file)
        << word;
  }
}

TEST_F(BestFormatTest, KeepsTransparency) {
  const std::string png = make_file(make_photo_with_alpha(300, 200), ".png");
  for (const std::string& word : allowed()) {
    const Variant best = made(png, "imageView2/2/w/200/format/" + word);
    EXPECT_NE(best.outcome.media_type, "image/jpeg") << word;
    EXPECT_TRUE(shown(best.file).has_alpha()) << word;
  }
  EXPECT_EQ(made(png, "imageView2/2/w/200/format/best").outcome.media_type, "image/png");
}

TEST_F(BestFormatTest, ADrawingStaysAPng) {
  // A chess board of 8 px: lossy formats spend bytes on its edges.
  const VImage board =
      ((VImage::xyz(400, 300).extract_band(0) / 8 + VImage::xyz(400, 300).extract_band(1) / 8) & 1)
          .linear(255, 0)
          .cast(VIPS_FORMAT_UCHAR)
          .bandjoin(std::vector<double>{128, 0})
          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const std::string png = make_file(board, ".png");
  const Variant best = made(png, "imageView2/0/format/best.webp");
  EXPECT_EQ(best.outcome.media_type, "image/png");
  EXPECT_EQ(mean_difference(decode(best.file), decode(png)), 0);
}

TEST_F(BestFormatTest, OfAnAnimationEncodesAllAndKeepsItsFrames) {
  for (const char* suffix : {".gif", ".webp"}) {
    const std::string source = animation(5, 120, 90, suffix);
    const Variant gif = made(source, "imageView2/0/format/best");
    EXPECT_EQ(gif.outcome.media_type, "image/gif");
    EXPECT_EQ(gif.outcome.frames, 5);
    const Variant best = made(source, "imageView2/0/format/best.avif.webp");
    EXPECT_EQ(best.outcome.frames, 5);
    EXPECT_EQ(probe(best.file)->frames, 5);
    EXPECT_LE(best.file.size(), gif.file.size());
    EXPECT_LE(best.file.size(), made(source, "imageView2/0/format/webp/q/auto").file.size());
  }
}

TEST_F(BestFormatTest, ANumberAsksForTheLikenessOfAJpegOfThatQuality) {
  const std::string photo = make_file(make_photo(300, 220), ".png");
  for (const char* quality : {"50", "85"}) {
    const std::string base = "imageView2/2/w/250";
    const Variant jpeg = made(photo, base + "/format/jpg/q/" + quality);
    const Variant best = made(photo, base + "/format/best.webp/q/" + quality);
    EXPECT_LE(best.file.size(), jpeg.file.size());
    EXPECT_GE(likeness(photo, base, best), likeness(photo, base, jpeg) - 1e-3) << quality;
  }
}

TEST_F(BestFormatTest, LosslessKeepsEveryPixel) {
  const std::string photo = make_file(make_photo(200, 150), ".png");
  const Variant best = made(photo, "imageView2/0/lossless/1/format/best.webp");
  EXPECT_EQ(mean_difference(shown(best.file), decode(photo)), 0);
  EXPECT_LE(best.file.size(), made(photo, "imageView2/0/format/png").file.size());
}

TEST_F(BestFormatTest, FitsIntoMaxBytes) {
  const std::string photo = make_file(make_photo(400, 300), ".png");
  const std::size_t free = made(photo, "imageView2/0/format/best.webp").file.size();
  const Variant tight =
      made(photo, "imageView2/0/format/best.webp/max-bytes/" + std::to_string(free / 2));
  EXPECT_LE(tight.file.size(), free / 2);
}

TEST_F(BestFormatTest, RefusesWordsThatNobodyNeeds) {
  const std::string jpeg = make_jpeg(60, 40);
  for (const char* word : {"best.", "best.webp.avif", "best.png", "bestof"}) {
    EXPECT_EQ(reason_of(jpeg, std::string("imageView2/2/w/30/format/") + word), "bad_parameter")
        << word;
  }
}

// Photographs, where the folder of test media stands beside the repository.
TEST_F(AutoQualityTest, HoldsOnPhotographs) {
  const auto folder = media_folder();
  if (!folder) GTEST_SKIP() << "no folder of test media (MILLRACE_MEDIA_DIR, or ../shared/data)";
  for (const MediaFile& file : media_files(*folder, "photos/")) {
    const std::string photo = read_media(*folder / file.path);
    const std::string base = "imageView2/2/w/1000/h/1000";
    for (const OutputFormat format : {OutputFormat::Jpeg, OutputFormat::Webp}) {
      const Variant variant = made(photo, base + "/q/auto/format/" + std::string(word_of(format)));
      const double reached = likeness(photo, base, variant);
      SCOPED_TRACE(file.path + " " + header(variant) + " " + std::to_string(reached));
      EXPECT_NEAR(reached, told_ssim(variant), kProxyTolerance);
      if (told_quality(variant) < quality_range(format).high_pct) {
        EXPECT_GE(reached, kSsimAuto - kProxyTolerance);
      }
    }
  }
}

}  // namespace
}  // namespace millrace::workers::image
