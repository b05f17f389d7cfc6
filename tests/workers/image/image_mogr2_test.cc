// SPDX-License-Identifier: Apache-2.0
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/magick.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/operations.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

// As for imageView2: lossy coding moves a band by a few steps, a shift by a pixel by tens.
constexpr double kLossyDifferenceMax = 9.0;

struct Case {
  const char* name;
  const char* items;
  Size source;
  Size result;
  // What ImageMagick is asked for.
  std::vector<std::string> magick;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class ImageMogr2Test : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

TEST_P(ImageMogr2Test, MakesThePictureOfTheReference) {
  const Case& c = GetParam();
  const VImage photo =
      make_photo(static_cast<int>(c.source.width), static_cast<int>(c.source.height));
  const std::string source = make_file(photo, ".jpg[Q=95]");
  const auto variant = run_pipeline(source, "imageMogr2/" + std::string(c.items));
  ASSERT_TRUE(variant) << variant.error().public_message;
  EXPECT_EQ((Size{variant->outcome.width, variant->outcome.height}), c.result);
  EXPECT_EQ(variant->outcome.media_type, "image/jpeg");
  const VImage made = decode(variant->file);
  ASSERT_EQ((Size{made.width(), made.height()}), c.result);
  const VImage expected = by_magick(decode(source), c.magick);
  EXPECT_LT(mean_difference(made, expected.flatten()), kLossyDifferenceMax);
}

constexpr Size kG{640, 427};

// The numbers are those of the reference's conformance cases.
INSTANTIATE_TEST_SUITE_P(
    Reference, ImageMogr2Test,
    testing::Values(
        Case{"C18", "thumbnail/!75p", kG, {480, 320}, {"-resize", "75%"}},
        Case{"C19", "thumbnail/!50p", kG, {320, 214}, {"-resize", "50%"}},
        Case{"C20", "thumbnail/700x", kG, {700, 467}, {"-resize", "700x"}},
        Case{"C21", "thumbnail/x467", kG, {700, 467}, {"-resize", "x467"}},
        Case{"C22", "thumbnail/300x300", kG, {300, 200}, {"-resize", "300x300"}},
        Case{"C23", "thumbnail/!200x200r", kG, {300, 200}, {"-resize", "200x200^"}},
        Case{"C24", "thumbnail/200x300!", kG, {200, 300}, {"-resize", "200x300!"}},
        Case{"C25", "thumbnail/200x300>", kG, {200, 133}, {"-resize", "200x300>"}},
        Case{"C26", "thumbnail/700x600<", kG, {700, 467}, {"-resize", "700x600<"}},
        Case{"C27", "thumbnail/800x600>", kG, {640, 427}, {}},
        Case{"C28", "thumbnail/350000@", kG, {724, 483}, {"-resize", "350000@"}},
        Case{"C29", "crop/300x", kG, {300, 427}, {"-crop", "300x+0+0", "+repage"}},
        Case{"C30", "crop/!300x300a30a100", kG, {300, 300}, {"-crop", "300x300+30+100", "+repage"}},
        Case{"C31", "crop/!300x300a30-100", kG, {300, 200}, {"-crop", "300x300+30-100", "+repage"}},
        Case{"C32", "crop/!300x300-30a100", kG, {270, 300}, {"-crop", "300x300-30+100", "+repage"}},
        Case{"C33", "crop/!300x300-30-100", kG, {270, 200}, {"-crop", "300x300-30-100", "+repage"}},
        Case{"C34",
             "gravity/Center/crop/300x300",
             kG,
             {300, 300},
             {"-gravity", "Center", "-crop", "300x300+0+0", "+repage"}},
        Case{"C35",
             "gravity/SouthEast/crop/300x300",
             kG,
             {300, 300},
             {"-gravity", "SouthEast", "-crop", "300x300+0+0", "+repage"}},
        Case{"C36", "rotate/90", kG, {427, 640}, {"-rotate", "90"}},
        Case{"C37Extent",
             "extent/!642x429/background/cmVk",
             kG,
             {642, 429},
             {"-background", "red", "-gravity", "Center", "-extent", "642x429"}},
        Case{"C37Border",
             "border/10x10/bordercolor/cmVk",
             kG,
             {660, 447},
             {"-bordercolor", "red", "-border", "10x10"}},
        Case{"C49", "thumbnail/!75px", kG, {480, 427}, {"-resize", "480x427!"}},
        Case{"ShrinkOnLoadBy8", "thumbnail/60x45", {2000, 1500}, {60, 45}, {"-resize", "60x45"}},
        Case{"ThumbnailThenCrop",
             "thumbnail/200x/gravity/center/crop/100x100",
             kG,
             {100, 100},
             {"-resize", "200x", "-gravity", "Center", "-crop", "100x100+0+0", "+repage"}},
        Case{"CropThenThumbnail",
             "crop/!100x100a200a150/thumbnail/50x",
             kG,
             {50, 50},
             {"-crop", "100x100+200+150", "+repage", "-resize", "50x"}},
        Case{"GravityCountsForWhatFollows",
             "crop/200x200/gravity/SouthEast/crop/50x50/gravity/North/crop/20x20",
             kG,
             {20, 20},
             {"-crop", "200x200+150+150", "+repage", "-crop", "20x20+15+0", "+repage", "-crop",
              "20x20+0+0"}},
        Case{"BlurThenThumbnail",
             "blur/8x4/thumbnail/320x",
             kG,
             {320, 214},
             {"-blur", "8x4", "-resize", "320x"}},
        Case{"BlurOfTheWild",
             "auto-orient/thumbnail/200x/blur/1x0",
             kG,
             {200, 133},
             {"-resize", "200x"}},
        Case{"TurnedTwice",
             "rotate/90/thumbnail/100x/rotate/90",
             kG,
             {150, 100},
             {"-rotate", "90", "-resize", "100x", "-rotate", "90"}},
        Case{"Grey",
             "thumbnail/100x/colorspace/gray",
             kG,
             {100, 67},
             {"-resize", "100x", "-colorspace", "LinearGray", "-colorspace", "sRGB"}}),
    [](const auto& info) { return info.param.name; });

class ImageMogr2OrientationTest : public testing::TestWithParam<int> {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

VImage decode_as_stored(const std::string& file) {
  return VImage::new_from_buffer(file.data(), file.size(), "").copy_memory();
}

// Cases 16 and 17 for all eight: as stored unless told otherwise, and seen upright in any case.
TEST_P(ImageMogr2OrientationTest, WorksOnTheStoredPictureAndKeepsTheTag) {
  const int orientation = GetParam();
  const bool turned = orientation >= 5;
  const std::string source = make_oriented_jpeg(640, 427, orientation);
  for (const char* format : {"jpg", "png", "webp"}) {
    const auto variant =
        run_pipeline(source, std::string("imageMogr2/thumbnail/200x/quality/95!/format/") + format);
    ASSERT_TRUE(variant) << variant.error().public_message;
    const Size stored = turned ? Size{200, 300} : Size{200, 133};
    EXPECT_EQ((Size{variant->outcome.width, variant->outcome.height}), stored) << format;
    const auto seen = probe(variant->file);
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->orientation, orientation) << format;
    const VImage upright = decode(variant->file);
    EXPECT_LT(mean_difference(upright,
                              resized(make_photo(640, 427), {upright.width(), upright.height()})),
              kLossyDifferenceMax)
        << format;
  }
}

TEST_P(ImageMogr2OrientationTest, AutoOrientTurnsItUpright) {
  const std::string source = make_oriented_jpeg(640, 427, GetParam());
  const auto variant = run_pipeline(source, "imageMogr2/auto-orient/thumbnail/200x");
  ASSERT_TRUE(variant);
  EXPECT_EQ((Size{variant->outcome.width, variant->outcome.height}), (Size{200, 133}));
  EXPECT_EQ(probe(variant->file)->orientation, 1);
  const VImage made = decode_as_stored(variant->file);
  EXPECT_LT(mean_difference(made, make_photo(640, 427).thumbnail_image(200)), kLossyDifferenceMax);
}

TEST_P(ImageMogr2OrientationTest, AutoOrientWorksAtAnyPlaceAndOnlyOnce) {
  const std::string source = make_oriented_jpeg(640, 427, GetParam());
  const auto variant =
      run_pipeline(source, "imageMogr2/thumbnail/!50p/auto-orient/crop/!100x80a30a20/auto-orient");
  ASSERT_TRUE(variant);
  const VImage expected = make_photo(640, 427).resize(0.5).extract_area(30, 20, 100, 80);
  EXPECT_LT(mean_difference(decode_as_stored(variant->file), expected), kLossyDifferenceMax);
}

TEST_P(ImageMogr2OrientationTest, StripForgetsTheTag) {
  const int orientation = GetParam();
  const std::string source = make_oriented_jpeg(640, 427, orientation);
  for (const char* items : {"strip/thumbnail/200x", "thumbnail/200x/strip", "strip"}) {
    const auto variant = run_pipeline(source, "imageMogr2/" + std::string(items));
    ASSERT_TRUE(variant);
    EXPECT_EQ(probe(variant->file)->orientation, 1);
    EXPECT_EQ(variant->outcome.width > variant->outcome.height, orientation < 5);
    const VImage made = decode_as_stored(variant->file);
    EXPECT_LT(
        mean_difference(made, resized(decode_as_stored(source), {made.width(), made.height()})),
        kLossyDifferenceMax)
        << items;
  }
}

TEST_P(ImageMogr2OrientationTest, TheNextCommandSeesItUpright) {
  const std::string source = make_oriented_jpeg(640, 427, GetParam());
  const auto variant = run_pipeline(source, "imageMogr2/thumbnail/!50p|imageView2/2/w/100");
  ASSERT_TRUE(variant);
  EXPECT_EQ((Size{variant->outcome.width, variant->outcome.height}), (Size{100, 67}));
  EXPECT_LT(
      mean_difference(decode_as_stored(variant->file), make_photo(640, 427).thumbnail_image(100)),
      kLossyDifferenceMax);
}

INSTANTIATE_TEST_SUITE_P(Exif, ImageMogr2OrientationTest, testing::Range(1, 9));

class ImageMogr2SettingsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
  static Variant made(const std::string& source, const std::string& pipeline) {
    auto variant = run_pipeline(source, pipeline);
    EXPECT_TRUE(variant) << pipeline << ": " << variant.error().public_message;
    return variant ? *variant : Variant{};
  }
};

TEST_F(ImageMogr2SettingsTest, FormatQualityInterlaceAndColors) {
  const std::string source = make_file(make_photo(320, 200), ".png");
  EXPECT_EQ(made(source, "imageMogr2/thumbnail/100x").outcome.media_type, "image/png");
  EXPECT_EQ(made(source, "imageMogr2/format/webp/thumbnail/100x").outcome.media_type, "image/webp");
  EXPECT_LT(made(source, "imageMogr2/format/jpg/quality/30").file.size(),
            made(source, "imageMogr2/format/jpg/quality/90").file.size());
  EXPECT_NE(made(source, "imageMogr2/format/jpg/interlace/1").file.find("\xFF\xC2"),
            std::string::npos);
  EXPECT_LT(made(source, "imageMogr2/colors/4").file.size(),
            made(source, "imageMogr2/colors/256").file.size());
  const std::string poor = make_jpeg(300, 200, 30);
  EXPECT_LT(made(poor, "imageMogr2/quality/90").file.size() * 2,
            made(poor, "imageMogr2/quality/90!").file.size());
}

TEST_F(ImageMogr2SettingsTest, CopyKeepsTheFormatOfTheSource) {
  EXPECT_EQ(made(make_file(make_photo(64, 48), ".webp"), "imageMogr2/format/copy/thumbnail/32x")
                .outcome.media_type,
            "image/webp");
  const std::string avif =
      made(make_file(make_photo(64, 48), ".png"), "imageMogr2/format/avif").file;
  EXPECT_EQ(made(avif, "imageMogr2/thumbnail/32x").outcome.media_type, "image/jpeg");
  EXPECT_EQ(made(avif, "imageMogr2/thumbnail/32x/format/copy").outcome.media_type, "image/avif");
  EXPECT_EQ(made(avif, "imageView2/2/w/32|imageMogr2/format/copy").outcome.media_type,
            "image/jpeg");
}

TEST_F(ImageMogr2SettingsTest, DensityIsWritten) {
  const std::string source = make_jpeg(64, 48);
  for (const int dpi : {2, 72, 300, 1200}) {
    for (const char* format : {"jpg", "png"}) {
      const Variant variant =
          made(source, "imageMogr2/density/" + std::to_string(dpi) + "/format/" + format);
      const VImage image = decode_as_stored(variant.file);
      EXPECT_NEAR(image.xres() * 25.4, dpi, 0.5) << format;
      EXPECT_NEAR(image.yres() * 25.4, dpi, 0.5) << format;
    }
  }
}

TEST_F(ImageMogr2SettingsTest, SizeLimitLowersTheQualityOfAJpeg) {
  const std::string source = make_file(make_photo(400, 300), ".png");
  const std::size_t whole = made(source, "imageMogr2/format/jpg").file.size();
  ASSERT_GT(whole, 10'000U);
  const Variant fits = made(source, "imageMogr2/format/jpg/size-limit/8k");
  EXPECT_LE(fits.file.size(), 8'192U);
  EXPECT_GT(fits.file.size(), 7'500U);
  EXPECT_EQ(fits.outcome.media_type, "image/jpeg");
  EXPECT_EQ(fits.outcome.width, 400);
  EXPECT_LT(mean_difference(decode(fits.file), make_photo(400, 300)), kLossyDifferenceMax);
  // What fits anyway is the same file; what cannot fit is the smallest there is.
  EXPECT_EQ(made(source, "imageMogr2/format/jpg/size-limit/900k").file,
            made(source, "imageMogr2/format/jpg").file);
  EXPECT_LE(made(source, "imageMogr2/format/jpg/size-limit/10").file.size(),
            made(source, "imageMogr2/format/jpg/quality/1!").file.size());
}

TEST_F(ImageMogr2SettingsTest, SizeLimitOfOtherFormatsNeedsItsMark) {
  const std::string source = make_file(make_photo(400, 300), ".png");
  const Variant plain = made(source, "imageMogr2/format/webp");
  EXPECT_EQ(made(source, "imageMogr2/format/webp/size-limit/5k").file, plain.file);
  const Variant strict = made(source, "imageMogr2/format/webp/size-limit/5k!");
  EXPECT_LE(strict.file.size(), 5'120U);
  EXPECT_EQ(strict.outcome.media_type, "image/webp");
}

// Case 48.
TEST_F(ImageMogr2SettingsTest, AStrictLimitThatCannotBeMetGivesTheOriginal) {
  const std::string jpeg = make_oriented_jpeg(640, 427, 6);
  const std::string png = make_file(make_photo(320, 200), ".png");
  for (const auto& [source, pipeline, media_type] :
       {std::tuple{jpeg, "imageMogr2/thumbnail/600x/size-limit/100!", "image/jpeg"},
        {png, "imageMogr2/size-limit/15k!", "image/png"},
        {png, "imageMogr2/format/gif/size-limit/1!", "image/png"},
        {png, "imageView2/2/w/100|imageMogr2/format/jpg/size-limit/1!", "image/png"}}) {
    const Variant variant = made(source, pipeline);
    EXPECT_EQ(variant.file, source) << pipeline;
    EXPECT_EQ(variant.outcome.media_type, media_type);
    EXPECT_EQ(variant.outcome.headers.at("X-Millrace-Note"), "size-limit-not-met");
  }
  EXPECT_EQ(made(jpeg, "imageMogr2/thumbnail/600x/size-limit/100!").outcome.width, 427);
}

TEST_F(ImageMogr2SettingsTest, FsizeIsTheSizeOfTheOriginal) {
  const std::string source = make_jpeg(400, 300, 20);
  const Variant free = made(source, "imageMogr2/quality/95!");
  ASSERT_GT(free.file.size(), source.size());
  const Variant bound = made(source, "imageMogr2/quality/95!/size-limit/$(fsize)");
  EXPECT_LE(bound.file.size(), source.size());
  EXPECT_NE(bound.file, source);
}

TEST_F(ImageMogr2SettingsTest, ALimitedFileIsWhatTheNextCommandFinds) {
  const std::string source = make_file(make_photo(400, 300), ".png");
  const Variant next = made(source, "imageMogr2/format/jpg/size-limit/5k|imageView2/2/w/400/q/90");
  EXPECT_LE(next.file.size(), 6'000U);  // no more quality than was left
  EXPECT_EQ(made(source, "imageMogr2/format/jpg/size-limit/5k|imageInfo").outcome.media_type,
            "application/json");
}

TEST_F(ImageMogr2SettingsTest, ColoursReachRotateAndWhatIsTransparent) {
  const std::string source = make_file(make_photo_with_alpha(60, 40), ".png");
  const auto corner = [&](const std::string& items) {
    return decode(made(source, "imageMogr2/" + items).file).getpoint(0, 0);
  };
  EXPECT_EQ(corner("rotate/45"), (std::vector<double>{255, 255, 255, 255}));
  EXPECT_EQ(corner("rotate/45/background/cmVk"), (std::vector<double>{255, 0, 0, 255}));
  EXPECT_EQ(corner("background/dHJhbnNwYXJlbnQ/rotate/45")[3], 0);
  EXPECT_EQ(corner("extent/60x40/background/cmVk")[0], 255);
  EXPECT_EQ(corner("extent/80x60/background/IzAwRkYwMDgw"), (std::vector<double>{0, 255, 0, 128}));
  EXPECT_EQ(corner("border/1x1/bordercolor/cmVk"), (std::vector<double>{255, 0, 0, 255}));
  EXPECT_EQ(corner("border/1x1/background/cmVk"), (std::vector<double>{255, 255, 255, 255}));
}

TEST_F(ImageMogr2SettingsTest, RefusesWhatItDoesNotKnow) {
  const std::string source = make_jpeg(64, 48);
  for (const char* items : {"",
                            "/thumbnail",
                            "/thumbnail/0x",
                            "/thumbnail/10000x",
                            "/thumbnail/!0p",
                            "/thumbnail/!1000p",
                            "/thumbnail/25000000@",
                            "/thumbnail/20x30!!",
                            "/crop/10001x",
                            "/crop/!300x300a30",
                            "/gravity/Middle",
                            "/rotate/0",
                            "/rotate/361",
                            "/rotate/-1",
                            "/blur/0x1",
                            "/blur/51x1",
                            "/blur/3",
                            "/blur/3x1.2345",
                            "/sharpen/2",
                            "/extent/0x5",
                            "/extent/!5",
                            "/border/5",
                            "/border/10000x1",
                            "/background/red",
                            "/density/0",
                            "/density/1201",
                            "/colors/3",
                            "/colorspace/cmyk",
                            "/size-limit/0",
                            "/size-limit/5g",
                            "/size-limit/!5k",
                            "/strip/strip",
                            "/format/jpg/format/png",
                            "/auto-orient/1",
                            "/quality/101",
                            "/crop/!10x10a64a0"}) {
    EXPECT_EQ(reason_of(source, "imageMogr2" + std::string(items)), "bad_parameter") << items;
  }
  for (const char* items :
       {"/thumbnail/1x", "/thumbnail/!999p", "/crop/10000x10000", "/crop/0x0", "/rotate/1",
        "/rotate/360", "/blur/50x1000", "/blur/1x0.001", "/sharpen/0", "/border/0x0",
        "/density/1200", "/colorspace/sRGB", "/gravity/southeast", "/thumbnail/24999999@/crop/9x9",
        "/strip", "/ignore-error/1", "/thumbnail/50x/thumbnail/40x/thumbnail/60x"}) {
    EXPECT_EQ(reason_of(source, "imageMogr2" + std::string(items)), "") << items;
  }
}

TEST_F(ImageMogr2SettingsTest, ResultsAreHeldToTheirLimits) {
  const std::string source = make_jpeg(400, 300);
  ipc::RunLimits limits;
  limits.result_max = {100'000};
  limits.result_side_px_max = 500;
  EXPECT_EQ(reason_of(source, "imageMogr2/rotate/90", limits), "result_too_large");
  EXPECT_EQ(reason_of(source, "imageMogr2/thumbnail/!200p/crop/10x10", limits), "result_too_large");
  EXPECT_EQ(reason_of(source, "imageMogr2/crop/10x10/border/300x0", limits), "result_too_large");
  EXPECT_EQ(reason_of(source, "imageMogr2/rotate/90/crop/300x300", limits), "");
  EXPECT_EQ(reason_of(source, "imageMogr2/thumbnail/364x", limits), "");
  EXPECT_EQ(reason_of(source, "imageMogr2/thumbnail/365x", limits), "result_too_large");
}

}  // namespace
}  // namespace millrace::workers::image
