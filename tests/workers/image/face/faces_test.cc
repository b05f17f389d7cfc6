// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/workers/image/face/face_pictures.h"
#include "tests/workers/image/face/facecrop_run.h"
#include "tests/workers/image/pictures.h"
#include "workers/image/command.h"

namespace millrace::workers::face {
namespace {

nlohmann::json faces_of(const std::string& source, const std::string& pipeline = "faces") {
  const auto variant = run_pipeline(source, pipeline);
  EXPECT_TRUE(variant) << pipeline << ": " << variant.error().public_message;
  if (!variant) return {};
  EXPECT_EQ(variant->outcome.media_type, "application/json");
  EXPECT_FALSE(variant->outcome.cacheable_by_clients);
  return nlohmann::json::parse(variant->file);
}

Box box_of(const nlohmann::json& face) {
  return {face.at("x"), face.at("y"), face.at("width"), face.at("height")};
}

TEST(FacesTest, TellsWhereTheFaceIs) {
  const auto document = faces_of(read_file(sample_picture("astronaut.png")));
  EXPECT_EQ(document.at("width"), 512);
  EXPECT_EQ(document.at("height"), 512);
  EXPECT_EQ(document.at("model"), detector_for_test()->model());
  ASSERT_EQ(document.at("faces").size(), 1U);
  const auto& face = document.at("faces").at(0);
  EXPECT_GE(face.at("score"), 0.7);
  EXPECT_LE(face.at("score"), 1.0);
  const Box box = box_of(face);
  const Box expected{178, 70, 92, 107};
  EXPECT_NEAR(box.x + box.width / 2, expected.x + expected.width / 2, 15);
  EXPECT_NEAR(box.y + box.height / 2, expected.y + expected.height / 2, 20);
}

TEST(FacesTest, ListsTheLargestFirstInPxOfTheWholePicture) {
  const auto document = faces_of(read_file(sample_picture("sample1.jpg")));
  EXPECT_EQ(document.at("width"), 1920);
  const auto& faces = document.at("faces");
  ASSERT_EQ(faces.size(), 3U);
  double area = 1e12;
  for (const auto& face : faces) {
    EXPECT_LE(box_of(face).area(), area);
    area = box_of(face).area();
  }
  EXPECT_GT(box_of(faces.at(0)).x, 1'300) << "the largest of the three is at the right";
}

TEST(FacesTest, CountsInPxOfTheUprightPictureThatItIsGiven) {
  const std::string source = read_file(sample_picture("astronaut.png"));
  const auto half = faces_of(source, "imageView2/2/w/256|faces");
  EXPECT_EQ(half.at("width"), 256);
  ASSERT_EQ(half.at("faces").size(), 1U);
  EXPECT_NEAR(box_of(half.at("faces").at(0)).x, 89, 15);
  // Stored on its side, with the tag kept, and still found.
  vips::VImage stored =
      image::decode(source).extract_band(0, vips::VImage::option()->set("n", 3)).rot270().copy();
  stored.set("orientation", 6);
  const auto turned =
      faces_of(image::make_file(stored, ".jpg[Q=95]"), "imageMogr2/quality/90|faces");
  ASSERT_EQ(turned.at("faces").size(), 1U);
  EXPECT_NEAR(box_of(turned.at("faces").at(0)).x, 178, 15);
}

TEST(FacesTest, APictureWithoutFacesHasNone) {
  EXPECT_TRUE(faces_of(image::make_jpeg(300, 200)).at("faces").empty());
}

TEST(FacesTest, LandmarksAreThereWhereTheModelHasThem) {
  const bool has_landmarks = detector_for_test()->model().starts_with("yunet");
  const auto document = faces_of(read_file(sample_picture("astronaut.png")));
  const auto& face = document.at("faces").at(0);
  ASSERT_EQ(face.contains("landmarks"), has_landmarks);
  if (!has_landmarks) return;
  const auto& points = face.at("landmarks");
  EXPECT_LT(points.at("right_eye").at(0), points.at("left_eye").at(0));
  EXPECT_LT(points.at("right_eye").at(1), points.at("nose").at(1));
  EXPECT_LT(points.at("nose").at(1), points.at("left_mouth_corner").at(1));
}

TEST(FacesTest, IsNotOfferedWithoutAModel) {
  for (const image::ImageCommand& command :
       {image::image_command<"faces">({}), image::image_command<"redact">({})}) {
    EXPECT_FALSE(command.is_offered) << command.spec.name;
    ASSERT_EQ(command.notes.size(), 1U);
    EXPECT_NE(command.notes[0].find("not offered because no face model"), std::string::npos);
  }
  const pipeline::Catalogue catalogue(worker_with_model().commands());
  EXPECT_NE(catalogue.find("faces"), nullptr);
  EXPECT_NE(catalogue.find("redact"), nullptr);
}

}  // namespace
}  // namespace millrace::workers::face
