// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/decoder.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/codecs/jpeg/comparison.h"
#include "tests/codecs/jpeg/made_jpeg.h"
#include "tests/codecs/jpeg/reference.h"

namespace millrace::codecs {
namespace {

using test::Bytes;
using test::Recipe;
using test::Sampling;

constexpr int kScales[] = {1, 2, 4, 8};
constexpr JpegDecoder kDecoders[] = {JpegDecoder::Best, JpegDecoder::Turbo};

Planes decoded(const Bytes& file, const JpegCut& cut, JpegDecoder decoder = JpegDecoder::Best) {
  const auto header = read_jpeg_header(file);
  if (!header) {
    ADD_FAILURE() << header.error().public_message;
    return {};
  }
  auto planes = decode_jpeg_planes(file, *header, cut, decoder);
  if (!planes || !*planes) {
    ADD_FAILURE() << (planes ? "not on this road" : planes.error().detail);
    return {};
  }
  return **std::move(planes);
}

void expect_right(const Bytes& file, const std::string& what) {
  const auto reading = test::read_by_libjpeg(file);
  ASSERT_TRUE(reading) << what;
  EXPECT_EQ(reading->warnings, 0) << what;
  for (const JpegDecoder decoder : kDecoders) {
    const Planes full = decoded(file, {}, decoder);
    EXPECT_EQ(test::greatest_difference(full, reading->planes), 0) << what;
    for (const int eighths : {1, 2, 4}) {
      const Planes scaled = decoded(file, {.eighths = eighths, .region = {}}, decoder);
      EXPECT_LE(test::greatest_difference(scaled, test::transform_by_definition(file, eighths)), 1)
          << what << " " << eighths << "/8";
    }
  }
}

class JpegDecoderTest : public testing::TestWithParam<Sampling> {};

TEST_P(JpegDecoderTest, AgreesWithLibjpegAndTheDefinition) {
  Recipe recipe = test::recipe_of(GetParam());
  for (const int width : {1, 7, 16, 33, 67}) {
    for (const int height : {1, 8, 17, 45}) {
      recipe.width = width;
      recipe.height = height;
      expect_right(test::make_jpeg(recipe), std::to_string(width) + "x" + std::to_string(height));
    }
  }
}

TEST_P(JpegDecoderTest, FollowsRestartMarkers) {
  Recipe recipe = test::recipe_of(GetParam());
  for (const int interval : {1, 2, 3, 7, 1000}) {
    recipe.restart_interval_mcus = interval;
    expect_right(test::make_jpeg(recipe), "restart " + std::to_string(interval));
  }
}

TEST_P(JpegDecoderTest, ReadsEveryKindOfCoding) {
  Recipe recipe = test::recipe_of(GetParam());
  recipe.optimised = true;
  expect_right(test::make_jpeg(recipe), "optimised");
  recipe.one_scan_each = true;
  expect_right(test::make_jpeg(recipe), "a scan each");
  recipe = test::recipe_of(GetParam());
  recipe.progressive = true;
  expect_right(test::make_jpeg(recipe), "progressive");
  recipe = test::recipe_of(GetParam());
  recipe.arithmetic = true;
  expect_right(test::make_jpeg(recipe), "arithmetic");
}

TEST_P(JpegDecoderTest, ReadsEveryQuality) {
  Recipe recipe = test::recipe_of(GetParam());
  recipe.width = 160;
  recipe.height = 96;
  for (const int quality : {1, 10, 50, 75, 95, 100}) {
    recipe.quality_pct = quality;
    expect_right(test::make_jpeg(recipe), "quality " + std::to_string(quality));
    recipe.seed = 5U;
    expect_right(test::make_jpeg(recipe), "noise, quality " + std::to_string(quality));
    recipe.seed.reset();
  }
}

TEST_P(JpegDecoderTest, DeliversRegionsAsTheyAreInTheWhole) {
  Recipe recipe = test::recipe_of(GetParam());
  recipe.width = 203;
  recipe.height = 161;
  recipe.restart_interval_mcus = 5;
  const Bytes file = test::make_jpeg(recipe);
  const auto header = read_jpeg_header(file);
  ASSERT_TRUE(header);
  for (const int eighths : kScales) {
    const Planes whole = decoded(file, {.eighths = eighths, .region = {}});
    for (const JpegRegion& region :
         {JpegRegion{0, 0, 1, 1}, JpegRegion{202, 160, 1, 1}, JpegRegion{50, 60, 70, 40},
          JpegRegion{0, 100, 203, 20}, JpegRegion{120, 0, 20, 161}, JpegRegion{190, 150, 50, 50}}) {
      const JpegCut cut{eighths, region};
      const auto layout = layout_of(*header, cut);
      ASSERT_TRUE(layout);
      for (const JpegDecoder decoder : kDecoders) {
        const Planes part = decoded(file, cut, decoder);
        EXPECT_EQ(test::greatest_difference(part, test::cropped(whole, *layout)), 0) << eighths;
      }
    }
  }
}

TEST_P(JpegDecoderTest, GivesSeveralScalesAtOnceAsOneByOne) {
  Recipe recipe = test::recipe_of(GetParam());
  recipe.width = 203;
  recipe.height = 161;
  for (const bool progressive : {false, true}) {
    recipe.progressive = progressive;
    const Bytes file = test::make_jpeg(recipe);
    const auto header = read_jpeg_header(file);
    ASSERT_TRUE(header);
    const std::vector<std::vector<int>> all_scales = {{8, 4, 2, 1}, {8, 1}, {4, 2}, {2, 1}, {4}};
    for (const std::vector<int>& scales : all_scales) {
      for (const std::optional<JpegRegion>& region :
           {std::optional<JpegRegion>(), std::optional(JpegRegion{50, 60, 70, 40})}) {
        for (const JpegDecoder decoder : kDecoders) {
          const auto together =
              test::planes_at_scales(file, *header, JpegScales{scales, region}, decoder);
          ASSERT_TRUE(together);
          for (std::size_t i = 0; i < scales.size(); ++i) {
            const Planes alone = decoded(file, {scales[i], region}, decoder);
            EXPECT_EQ(test::greatest_difference((*together)[i], alone), 0)
                << scales[i] << "/8 of " << scales.size();
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Samplings, JpegDecoderTest, testing::ValuesIn(test::samplings()),
                         [](const auto& tested) { return tested.param.name; });

TEST(JpegDecodingTest, DeliversBandsFromTopToBottom) {
  Recipe recipe;
  recipe.width = 100;
  recipe.height = 100;
  const Bytes file = test::make_jpeg(recipe);
  const auto header = read_jpeg_header(file);
  ASSERT_TRUE(header);
  std::vector<std::string> bands;
  const JpegCut cut{4, JpegRegion{20, 20, 10, 40}};
  const auto outcome =
      decode_jpeg(file, *header, cut, [&bands](const JpegBand& band) -> base::Result<void> {
        bands.push_back(std::to_string(band.component) + " " + std::to_string(band.first_column) +
                        "," + std::to_string(band.first_row) + " " +
                        std::to_string(band.samples.width) + "x" +
                        std::to_string(band.samples.height));
        return {};
      });
  ASSERT_TRUE(outcome);
  EXPECT_EQ(*outcome, JpegOutcome::Delivered);
  EXPECT_EQ(bands, (std::vector<std::string>{"0 8,8 8x8", "1 4,4 4x4", "2 4,4 4x4", "0 8,16 8x8",
                                             "1 4,8 4x4", "2 4,8 4x4", "0 8,24 8x8", "1 4,12 4x4",
                                             "2 4,12 4x4"}));
}

TEST(JpegDecodingTest, StopsWhenTheSinkOrTheCheckSaysSo) {
  for (const bool progressive : {false, true}) {
    Recipe recipe;
    recipe.progressive = progressive;
    const Bytes file = test::make_jpeg(recipe);
    const auto header = read_jpeg_header(file);
    ASSERT_TRUE(header);
    int taken = 0;
    const auto refuse = [&taken](const JpegBand&) -> base::Result<void> {
      ++taken;
      return base::fail(base::Reason::Deadline, "Enough.");
    };
    auto outcome = decode_jpeg(file, *header, {}, refuse);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().reason, base::Reason::Deadline);
    EXPECT_EQ(taken, 1);
    const auto take = [](const JpegBand&) -> base::Result<void> { return {}; };
    const auto late = []() -> base::Result<void> {
      return base::fail(base::Reason::ClientGone, "Gone.");
    };
    outcome = decode_jpeg(file, *header, {}, take, late, JpegDecoder::Turbo);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().reason, base::Reason::ClientGone);
  }
}

TEST(JpegDecodingTest, LeavesOtherPicturesToOthers) {
  Recipe cmyk;
  cmyk.components = 4;
  Recipe rgb;
  rgb.rgb = true;
  for (const Recipe& recipe : {cmyk, rgb}) {
    const Bytes file = test::make_jpeg(recipe);
    const auto header = read_jpeg_header(file);
    ASSERT_TRUE(header);
    const auto outcome = decode_jpeg(file, *header, {}, [](const JpegBand&) -> base::Result<void> {
      ADD_FAILURE() << "delivered";
      return {};
    });
    ASSERT_TRUE(outcome);
    EXPECT_EQ(*outcome, JpegOutcome::NotOnThisRoad);
    const auto planes = decode_jpeg_planes(file, *header, {});
    ASSERT_TRUE(planes);
    EXPECT_FALSE(*planes);
  }
}

}  // namespace
}  // namespace millrace::codecs
