// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/face/face_pictures.h"

#include <cstdlib>
#include <cstring>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <vips/vips8>

namespace millrace::workers::face {
namespace fs = std::filesystem;

namespace {

class Vips final : public testing::Environment {
 public:
  void SetUp() override {
    ASSERT_EQ(VIPS_INIT("face_test"), 0);
    vips_concurrency_set(1);
  }
  void TearDown() override { vips_shutdown(); }
};
const auto* const kVips = testing::AddGlobalTestEnvironment(new Vips);

std::optional<std::string> environment(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the tests have one thread and nothing sets it
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

Box box_from(const nlohmann::json& json) {
  return {json.at(0).get<double>(), json.at(1).get<double>(), json.at(2).get<double>(),
          json.at(3).get<double>()};
}

}  // namespace

fs::path model_path() {
  if (const auto path = environment("MILLRACE_FACE_MODEL")) return *path;
  return fs::path(MILLRACE_SOURCE_DIR) / "state/models/ultraface-rfb-320.onnx";
}

std::unique_ptr<FaceDetector> detector_for_test() {
  auto detector = load_face_detector(model_path().string());
  if (!detector) {
    ADD_FAILURE() << "No face model: " << detector.error().public_message
                  << "\nRun scripts/fetch-assets.sh (test.sh does), or set MILLRACE_FACE_MODEL.";
    return nullptr;
  }
  return std::move(*detector);
}

fs::path sample_picture(const std::string& name) {
  fs::path path = fs::path(MILLRACE_SOURCE_DIR) / "sample-bucket" / name;
  EXPECT_TRUE(fs::exists(path)) << path
                                << " is missing. Run scripts/fetch-assets.sh (test.sh does).";
  return path;
}

std::optional<fs::path> media_dir() {
  fs::path path = fs::path(MILLRACE_SOURCE_DIR).parent_path() / "shared/data";
  if (const auto named = environment("MILLRACE_MEDIA_DIR")) path = *named;
  if (!fs::exists(path / "faces/boxes.json")) return std::nullopt;
  return path;
}

RgbPicture load_upright(const fs::path& path, int long_side_px_max) {
  auto image = vips::VImage::thumbnail(
      path.c_str(), long_side_px_max,
      vips::VImage::option()->set("height", long_side_px_max)->set("size", VIPS_SIZE_DOWN));
  image = image.colourspace(VIPS_INTERPRETATION_sRGB);
  if (image.has_alpha()) {
    image = image.flatten(
        vips::VImage::option()->set("background", std::vector<double>{255, 255, 255}));
  }
  std::size_t size_bytes = 0;
  const std::unique_ptr<void, decltype(&g_free)> memory(
      image.cast(VIPS_FORMAT_UCHAR).write_to_memory(&size_bytes), &g_free);
  RgbPicture picture(image.width(), image.height(), 0);
  EXPECT_EQ(size_bytes, picture.view().stride_bytes * static_cast<std::size_t>(image.height()));
  std::memcpy(picture.pixels(), memory.get(), size_bytes);
  return picture;
}

std::vector<FacesOfPhoto> read_boxes(const fs::path& json_path) {
  std::ifstream file(json_path);
  const auto json = nlohmann::json::parse(file);
  std::vector<FacesOfPhoto> photos;
  for (const auto& [name, entry] : json.at("images").items()) {
    FacesOfPhoto photo;
    photo.name = name;
    photo.width = entry.at("width").get<int>();
    photo.height = entry.at("height").get<int>();
    photo.orientation = entry.at("exif_orientation").get<int>();
    photo.dense = entry.at("dense").get<bool>();
    for (const auto& box : entry.at("faces")) photo.faces.push_back(box_from(box));
    for (const auto& box : entry.at("ignore")) photo.ignore.push_back(box_from(box));
    photos.push_back(std::move(photo));
  }
  return photos;
}

}  // namespace millrace::workers::face
