// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/detector.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/face/face_pictures.h"
#include "workers/image/face/candidates.h"
#include "workers/image/face/onnx_graph.h"

namespace millrace::workers::face {
namespace {

// The face of astronaut.png, 512 x 512 px, as a person sees it.
constexpr Box kAstronautsFace{178, 61, 92, 116};

std::string model_bytes() {
  std::ifstream file(model_path(), std::ios::binary);
  EXPECT_TRUE(file) << model_path() << " is missing. Run scripts/fetch-assets.sh (test.sh does).";
  return {std::istreambuf_iterator<char>(file), {}};
}

class FaceDetectorTest : public testing::Test {
 protected:
  void SetUp() override {
    detector_ = detector_for_test();
    ASSERT_NE(detector_, nullptr);
  }
  std::vector<Face> detect(const RgbView& picture) {
    auto faces = detector_->detect(picture);
    EXPECT_TRUE(faces) << faces.error().public_message << faces.error().detail;
    return faces ? *faces : std::vector<Face>{};
  }

  std::unique_ptr<FaceDetector> detector_;
};

TEST_F(FaceDetectorTest, FindsTheFaceOfAPortrait) {
  const RgbPicture picture = load_upright(sample_picture("astronaut.png"), 512);
  const auto faces = detect(picture.view());
  ASSERT_EQ(faces.size(), 1U);
  EXPECT_GT(overlap(faces[0].box, kAstronautsFace), 0.6);
  EXPECT_GT(faces[0].score, 0.9F);
}

TEST_F(FaceDetectorTest, FindsEveryoneInAGroup) {
  for (const auto& [name, people] :
       {std::pair{"sample1.jpg", 3U}, {"sample3.jpg", 3U}, {"sample4.jpg", 4U}}) {
    const RgbPicture picture = load_upright(sample_picture(name), 960);
    EXPECT_EQ(detect(picture.view()).size(), people) << name;
  }
}

TEST_F(FaceDetectorTest, FindsNothingInPatterns) {
  std::mt19937 generator(7);
  RgbPicture noise(640, 480, 0);
  RgbPicture stripes(480, 640, 0);
  for (int i = 0; i < 640 * 480 * 3; ++i) {
    noise.pixels()[i] = static_cast<std::uint8_t>(generator() & 0xff);
    stripes.pixels()[i] = static_cast<std::uint8_t>(i / 3 % 480 / 16 % 2 * 255);
  }
  EXPECT_TRUE(detect(noise.view()).empty());
  EXPECT_TRUE(detect(stripes.view()).empty());
  EXPECT_TRUE(detect(RgbPicture(640, 640, 128).view()).empty());
}

TEST_F(FaceDetectorTest, TakesPicturesOfAnySize) {
  for (const auto& [width, height] :
       {std::pair{1, 1}, {1, 3000}, {3000, 1}, {31, 33}, {2000, 700}}) {
    EXPECT_TRUE(detect(RgbPicture(width, height, 90).view()).empty()) << width << "x" << height;
  }
}

TEST_F(FaceDetectorTest, ReadsRowsByTheirStride) {
  const RgbPicture picture = load_upright(sample_picture("astronaut.png"), 512);
  const std::size_t row_bytes = picture.view().stride_bytes;
  const std::size_t stride_bytes = row_bytes + 61;
  std::vector<std::uint8_t> spaced(stride_bytes * 512, 0xee);
  for (std::size_t y = 0; y < 512; ++y) {
    std::memcpy(&spaced[y * stride_bytes], picture.view().pixels + y * row_bytes, row_bytes);
  }
  const auto expected = detect(picture.view());
  const auto faces = detect({spaced.data(), 512, 512, stride_bytes});
  ASSERT_EQ(faces.size(), expected.size());
  ASSERT_FALSE(faces.empty());
  EXPECT_EQ(faces[0].box.x, expected[0].box.x);
  EXPECT_EQ(faces[0].score, expected[0].score);
}

TEST_F(FaceDetectorTest, GivesTheSameAnswerAfterOtherSizes) {
  const RgbPicture picture = load_upright(sample_picture("astronaut.png"), 512);
  const auto first = detect(picture.view());
  detect(RgbPicture(640, 300, 10).view());
  detect(RgbPicture(300, 640, 10).view());
  const auto second = detect(picture.view());
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].box.x, second[i].box.x);
    EXPECT_EQ(first[i].score, second[i].score);
  }
}

TEST_F(FaceDetectorTest, NamesItsModelByFamilyAndContent) {
  EXPECT_NE(detector_->model().find('-'), std::string::npos) << detector_->model();
}

TEST(FaceModelTest, RefusesATruncatedModel) {
  const std::string whole = model_bytes();
  ASSERT_FALSE(whole.empty());
  for (int tenth = 0; tenth < 10; ++tenth) {
    const std::size_t length = whole.size() * static_cast<std::size_t>(tenth) / 10;
    EXPECT_FALSE(make_face_detector(std::string_view(whole).substr(0, length))) << length;
  }
}

// What stands before OpenCV's importer: whatever the bytes, a graph or an error.
TEST(FaceModelTest, ReadsFlippedBytesWithinTheirBounds) {
  const std::string whole = model_bytes();
  ASSERT_FALSE(whole.empty());
  std::mt19937 generator(11);
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    std::string damaged = whole;
    const std::size_t at = generator() % 40'000;  // the nodes, where structure is dense
    damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(1U << (generator() % 8)));
    refused += read_onnx_graph(damaged) ? 0 : 1;
    if (const auto trunk = cut_at_transposes(damaged)) EXPECT_FALSE(trunk->heads.empty());
  }
  EXPECT_GT(refused, 0);
}

TEST(FaceModelTest, RefusesWhatIsNoFaceModel) {
  const auto nothing = make_face_detector("");
  ASSERT_FALSE(nothing);
  EXPECT_NE(nothing.error().public_message.find("not an ONNX model"), std::string::npos);
  EXPECT_FALSE(make_face_detector(std::string(5'000, 'x')));
  // A graph of one node: an ONNX model, but of something else.
  const auto other = make_face_detector(std::string_view("\x3a\x08\x0a\x06\x22\x04Relu", 10));
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().public_message.find("neither UltraFace"), std::string::npos);
}

TEST(FaceModelTest, NamesTheFileThatCannotBeRead) {
  const auto missing = load_face_detector("/nonexistent/model.onnx");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().public_message.find("/nonexistent/model.onnx"), std::string::npos);
  EXPECT_FALSE(load_face_detector("/"));
  EXPECT_FALSE(load_face_detector("/dev/null"));
}

}  // namespace
}  // namespace millrace::workers::face
