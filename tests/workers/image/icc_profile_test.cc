// SPDX-License-Identifier: Apache-2.0
#include "workers/image/icc_profile.h"

#include <string>

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
