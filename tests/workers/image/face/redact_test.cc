// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/workers/image/face/face_pictures.h"
#include "tests/workers/image/face/facecrop_run.h"
#include "tests/workers/image/pictures.h"

namespace millrace::workers::face {
namespace {

using vips::VImage;

std::size_t faces_in_file(const std::string& file) {
  const auto told = run_pipeline(file, "faces");
  return told ? nlohmann::json::parse(told->file).at("faces").size() : 0;
}

Variant redacted(const std::string& source, const std::string& pipeline) {
  auto variant = run_pipeline(source, pipeline);
  EXPECT_TRUE(variant) << pipeline << ": " << variant.error().public_message;
  return variant ? *variant : Variant{};
}

TEST(RedactTest, TheNetworkFindsNoFaceAnyMore) {
  for (const char* name : {"astronaut.png", "sample1.jpg", "sample3.jpg"}) {
    const std::string source = read_file(sample_picture(name));
    const std::size_t faces = faces_in_file(source);
    ASSERT_GT(faces, 0U) << name;
    for (const char* by : {"", "/by/pixelate/cells/4", "/by/blur/cells/3"}) {
      const Variant variant = redacted(source, "redact/faces" + std::string(by));
      EXPECT_EQ(variant.outcome.headers.at("X-Millrace-Faces"), std::to_string(faces)) << name;
      EXPECT_EQ(faces_in_file(variant.file), 0U) << name << by;
    }
  }
}

// No more is left of a face than what so few cells can say: brought down to them it is the same.
TEST(RedactTest, ABlurHasNoDetail) {
  const std::string source = read_file(sample_picture("astronaut.png"));
  const VImage after = image::decode(redacted(source, "redact/faces/by/blur/cells/4").file);
  const VImage face = after.extract_area(190, 80, 70, 85);
  const VImage coarse = face.resize(8.0 / 70).resize(70.0 / 8);
  EXPECT_LT(image::mean_difference(
                face, coarse.extract_area(0, 0, 70, std::min(85, coarse.height()))
                          .embed(0, 0, 70, 85, VImage::option()->set("extend", VIPS_EXTEND_COPY))
                          .cast(VIPS_FORMAT_UCHAR)),
            6);
  const VImage before = image::decode(source).extract_area(190, 80, 70, 85);
  EXPECT_GT(image::mean_difference(face, before), 8);
}

TEST(RedactTest, TheRestOfThePictureIsAsItWas) {
  const std::string source = read_file(sample_picture("astronaut.png"));
  const Variant variant = redacted(source, "redact/faces");
  EXPECT_EQ(variant.outcome.media_type, "image/png");
  EXPECT_EQ(variant.outcome.width, 512);
  const VImage before = image::decode(source);
  const VImage after = image::decode(variant.file);
  // Below the shoulders, and the face itself.
  EXPECT_EQ(image::mean_difference(before.extract_area(0, 300, 512, 212),
                                   after.extract_area(0, 300, 512, 212)),
            0);
  EXPECT_GT(image::mean_difference(before.extract_area(178, 70, 92, 107),
                                   after.extract_area(178, 70, 92, 107)),
            5);
}

// The face of the second frame is where the first frame has none.
TEST(RedactTest, AFaceThatMovesIsCoveredInEachFrame) {
  const VImage portrait =
      image::decode(read_file(sample_picture("astronaut.png"))).extract_area(110, 30, 230, 230);
  const auto placed = [&portrait](int left) {
    return portrait.embed(left, 0, 520, 230, VImage::option()->set("extend", VIPS_EXTEND_WHITE))
        .copy_memory();
  };
  VImage roll =
      VImage::arrayjoin({placed(0), placed(280)}, VImage::option()->set("across", 1)).copy_memory();
  roll.set(VIPS_META_PAGE_HEIGHT, 230);
  roll.set("delay", std::vector<int>{100, 100});
  const std::string source = image::make_file(roll, ".webp[lossless]");
  const std::string second = run_pipeline(source, "page/2|imageView2/0/format/png")->file;
  ASSERT_EQ(faces_in_file(second), 1U);
  const Variant hidden = redacted(source, "redact/faces/format/webp");
  EXPECT_EQ(hidden.outcome.frames, 2);
  EXPECT_EQ(hidden.outcome.headers.at("X-Millrace-Faces"), "1");
  for (const char* page : {"page/1", "page/2"}) {
    const auto frame = run_pipeline(hidden.file, std::string(page) + "|imageView2/0/format/png");
    ASSERT_TRUE(frame) << page;
    EXPECT_EQ(faces_in_file(frame->file), 0U) << page;
  }
}

TEST(RedactTest, APictureWithoutFacesStaysOne) {
  const Variant variant = redacted(image::make_jpeg(300, 200), "redact/faces");
  EXPECT_EQ(variant.outcome.headers.at("X-Millrace-Faces"), "0");
  EXPECT_LT(image::mean_difference(image::decode(variant.file), image::make_photo(300, 200)), 9);
}

TEST(RedactTest, HoldsItsBounds) {
  const pipeline::Catalogue catalogue(worker_with_model().commands());
  for (const char* good : {"redact/faces/cells/2", "redact/faces/cells/16", "redact/faces/pad/0",
                           "redact/faces/pad/100"}) {
    EXPECT_TRUE(catalogue.check(good)) << good;
  }
  for (const char* bad :
       {"redact", "redact/plates", "redact/faces/cells/1", "redact/faces/cells/17",
        "redact/faces/pad/101", "redact/faces/by/black", "redact/faces/ignore-error/1"}) {
    EXPECT_FALSE(catalogue.check(bad)) << bad;
  }
}

}  // namespace
}  // namespace millrace::workers::face
