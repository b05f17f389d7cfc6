// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/documents.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/readers/byte_maker.h"
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

// --- colours that are said by numbers, against the formulas of the standards ---

double srgb_light(double value) {
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}
double srgb_value(double light) {
  const double l = std::clamp(light, 0.0, 1.0);
  return l <= 0.0031308 ? 12.92 * l : 1.055 * std::pow(l, 1 / 2.4) - 0.055;
}

using Rgb = std::array<double, 3>;

// The matrix between linear Display P3 and linear sRGB (both D65).
Rgb srgb_from_p3(const Rgb& p3) {
  const double r = srgb_light(p3[0]);
  const double g = srgb_light(p3[1]);
  const double b = srgb_light(p3[2]);
  return {srgb_value(1.2249 * r - 0.2247 * g), srgb_value(-0.0420 * r + 1.0419 * g),
          srgb_value(-0.0197 * r - 0.0786 * g + 1.0979 * b)};
}

Rgb srgb_from_linear(const Rgb& light) {
  return {srgb_value(light[0]), srgb_value(light[1]), srgb_value(light[2])};
}

// SMPTE ST 2084, with 203 cd/m2 as white; sRGB's primaries.
Rgb srgb_from_pq(const Rgb& coded) {
  Rgb out{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double p = std::pow(coded.at(i), 1 / 78.84375);
    const double nits = 10'000 * std::pow(std::max(p - 0.8359375, 0.0) / (18.8515625 - 18.6875 * p),
                                          1 / 0.1593017578125);
    out.at(i) = srgb_value(nits / 203);
  }
  return out;
}

VImage computed(const VImage& coded, Rgb (*formula)(const Rgb&)) {
  const VImage memory = coded.copy_memory();
  const auto* pixels = static_cast<const std::uint8_t*>(memory.data());
  std::vector<std::uint8_t> out(VIPS_IMAGE_SIZEOF_IMAGE(memory.get_image()));
  for (std::size_t i = 0; i + 2 < out.size(); i += 3) {
    const Rgb rgb = formula({pixels[i] / 255.0, pixels[i + 1] / 255.0, pixels[i + 2] / 255.0});
    for (std::size_t k = 0; k < 3; ++k) {
      out[i + k] = static_cast<std::uint8_t>(std::lround(rgb.at(k) * 255));
    }
  }
  return VImage(vips_image_new_from_memory_copy(out.data(), out.size(), memory.width(),
                                                memory.height(), 3, VIPS_FORMAT_UCHAR))
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

std::uint32_t crc_of(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

// Behind IHDR.
std::string with_chunk(std::string png, const std::string& type, const std::string& body) {
  const std::string chunk =
      ByteMaker().big(body.size(), 4).text(type + body).big(crc_of(type + body), 4).str();
  return png.insert(33, chunk);
}

TEST_F(ColorTest, APngMaySayItsColoursByNumbers) {
  using namespace std::string_literals;
  const VImage photo = make_photo(120, 80);
  const std::string png = make_file(photo, ".png");
  struct Case {
    std::string type;
    std::string body;
    Rgb (*formula)(const Rgb&);
  };
  for (const Case& example : {Case{"cICP", "\x0C\x0D\x00\x01"s, srgb_from_p3},
                              Case{"cICP", "\x01\x10\x00\x01"s, srgb_from_pq},
                              Case{"gAMA", ByteMaker().big(100'000, 4).str(), srgb_from_linear},
                              Case{"cHRM",
                                   ByteMaker()
                                       .big(31'270, 4)
                                       .big(32'900, 4)
                                       .big(68'000, 4)
                                       .big(32'000, 4)
                                       .big(26'500, 4)
                                       .big(69'000, 4)
                                       .big(15'000, 4)
                                       .big(6'000, 4)
                                       .str(),
                                   srgb_from_p3}}) {
    const VImage expected = computed(photo, example.formula);
    EXPECT_GT(mean_delta_e(photo, expected), 1.5) << example.type;
    EXPECT_LT(mean_delta_e(converted(with_chunk(png, example.type, example.body)), expected), 0.7)
        << example.type;
  }
}

TEST_F(ColorTest, AGreyPngHasItsGammaApplied) {
  const VImage grey = make_photo(120, 80).colourspace(VIPS_INTERPRETATION_B_W);
  const std::string png =
      with_chunk(make_file(grey, ".png"), "gAMA", ByteMaker().big(100'000, 4).str());
  const VImage expected = computed(grey.colourspace(VIPS_INTERPRETATION_sRGB), srgb_from_linear);
  EXPECT_LT(mean_delta_e(converted(png), expected), 0.7);
}

// libheif writes 1/13/6 of what is sRGB: here the file says another thing of the same numbers.
TEST_F(ColorTest, AnAvifMaySayItsColoursByNumbers) {
  const VImage photo = make_photo(120, 80);
  for (const char* suffix : {".avif[Q=95,effort=0]", ".heic[Q=95,effort=0]"}) {
    std::string file = make_file(photo, suffix);
    const VImage as_it_is = converted(file);
    const std::size_t at = file.find("nclx");
    if (at == std::string::npos) {  // no encoder writes none into an AVIF, but some into a HEIC
      EXPECT_TRUE(std::string_view(suffix).starts_with(".heic"));
      continue;
    }
    file[at + 5] = 12;
    file[at + 7] = 13;
    EXPECT_LT(mean_delta_e(converted(file), computed(as_it_is, srgb_from_p3)), 0.7) << suffix;
  }
}

// --- icc/keep ---

std::string profile_in(const VImage& image) {
  if (image.get_typeof(VIPS_META_ICC_NAME) == 0) return "";
  std::size_t bytes = 0;
  const auto* profile = static_cast<const char*>(image.get_blob(VIPS_META_ICC_NAME, &bytes));
  return {profile, bytes};
}

VImage loaded(const std::string& file) {
  return VImage::new_from_buffer(file.data(), file.size(), "").copy_memory();
}

VImage p3_photo() {
  return make_photo(120, 80).icc_transform("p3", VImage::option()->set("input_profile", "srgb"));
}

TEST_F(ColorTest, KeepsTheNumbersAndTheProfileWhereItIsAsked) {
  const VImage p3 = p3_photo().copy_memory();
  const std::string source = make_file(p3, ".png");
  for (const std::string format : {"png", "jpg/q/100!", "webp/lossless/1", "tiff"}) {
    const auto variant = run_pipeline(source, "imageView2/0/icc/keep/format/" + format);
    ASSERT_TRUE(variant) << format << " " << variant.error().public_message;
    const VImage made = loaded(variant->file);
    EXPECT_EQ(profile_in(made), profile_in(p3)) << format;
    const double loss = format == "png" || format == "tiff" || format.starts_with("webp") ? 0 : 3;
    EXPECT_LE(mean_difference(made, p3), loss) << format;
  }
  // Read by our own loader, which converts: the same colours as without.
  for (const std::string format : {"bmp", "jxl/lossless/1"}) {
    const auto variant = run_pipeline(source, "imageView2/0/icc/keep/format/" + format);
    ASSERT_TRUE(variant) << format << " " << variant.error().public_message;
    EXPECT_LT(mean_delta_e(converted(variant->file), make_photo(120, 80)), 0.6) << format;
    const auto bare = run_pipeline(variant->file, "imageView2/0/icc/keep/format/png");
    ASSERT_TRUE(bare);
    EXPECT_LT(mean_difference(decode(bare->file), p3), 0.5) << format;
  }
}

// libvips 8.14 lets the profile of an AVIF end with its loader; it must be there when the picture
// has long been a copy in memory.
TEST_F(ColorTest, TheProfileOfAnAvifOutlivesItsLoader) {
  const VImage p3 = p3_photo();
  const auto avif = run_pipeline(make_file(p3, ".png"), "imageView2/0/icc/keep/q/95!/format/avif");
  ASSERT_TRUE(avif);
  EXPECT_LT(mean_delta_e(converted(avif->file), make_photo(120, 80)), kDeltaEMax);
  const auto turned =
      run_pipeline(avif->file, "imageMogr2/rotate/90/blur/2x1/rotate/270/icc/keep/format/png");
  ASSERT_TRUE(turned) << turned.error().public_message;
  EXPECT_EQ(profile_in(loaded(turned->file)), profile_in(p3));
}

TEST_F(ColorTest, KeepsThemThroughScalingAndDrawing) {
  const VImage p3 = p3_photo();
  const auto variant = run_pipeline(
      make_file(p3, ".png"), "imageMogr2/thumbnail/60x/blur/3x1/border/2x2/icc/keep/format/png");
  ASSERT_TRUE(variant) << variant.error().public_message;
  const VImage made = loaded(variant->file);
  EXPECT_EQ(profile_in(made), profile_in(p3));
  EXPECT_LT(mean_difference(made.extract_area(2, 2, 60, 40), p3.resize(0.5).gaussblur(1.0)), 3.0);
}

TEST_F(ColorTest, KeepsThemWhereAPartIsCutOut) {
  const VImage p3 = p3_photo();
  const auto crop =
      run_pipeline(make_file(p3, ".png"), "smartcrop/60x40/icc/keep/lossless/1/format/webp");
  ASSERT_TRUE(crop) << crop.error().public_message;
  EXPECT_EQ(profile_in(loaded(crop->file)), profile_in(p3));
  EXPECT_LT(mean_difference(loaded(crop->file), p3.resize(0.5)), 1.0);
}

// Red of sRGB is far from 255, 0, 0 in the space that is kept.
TEST_F(ColorTest, ABorderIsKnownByItsColourInSrgb) {
  const VImage framed =
      make_photo(120, 80).embed(9, 8, 140, 100,
                                VImage::option()
                                    ->set("extend", VIPS_EXTEND_BACKGROUND)
                                    ->set("background", std::vector<double>{255, 0, 0}));
  const VImage p3 = framed.icc_transform("p3", VImage::option()->set("input_profile", "srgb"));
  const auto variant =
      run_pipeline(make_file(p3, ".png"), "trim/background/cmVk/icc/keep/format/png");
  ASSERT_TRUE(variant) << variant.error().public_message;
  EXPECT_EQ(variant->outcome.headers.at("X-Millrace-Crop"), "120x80+9+8");
  EXPECT_EQ(profile_in(loaded(variant->file)), profile_in(p3));
  EXPECT_EQ(mean_difference(loaded(variant->file), p3.extract_area(9, 8, 120, 80)), 0);
}

TEST_F(ColorTest, TheNextCommandConvertsUnlessItKeepsToo) {
  const std::string source = make_file(p3_photo(), ".png");
  const auto one = run_pipeline(source, "imageView2/2/w/100/icc/keep|imageView2/2/w/60/format/png");
  ASSERT_TRUE(one);
  EXPECT_EQ(profile_in(loaded(one->file)), "");
  EXPECT_LT(mean_delta_e(decode(one->file), make_photo(120, 80).resize(0.5)), 1.0);
  const auto both =
      run_pipeline(source, "imageView2/2/w/100/icc/keep|imageView2/2/w/60/icc/keep/format/png");
  ASSERT_TRUE(both);
  EXPECT_NE(profile_in(loaded(both->file)), "");
}

TEST_F(ColorTest, KeepsNothingWhereThereIsNothingToKeep) {
  const auto profile_after = [](const std::string& file, const std::string& format) {
    const auto variant = run_pipeline(file, "imageView2/0/icc/keep/format/" + format);
    return variant ? profile_in(loaded(variant->file)) : variant.error().public_message;
  };
  const VImage photo = make_photo(120, 80);
  EXPECT_EQ(profile_after(make_file(photo, ".png"), "png"), "");
  EXPECT_EQ(profile_after(make_file(photo, ".png[profile=srgb]"), "png"), "");
  // GIF has no place for it; CMYK is shown by nobody.
  EXPECT_EQ(profile_after(make_file(p3_photo(), ".png"), "gif"), "");
  const VImage muted = photo.linear(0.5, 60.0)
                           .cast(VIPS_FORMAT_UCHAR)
                           .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const VImage cmyk = muted.icc_transform("cmyk", VImage::option()->set("input_profile", "srgb"));
  const auto variant = run_pipeline(make_file(cmyk, ".tif"), "imageView2/0/icc/keep/format/png");
  ASSERT_TRUE(variant);
  EXPECT_EQ(profile_in(loaded(variant->file)), "");
  EXPECT_LT(mean_delta_e(decode(variant->file), muted), kDeltaEMax);
}

TEST_F(ColorTest, KeepsWhatAFileSaidByNumbersAsAProfile) {
  using namespace std::string_literals;
  const VImage photo = make_photo(120, 80);
  const std::string png = with_chunk(make_file(photo, ".png"), "cICP", "\x0C\x0D\x00\x01"s);
  const auto variant = run_pipeline(png, "imageView2/0/icc/keep/format/webp/lossless/1");
  ASSERT_TRUE(variant);
  const VImage made = loaded(variant->file);
  EXPECT_NE(profile_in(made), "");
  EXPECT_EQ(mean_difference(made, photo), 0);
  EXPECT_LT(mean_delta_e(converted(variant->file), computed(photo, srgb_from_p3)), 0.7);
}

TEST_F(ColorTest, APsdInInkOrInLab) {
  const VImage photo = make_photo(60, 40)
                           .linear(0.5, 60.0)
                           .cast(VIPS_FORMAT_UCHAR)
                           .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  // Stored the other way round.
  const VImage ink =
      photo.icc_transform("cmyk", VImage::option()->set("input_profile", "srgb")).invert();
  EXPECT_LT(mean_delta_e(converted(make_psd(ink, 4)), photo), kDeltaEMax);
  const VImage lab =
      photo.colourspace(VIPS_INTERPRETATION_LAB)
          .linear(std::vector<double>{2.55, 1, 1}, std::vector<double>{0.5, 128.5, 128.5})
          .cast(VIPS_FORMAT_UCHAR);
  EXPECT_LT(mean_delta_e(converted(make_psd(lab, 9)), photo), kDeltaEMax);
}

TEST_F(ColorTest, LabAndFloatBecomeSrgb) {
  const VImage photo = make_photo(60, 40);
  EXPECT_LT(
      mean_delta_e(converted(make_file(photo.colourspace(VIPS_INTERPRETATION_LAB), ".tif")), photo),
      kDeltaEMax);
}

}  // namespace
}  // namespace millrace::workers::image
