// SPDX-License-Identifier: Apache-2.0
// format/auto through the worker: what comes out is a file of that kind, with what it has to keep.
#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/sniff.h"

namespace millrace::workers::image {
namespace {

std::string kind_of(const std::string& input, const std::string& format) {
  const auto made = run_pipeline(input, "imageView2/2/w/60/format/" + format);
  if (!made) return std::string(base::word_of(made.error().reason));
  const Sniffed seen =
      sniff({reinterpret_cast<const std::uint8_t*>(made->file.data()), made->file.size()});
  const std::string word(seen.format ? word_of(*seen.format) : "");
  EXPECT_EQ(made->outcome.media_type, "image/" + word);
  EXPECT_EQ(decode(made->file).width(), 60);
  return word;
}

TEST(AutoFormatRunTest, WritesWhatTheTableSays) {
  const std::string jpeg = make_jpeg(120, 90);
  const std::string png = make_file(make_photo_with_alpha(120, 90), ".png");
  EXPECT_EQ(kind_of(jpeg, "auto"), "jpeg");
  EXPECT_EQ(kind_of(png, "auto"), "png");
  EXPECT_EQ(kind_of(jpeg, "auto.webp"), "webp");
  const std::string webp = make_file(make_photo_with_alpha(120, 90), ".webp");
  EXPECT_EQ(kind_of(webp, "auto"), "png") << "whoever names no WebP gets none";
  EXPECT_EQ(kind_of(make_file(make_photo(120, 90), ".webp"), "auto"), "jpeg");
  EXPECT_EQ(kind_of(jpeg, "auto.avif.webp"), "avif");
  EXPECT_EQ(kind_of(png, "auto.avif"), "avif");
}

TEST(AutoFormatRunTest, KeepsTransparency) {
  const std::string png = make_file(make_photo_with_alpha(120, 90), ".png");
  for (const char* format : {"auto", "auto.webp"}) {
    const auto made = run_pipeline(png, "imageView2/2/w/60/format/" + std::string(format));
    ASSERT_TRUE(made) << made.error().public_message;
    EXPECT_TRUE(decode(made->file).has_alpha()) << format;
  }
}

TEST(AutoFormatRunTest, TakesTheDefaultQualityOfWhatItBecomes) {
  const std::string jpeg = make_jpeg(120, 90);
  for (const auto& [word, plain] : {std::pair{"auto.webp", "webp"}, {"auto", "jpg"}}) {
    const auto chosen = run_pipeline(jpeg, std::string("imageView2/2/w/60/format/") + word);
    const auto named = run_pipeline(jpeg, std::string("imageView2/2/w/60/format/") + plain);
    ASSERT_TRUE(chosen && named);
    EXPECT_EQ(chosen->file, named->file) << word;
  }
}

TEST(AutoFormatRunTest, RefusesWordsThatNobodyNeeds) {
  const std::string jpeg = make_jpeg(60, 40);
  for (const char* word : {"auto.", "auto.webp.avif", "auto.png", "automatic"}) {
    EXPECT_EQ(kind_of(jpeg, word), "bad_parameter") << word;
  }
}

}  // namespace
}  // namespace millrace::workers::image
