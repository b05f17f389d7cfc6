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
  EXPECT_EQ(effective_quality(OutputFormat::Heic, std::nullopt, {}), 35);
  EXPECT_EQ(effective_quality(OutputFormat::Jxl, std::nullopt, {}), 75);
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
  EXPECT_EQ(output_format_from_word("bmp"), OutputFormat::Bmp);
  EXPECT_EQ(output_format_from_word("copy"), std::nullopt);
  EXPECT_EQ(output_format_from_word("psd"), std::nullopt);
}

// The tables stand in the order of the enumerators, or a word would be that of another format.
TEST(FormatWordsTest, BelongToTheirFormat) {
  EXPECT_EQ(word_of(SourceFormat::Jpeg), "jpeg");
  EXPECT_EQ(word_of(SourceFormat::Tiff), "tiff");
  EXPECT_EQ(word_of(SourceFormat::Heic), "heic");
  EXPECT_EQ(word_of(SourceFormat::Jp2), "jp2");
  EXPECT_EQ(word_of(SourceFormat::Psd), "psd");
  EXPECT_EQ(word_of(SourceFormat::Pdf), "pdf");
  for (const OutputFormat format : kOutputFormats) {
    EXPECT_EQ(output_format_from_word(word_of(format)), format);
    EXPECT_EQ(media_type_of(format), "image/" + std::string(word_of(format)));
  }
  for (const SourceFormat format : kSourceFormats) {
    if (const auto same = same_format(format)) {
      EXPECT_EQ(word_of(*same), word_of(format));
      EXPECT_EQ(media_type_of(*same), media_type_of(format));
    }
  }
}

TEST(FormatThatStandsForTest, IsOneThatEveryBrowserShows) {
  for (const bool alpha : {false, true}) {
    EXPECT_EQ(format_that_stands_for(SourceFormat::Webp, alpha), OutputFormat::Webp);
    EXPECT_EQ(format_that_stands_for(SourceFormat::Heic, alpha), OutputFormat::Jpeg);
    EXPECT_EQ(format_that_stands_for(SourceFormat::Svg, alpha), OutputFormat::Png);
    EXPECT_EQ(format_that_stands_for(SourceFormat::Ico, alpha), OutputFormat::Png);
    for (const SourceFormat format : {SourceFormat::Tiff, SourceFormat::Bmp, SourceFormat::Jxl,
                                      SourceFormat::Jp2, SourceFormat::Psd, SourceFormat::Pdf}) {
      EXPECT_EQ(format_that_stands_for(format, alpha),
                alpha ? OutputFormat::Png : OutputFormat::Jpeg);
    }
  }
}

}  // namespace
}  // namespace millrace::workers::image
