// SPDX-License-Identifier: Apache-2.0
#include "workers/image/encoding.h"

#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

QualityFacts jpeg_facts(int q0, Size source, Size result) { return {q0, source, result}; }
constexpr Size kFull{1000, 1000};
constexpr Size kHalf{500, 500};

TEST(EffectiveQualityTest, HasTheDefaultOfTheFormat) {
  EXPECT_EQ(effective_quality(OutputFormat::Jpeg, std::nullopt, {}), 75);
  EXPECT_EQ(effective_quality(OutputFormat::Webp, std::nullopt, {}), 75);
  EXPECT_EQ(effective_quality(OutputFormat::Avif, std::nullopt, {}), 50);
}

TEST(EffectiveQualityTest, TakesWhatWasAskedForWithoutAJpegSource) {
  EXPECT_EQ(effective_quality(OutputFormat::Jpeg, pipeline::QualityValue{97, false},
                              {std::nullopt, kFull, kHalf}),
            97);
}

TEST(EffectiveQualityTest, SpendsNoMoreThanTheSourceHas) {
  EXPECT_EQ(effective_quality(OutputFormat::Jpeg, pipeline::QualityValue{80, false},
                              jpeg_facts(40, kFull, kFull)),
            40);
  EXPECT_EQ(effective_quality(OutputFormat::Jpeg, std::nullopt, jpeg_facts(40, kFull, kFull)), 40);
}

TEST(EffectiveQualityTest, AllowsMoreWhenThePictureShrinks) {
  // 40 times the root of 4.
  EXPECT_EQ(effective_quality(OutputFormat::Jpeg, pipeline::QualityValue{85, false},
                              jpeg_facts(40, kFull, kHalf)),
            80);
}

TEST(EffectiveQualityTest, CapsAtNinetyUnlessTheSourceIsBetter) {
  EXPECT_EQ(effective_quality(OutputFormat::Jpeg, pipeline::QualityValue{99, false},
                              jpeg_facts(90, kFull, kHalf)),
            90);
  EXPECT_EQ(effective_quality(OutputFormat::Jpeg, pipeline::QualityValue{99, false},
                              jpeg_facts(91, kFull, kHalf)),
            99);
  EXPECT_EQ(effective_quality(OutputFormat::Jpeg, pipeline::QualityValue{99, false},
                              jpeg_facts(95, kFull, kFull)),
            95);
}

TEST(EffectiveQualityTest, ObeysTheExclamationMark) {
  EXPECT_EQ(effective_quality(OutputFormat::Jpeg, pipeline::QualityValue{100, true},
                              jpeg_facts(40, kFull, kFull)),
            100);
}

TEST(EffectiveQualityTest, IsAtLeastOne) {
  EXPECT_EQ(effective_quality(OutputFormat::Jpeg, pipeline::QualityValue{1, false},
                              jpeg_facts(1, kFull, kFull)),
            1);
}

TEST(OutputFormatTest, KnowsBothNamesOfJpeg) {
  EXPECT_EQ(output_format_from_word("jpg"), OutputFormat::Jpeg);
  EXPECT_EQ(output_format_from_word("jpeg"), OutputFormat::Jpeg);
  EXPECT_EQ(output_format_from_word("avif"), OutputFormat::Avif);
  EXPECT_EQ(output_format_from_word("bmp"), std::nullopt);
}

}  // namespace
}  // namespace millrace::workers::image
