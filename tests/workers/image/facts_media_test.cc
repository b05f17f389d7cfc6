// SPDX-License-Identifier: Apache-2.0

// Real files, where the folder of test media stands beside the repository: imageslim keeps its
// promise on each of them, exif says what exiftool says, the hashes tell photographs apart.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/workers/image/media.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/programs.h"
#include "tests/workers/image/running.h"
#include "workers/image/perceptual_hash.h"
#include "workers/image/slim.h"
#include "workers/image/ssim.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

class FactsMediaTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = media_folder();
    if (!folder_) GTEST_SKIP() << "no folder of test media (MILLRACE_MEDIA_DIR, or ../shared/data)";
    test_worker();
  }
  [[nodiscard]] std::vector<MediaFile> files(const std::set<std::string>& formats) const {
    std::vector<MediaFile> found;
    for (const char* prefix : {"photos/", "formats/"}) {
      for (const MediaFile& file : media_files(*folder_, prefix)) {
        if (formats.contains(file.format)) found.push_back(file);
      }
    }
    return found;
  }
  [[nodiscard]] std::string read(const MediaFile& file) const {
    return read_media(*folder_ / file.path);
  }
  std::optional<std::filesystem::path> folder_;
};

// Stored samples without any conversion; the first three (or the first) as colour, on white.
Plane plane_of(const std::string& file) {
  VImage image = VImage::new_from_buffer(file.data(), file.size(), "");
  if (image.format() == VIPS_FORMAT_USHORT) image = (image / 257.0).cast(VIPS_FORMAT_UCHAR);
  if (image.interpretation() == VIPS_INTERPRETATION_CMYK) return luma_of(image.copy_memory());
  if (image.has_alpha()) {
    const std::vector<double> white(static_cast<std::size_t>(image.bands()) - 1, 255.0);
    image = image.flatten(VImage::option()->set("background", white));
  }
  return luma_of(image.copy_memory());
}

TEST_F(FactsMediaTest, ImageslimNeverGrowsAFileAndKeepsTheBound) {
  std::size_t before = 0;
  std::size_t after = 0;
  for (const MediaFile& file : files({"jpeg", "png"})) {
    SCOPED_TRACE(file.path);
    const std::string bytes = read(file);
    if (!probe(bytes)) continue;
    const auto slimmed = run_pipeline(bytes, "imageslim");
    ASSERT_TRUE(slimmed) << slimmed.error().public_message << " " << slimmed.error().detail;
    EXPECT_LE(slimmed->file.size(), bytes.size());
    before += bytes.size();
    after += slimmed->file.size();
    if (slimmed->file == bytes) continue;
    EXPECT_LT(slimmed->file.size(), bytes.size());
    const Plane old_plane = plane_of(bytes);
    const Plane new_plane = plane_of(slimmed->file);
    ASSERT_EQ(new_plane.width, old_plane.width);
    ASSERT_EQ(new_plane.height, old_plane.height);
    const SsimScore score = ssim(old_plane, new_plane);
    EXPECT_GE(score.mean, kSlimSsimMin - 0.005);
    EXPECT_GE(score.lowest_tile, kSlimTileSsimMin - 0.02);
    std::printf("%-40s %8zu -> %8zu  ssim %.4f, lowest %.4f\n", file.path.c_str(), bytes.size(),
                slimmed->file.size(), score.mean, score.lowest_tile);
  }
  ASSERT_GT(before, 0U);
  std::printf("all: %zu -> %zu bytes\n", before, after);
  EXPECT_LT(static_cast<double>(after), 0.9 * static_cast<double>(before));
}

// exiftool's words are other ones: what is compared are texts and whole numbers.
TEST_F(FactsMediaTest, ExifSaysWhatExiftoolSays) {
  struct Pair {
    const char* ours;
    const char* theirs;
  };
  int compared = 0;
  for (const MediaFile& file : files({"jpeg", "png", "webp"})) {
    SCOPED_TRACE(file.path);
    const auto told = run_pipeline(read(file), "exif");
    if (!told) {
      EXPECT_EQ(base::word_of(told.error().reason), std::string("bad_parameter"));
      continue;
    }
    const auto ours = nlohmann::json::parse(told->file);
    const auto list = nlohmann::json::parse(output_of("exiftool -j -n -IFD0:all -ExifIFD:all '" +
                                                      (*folder_ / file.path).string() + "'"),
                                            nullptr, false);
    ASSERT_TRUE(list.is_array() && list.size() == 1);
    const nlohmann::json& theirs = list[0];
    const auto text_of = [](const nlohmann::json& value) {
      std::string text = value.is_string() ? value.get<std::string>() : value.dump();
      while (text.ends_with(' ')) text.pop_back();
      return text;
    };
    for (const Pair& pair :
         {Pair{"Make", "Make"}, Pair{"Model", "Model"}, Pair{"Software", "Software"},
          Pair{"DateTime", "ModifyDate"}, Pair{"DateTimeOriginal", "DateTimeOriginal"},
          Pair{"ISOSpeedRatings", "ISO"}, Pair{"PixelXDimension", "ExifImageWidth"},
          Pair{"PixelYDimension", "ExifImageHeight"}}) {
      if (!ours.contains(pair.ours) || !theirs.contains(pair.theirs)) continue;
      EXPECT_EQ(text_of(ours[pair.ours]["val"]), text_of(theirs[pair.theirs])) << pair.ours;
      ++compared;
    }
  }
  EXPECT_GT(compared, 20);
}

TEST_F(FactsMediaTest, PerceptualHashesTellPhotographsApart) {
  std::vector<std::uint64_t> hashes;
  const auto hash_of = [](const std::string& bytes, const std::string& before) {
    const auto variant = run_pipeline(bytes, before + "phash");
    EXPECT_TRUE(variant);
    return std::stoull(nlohmann::json::parse(variant->file)["phash"].get<std::string>(), nullptr,
                       16);
  };
  for (const MediaFile& file : media_files(*folder_, "photos/")) {
    SCOPED_TRACE(file.path);
    const std::string bytes = read(file);
    const std::uint64_t hash = hash_of(bytes, "");
    EXPECT_LE(hash_distance(hash, hash_of(bytes, "imageView2/2/w/200/q/40|")), 10);
    EXPECT_LE(hash_distance(hash, hash_of(bytes, "imageView2/2/w/100/format/webp/q/50|")), 10);
    for (const std::uint64_t other : hashes) EXPECT_GT(hash_distance(hash, other), 12);
    hashes.push_back(hash);
  }
  EXPECT_GE(hashes.size(), 5U);
}

}  // namespace
}  // namespace millrace::workers::image
