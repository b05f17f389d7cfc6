// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <vips/vips8>

#include "tests/workers/image/face/face_pictures.h"
#include "tests/workers/image/face/facecrop_run.h"
#include "tests/workers/image/pictures.h"
#include "workers/image/command.h"
#include "workers/image/face/detector.h"

namespace millrace::workers::face {
namespace {

using vips::VImage;

// What shrink-on-load may cost beside a whole decode: less than anybody sees.
constexpr double kExcessDeltaEMax = 0.5;

Variant crop(const std::string& source, const std::string& pipeline) {
  auto variant = run_pipeline(source, pipeline);
  EXPECT_TRUE(variant) << pipeline << ": " << variant.error().public_message << " "
                       << variant.error().detail;
  return variant ? *variant : Variant{};
}

std::string sample(const std::string& name) { return read_file(sample_picture(name)); }

bool contains(const Located& crop, const Box& box) {
  return crop.left <= box.x && crop.top <= box.y && box.x + box.width <= crop.left + crop.width &&
         box.y + box.height <= crop.top + crop.height;
}

// A sample with a face, turned in the file and right again by its EXIF tag.
std::string turned_file(const VImage& upright, VipsAngle undo, int orientation) {
  VImage stored = upright.rot(undo).copy();
  stored.set("orientation", orientation);
  VipsBlob* blob = stored.jpegsave_buffer(VImage::option()->set("Q", 90));
  std::string file(static_cast<const char*>(VIPS_AREA(blob)->data), VIPS_AREA(blob)->length);
  vips_area_unref(VIPS_AREA(blob));
  return file;
}

TEST(FacecropTest, CropsAPortraitAroundItsFace) {
  const std::string source = sample("astronaut.png");
  const VImage upright = image::decode(source);
  for (const auto& [width, height] : {std::pair{200, 200}, {100, 300}, {300, 100}, {512, 64}}) {
    const std::string size = std::to_string(width) + "x" + std::to_string(height);
    const Variant variant = crop(source, "facecrop/" + size);
    EXPECT_EQ(variant.subject(), "face") << size;
    EXPECT_EQ(variant.outcome.media_type, "image/jpeg");
    EXPECT_EQ(variant.outcome.width, width);
    EXPECT_EQ(variant.outcome.height, height);
    const VImage picture = image::decode(variant.file);
    ASSERT_EQ(picture.width(), width);
    ASSERT_EQ(picture.height(), height);
    const Located located = locate(upright, picture);
    EXPECT_LT(located.delta_e_excess, kExcessDeltaEMax) << size;
    const Box face{178, 70, 92, 107};
    const bool fits = located.height >= face.height;
    EXPECT_TRUE(!fits || contains(located, face))
        << size << ": " << located.width << "x" << located.height << "+" << located.left << "+"
        << located.top;
  }
}

TEST(FacecropTest, CropsAroundAllFacesOfAGroupWhereTheyFit) {
  const std::string source = sample("sample1.jpg");  // three people, 1920 x 1280 px
  EXPECT_EQ(crop(source, "facecrop/300x200").subject(), "faces");
  EXPECT_EQ(crop(source, "facecrop/260x200").subject(), "faces");
  const Variant narrow = crop(source, "facecrop/100x400");
  EXPECT_EQ(narrow.subject(), "face");
  // The largest of the three is at the right.
  const Located located = locate(image::decode(source), image::decode(narrow.file));
  EXPECT_TRUE(contains(located, {1434, 224, 258, 242}));
}

TEST(FacecropTest, UsesTheAttentionCropWithoutAFace) {
  const std::string source = image::make_jpeg(900, 500);
  const Variant variant = crop(source, "facecrop/200x200");
  EXPECT_EQ(variant.subject(), "attention");
  const VImage upright = image::decode(source);
  const Located located = locate(upright, image::decode(variant.file));
  EXPECT_LT(located.delta_e_excess, kExcessDeltaEMax);
  // libvips' own way: scaled to cover, then its attention crop.
  const VImage cut = upright.resize(0.4).smartcrop(
      200, 200, VImage::option()->set("interesting", VIPS_INTERESTING_ATTENTION));
  EXPECT_NEAR(located.left * located.scale, -cut.xoffset(), 12);
}

TEST(FacecropTest, AppliesTheOrientationFirst) {
  const VImage upright = image::decode(sample("astronaut.png")).extract_area(0, 0, 512, 400);
  struct Case {
    VipsAngle undo;
    int orientation;
  };
  for (const Case& c :
       {Case{VIPS_ANGLE_D180, 3}, Case{VIPS_ANGLE_D270, 6}, Case{VIPS_ANGLE_D90, 8}}) {
    const Variant variant = crop(turned_file(upright, c.undo, c.orientation), "facecrop/120x120");
    EXPECT_EQ(variant.subject(), "face") << c.orientation;
    const Located located = locate(upright, image::decode(variant.file));
    EXPECT_LT(located.delta_e_excess, kExcessDeltaEMax) << c.orientation;
    EXPECT_TRUE(contains(located, {178, 70, 92, 107})) << c.orientation;
  }
}

TEST(FacecropTest, TakesGreyAndTransparentPictures) {
  const VImage upright = image::decode(sample("astronaut.png"));
  const VImage grey = upright.colourspace(VIPS_INTERPRETATION_B_W);
  EXPECT_EQ(crop(image::make_file(grey, ".png"), "facecrop/100x100").subject(), "face");

  // Opaque but for the top left corner, which is outside the crop's middle and must come out white.
  const VImage alpha = VImage::black(512, 512).linear(1, 255).cast(VIPS_FORMAT_UCHAR);
  const VImage hole = alpha.insert(VImage::black(512, 40), 0, 0);
  const VImage transparent = upright.bandjoin(hole).copy(
      VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const Variant variant = crop(image::make_file(transparent, ".png"), "facecrop/256x256");
  EXPECT_EQ(variant.subject(), "face");
  const VImage picture = image::decode(variant.file);
  ASSERT_EQ(picture.bands(), 3);
  EXPECT_GT(picture.extract_area(0, 0, 256, 16).min(), 235);
}

TEST(FacecropTest, WorksOnWhatTheCommandBeforeLeft) {
  const std::string source = sample("sample3.jpg");
  const Variant variant = crop(source, "imageView2/2/w/800|facecrop/300x200|imageView2/2/w/150");
  EXPECT_EQ(variant.subject(), "faces");
  EXPECT_EQ(variant.outcome.width, 150);
  EXPECT_EQ(variant.outcome.height, 100);
  const VImage upright = image::decode(source);
  EXPECT_LT(locate(upright, image::decode(variant.file)).delta_e_excess, 2 * kExcessDeltaEMax);
}

TEST(FacecropTest, GivesAWholePictureOfTheSameAspect) {
  const std::string source = sample("astronaut.png");
  const Variant variant = crop(source, "facecrop/512x512");
  const Located located = locate(image::decode(source), image::decode(variant.file));
  EXPECT_LT(located.delta_e_excess, kExcessDeltaEMax);
}

TEST(FacecropTest, RefusesToEnlarge) {
  const std::string source = image::make_jpeg(640, 427);
  for (const char* pipeline : {"facecrop2/800x200", "facecrop/200x428", "facecrop/641x10"}) {
    const auto variant = run_pipeline(source, pipeline);
    ASSERT_FALSE(variant) << pipeline;
    EXPECT_EQ(variant.error().reason, base::Reason::BadParameter);
    EXPECT_NE(variant.error().public_message.find("640x427"), std::string::npos)
        << variant.error().public_message;
  }
  EXPECT_EQ(crop(source, "facecrop/640x427").outcome.width, 640);
  EXPECT_EQ(crop(source, "facecrop/1x1").outcome.width, 1);
}

TEST(FacecropTest, AcceptsItsBoundsAndNothingPastThem) {
  const pipeline::Catalogue catalogue(worker_with_model().commands());
  for (const char* good : {"facecrop/1x1", "facecrop/9999x9999", "facecrop2/200x100",
                           "facecrop/200x100/ignore-error/1", "facecrop/200x100/ignore-error/0"}) {
    EXPECT_TRUE(catalogue.check(good)) << good;
  }
  EXPECT_EQ(catalogue.check("facecrop2/200x100")->text(), "facecrop/200x100");
  EXPECT_TRUE(catalogue.check("facecrop2/800x200/ignore-error/1")->ignores_errors());
  for (const char* bad :
       {"facecrop", "facecrop/0x10", "facecrop/10x0", "facecrop/10000x1", "facecrop/1x10000",
        "facecrop/200", "facecrop/200x", "facecrop/x200", "facecrop/-1x10", "facecrop/10x10/5",
        "facecrop/10x10/ignore-error/2", "facecrop/10x10/format/png"}) {
    const auto checked = catalogue.check(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().reason, base::Reason::BadParameter) << bad;
  }
}

TEST(FacecropTest, ItsExamplesAreValid) {
  const pipeline::Catalogue catalogue(worker_with_model().commands());
  for (const auto& example : catalogue.find("facecrop")->examples) {
    EXPECT_TRUE(catalogue.check(example.pipeline)) << example.pipeline;
  }
}

TEST(FacecropModelTest, IsPartOfTheWorkersBuildAndLeavesNoNote) {
  const auto detector = detector_for_test();
  ASSERT_NE(detector, nullptr);
  const std::string build = worker_with_model().build();
  EXPECT_NE(build.find("face/" + detector->model()), std::string::npos) << build;
  for (const std::string& note : worker_with_model().notes()) {
    EXPECT_EQ(note.find("facecrop"), std::string::npos) << note;
  }
}

TEST(FacecropModelTest, SaysAloudThatItWorksWithoutAModel) {
  const image::ImageCommand none = image::image_command<"facecrop">({});
  ASSERT_EQ(none.notes.size(), 1U);
  EXPECT_EQ(none.notes[0], "facecrop uses the attention crop because no face model is configured");
  EXPECT_EQ(none.build, "face/none");

  image::ImageWorkerOptions options;
  options.face_model_path = "/nonexistent/face.onnx";
  const image::ImageCommand missing = image::image_command<"facecrop">(options);
  ASSERT_EQ(missing.notes.size(), 1U);
  EXPECT_NE(missing.notes[0].find("/nonexistent/face.onnx"), std::string::npos) << missing.notes[0];
  EXPECT_EQ(missing.build, "face/none");

  options.face_model_path = sample_picture("astronaut.png").string();
  const image::ImageCommand wrong = image::image_command<"facecrop">(options);
  ASSERT_EQ(wrong.notes.size(), 1U);
  EXPECT_NE(wrong.notes[0].find("not an ONNX model"), std::string::npos) << wrong.notes[0];
}

}  // namespace
}  // namespace millrace::workers::face
