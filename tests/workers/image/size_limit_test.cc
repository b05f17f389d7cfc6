// SPDX-License-Identifier: Apache-2.0
#include "workers/image/size_limit.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

TEST(SizeLimitTest, ReadsUnitsAndStrictness) {
  EXPECT_EQ(size_limit_from("1500", 9), (SizeLimit{1'500, false}));
  EXPECT_EQ(size_limit_from("15k", 9), (SizeLimit{15'360, false}));
  EXPECT_EQ(size_limit_from("15K!", 9), (SizeLimit{15'360, true}));
  EXPECT_EQ(size_limit_from("2m!", 9), (SizeLimit{2'097'152, true}));
  EXPECT_EQ(size_limit_from("2M", 9), (SizeLimit{2'097'152, false}));
  EXPECT_EQ(size_limit_from("$(fsize)", 9), (SizeLimit{9, false}));
  EXPECT_EQ(size_limit_from("$(fsize)!", 9), (SizeLimit{9, true}));
}

TEST(ByteLimitTest, ReadsItsUnits) {
  EXPECT_EQ(byte_limit_from("1500"), 1'500U);
  EXPECT_EQ(byte_limit_from("15k"), 15'360U);
  EXPECT_EQ(byte_limit_from("15K"), 15'360U);
  EXPECT_EQ(byte_limit_from("2m"), 2'097'152U);
  EXPECT_EQ(byte_limit_from("999M"), 999U * 1'048'576);
}

// An encoder whose files have ten bytes for each step of quality, and 100 besides.
class FakeEncoder {
 public:
  base::Result<std::string> operator()(int quality_pct) {
    asked.push_back(quality_pct);
    return std::string(static_cast<std::size_t>(100 + 10 * quality_pct), 'x');
  }
  std::vector<int> asked;
};

base::Result<QualityFile> best(std::size_t bytes_max, FakeEncoder& encoder,
                               OutputFormat format = OutputFormat::Jpeg) {
  Encoding encoding;
  encoding.format = format;
  encoding.quality_pct = 75;
  return best_quality_within(bytes_max, encoding, std::ref(encoder));
}

TEST(BestQualityTest, IsAskedOnceWhereTheFirstFits) {
  FakeEncoder encoder;
  const auto found = best(850, encoder);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->quality_pct, 75);
  EXPECT_EQ(encoder.asked, std::vector<int>{75});
}

TEST(BestQualityTest, FindsTheBestThatFits) {
  for (int wanted = 1; wanted < 75; ++wanted) {
    for (const int spare : {0, 9}) {
      FakeEncoder encoder;
      const auto found = best(static_cast<std::size_t>(100 + 10 * wanted + spare), encoder);
      ASSERT_TRUE(found);
      EXPECT_EQ(found->quality_pct, wanted);
      EXPECT_EQ(found->file.size(), static_cast<std::size_t>(100 + 10 * wanted));
      EXPECT_LE(encoder.asked.size(), 8U);
    }
  }
}

TEST(BestQualityTest, GivesTheSmallestWhereNoneFits) {
  FakeEncoder encoder;
  const auto found = best(109, encoder);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->quality_pct, 1);
  EXPECT_EQ(found->file.size(), 110U);
}

TEST(BestQualityTest, AFormatWithoutQualityIsEncodedOnce) {
  for (const OutputFormat format : {OutputFormat::Png, OutputFormat::Gif}) {
    FakeEncoder encoder;
    const auto found = best(1, encoder, format);
    ASSERT_TRUE(found);
    EXPECT_EQ(encoder.asked.size(), 1U);
  }
}

TEST(BestQualityTest, WithoutLossThereIsNothingToLower) {
  FakeEncoder encoder;
  Encoding encoding;
  encoding.format = OutputFormat::Webp;
  encoding.lossless = true;
  ASSERT_TRUE(best_quality_within(1, encoding, std::ref(encoder)));
  EXPECT_EQ(encoder.asked.size(), 1U);
}

TEST(BestQualityTest, EndsWhenTheEncoderFails) {
  Encoding encoding;
  const auto found = best_quality_within(1, encoding, [](int quality) -> base::Result<std::string> {
    if (quality < 50) return base::fail(base::Reason::Deadline, "Too late.");
    return std::string(10, 'x');
  });
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().reason, base::Reason::Deadline);
}

}  // namespace
}  // namespace millrace::workers::image
