// SPDX-License-Identifier: Apache-2.0
#include "workers/image/icc_profile.h"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <vips/vips8>

#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

// libvips brings a few profiles along.
std::string profile(const char* name) {
  test_worker();
  VipsBlob* blob = nullptr;
  if (vips_profile_load(name, &blob, nullptr) != 0 || blob == nullptr) return {};
  std::size_t bytes = 0;
  const void* data = vips_blob_get(blob, &bytes);
  std::string text(static_cast<const char*>(data), bytes);
  vips_area_unref(VIPS_AREA(blob));
  return text;
}

IccFacts facts(const std::string& text) {
  return read_icc({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

TEST(IccProfileTest, KnowsSrgb) {
  const IccFacts srgb = facts(profile("srgb"));
  EXPECT_TRUE(srgb.readable);
  EXPECT_EQ(srgb.space, IccSpace::Rgb);
  EXPECT_TRUE(srgb.is_srgb);
}

TEST(IccProfileTest, DoesNotTakeDisplayP3ForSrgb) {
  const IccFacts p3 = facts(profile("p3"));
  ASSERT_TRUE(p3.readable);
  EXPECT_EQ(p3.space, IccSpace::Rgb);
  EXPECT_FALSE(p3.is_srgb);
}

TEST(IccProfileTest, TellsAMatrixAndCurvesFromTables) {
  const auto of = [](const std::string& text) {
    return device_rgb({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  const std::string text = profile("p3");
  const auto p3 = of(text);
  ASSERT_TRUE(p3);
  EXPECT_NEAR(p3->colorants[0][0], 0.5151, 0.001);
  EXPECT_NEAR(p3->light[1][128], 0.2158, 0.001);
  EXPECT_DOUBLE_EQ(p3->light[2][255], 1.0);
  EXPECT_FALSE(of(profile("cmyk")));
  EXPECT_FALSE(of(text.substr(0, 200)));
  // A table beside the matrix is what counts.
  std::string with_table = text;
  with_table.replace(with_table.find("rXYZ"), 4, "A2B0");
  EXPECT_FALSE(of(with_table));
}

// Curves of every kind, in place of Display P3's.
TEST(IccProfileTest, ReadsEveryKindOfCurve) {
  const auto fixed = [](double value) {
    const auto bits = static_cast<std::uint32_t>(std::lround(value * 65536));
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(bits >> shift);
    return bytes;
  };
  const auto curve_of = [&](int function, const std::vector<double>& parameters) {
    std::string bytes =
        std::string("para\0\0\0\0\0", 9) + static_cast<char>(function) + std::string("\0\0", 2);
    for (const double parameter : parameters) bytes += fixed(parameter);
    return bytes;
  };
  std::string text = profile("p3");
  const std::size_t end = text.size();
  text += std::string(64, '\0');
  // All three curves stand at the end.
  for (const char* name : {"rTRC", "gTRC", "bTRC"}) {
    const std::size_t entry = text.find(name);
    for (int i = 0; i < 4; ++i) {
      text[entry + 4 + static_cast<std::size_t>(i)] = static_cast<char>(end >> (24 - 8 * i));
    }
    text.replace(entry + 8, 4, std::string("\0\0\0\x40", 4));
  }
  const auto middle = [&](const std::string& curve) -> std::optional<double> {
    text.replace(end, 64, curve + std::string(64 - curve.size(), '\0'));
    const auto device =
        device_rgb({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    if (!device) return std::nullopt;
    return device->light[0][51];  // at 0.2
  };
  EXPECT_NEAR(*middle(curve_of(0, {2.0})), 0.04, 1e-4);
  EXPECT_NEAR(*middle(curve_of(1, {2.0, 0.5, 0.1})), 0.04, 1e-4);
  EXPECT_NEAR(*middle(curve_of(1, {2.0, 0.5, -0.2})), 0.0, 1e-4) << "before -b/a";
  EXPECT_NEAR(*middle(curve_of(2, {2.0, 0.5, 0.1, 0.25})), 0.29, 1e-4);
  EXPECT_NEAR(*middle(curve_of(3, {2.0, 1.0, 0.1, 0.5, 0.1})), 0.09, 1e-4);
  EXPECT_NEAR(*middle(curve_of(3, {2.0, 1.0, 0.1, 0.5, 0.3})), 0.1, 1e-4);
  EXPECT_NEAR(*middle(curve_of(4, {2.0, 1.0, 0.1, 0.5, 0.1, 0.05, 0.02})), 0.14, 1e-4);
  EXPECT_NEAR(*middle(curve_of(4, {2.0, 1.0, 0.1, 0.5, 0.3, 0.05, 0.02})), 0.12, 1e-4);
  EXPECT_FALSE(middle(curve_of(5, {2.0})));
  EXPECT_FALSE(middle("mAB "));
  EXPECT_NEAR(*middle(std::string("curv\0\0\0\0\0\0\0\0", 12)), 0.2, 1e-6) << "as it is";
  EXPECT_NEAR(*middle(std::string("curv\0\0\0\0\0\0\0\1\2\0", 14)), 0.04, 1e-4) << "gamma 2";
  EXPECT_NEAR(*middle(std::string("curv\0\0\0\0\0\0\0\2\0\0\x80\0", 16)), 0.1, 1e-4);
}

// Nothing follows the last curve, which ends in the middle of four bytes.
TEST(IccProfileTest, ReadsAGammaAtTheVeryEnd) {
  std::string text = profile("p3");
  const std::size_t end = text.size();
  text += std::string("curv\0\0\0\0\0\0\0\1\2\0", 14);
  for (const char* name : {"rTRC", "gTRC", "bTRC"}) {
    const std::size_t entry = text.find(name);
    for (int i = 0; i < 4; ++i) {
      text[entry + 4 + static_cast<std::size_t>(i)] = static_cast<char>(end >> (24 - 8 * i));
    }
    text.replace(entry + 8, 4, std::string("\0\0\0\x0E", 4));
  }
  const auto device = device_rgb({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  ASSERT_TRUE(device);
  EXPECT_NEAR(device->light[0][51], 0.04, 1e-4);
}

TEST(IccProfileTest, KnowsCmyk) { EXPECT_EQ(facts(profile("cmyk")).space, IccSpace::Cmyk); }

TEST(IccProfileTest, RefusesWhatIsCutOrNoProfile) {
  const std::string srgb = profile("srgb");
  EXPECT_FALSE(facts("").readable);
  EXPECT_FALSE(facts(std::string(500, 'x')).readable);
  EXPECT_FALSE(facts(srgb.substr(0, srgb.size() / 2)).readable);
  for (std::size_t size = 0; size < 400; ++size) EXPECT_FALSE(facts(srgb.substr(0, size)).readable);
}

}  // namespace
}  // namespace millrace::workers::image
