// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "workers/image/face/detector.h"
#include "workers/image/face/picture.h"

namespace millrace::workers::face {

// The model that the tests use: $MILLRACE_FACE_MODEL, or where scripts/fetch-assets.sh puts it.
std::filesystem::path model_path();
// The detector of that model. A model that is missing or wrong is a failure of the test (and
// nullptr), never a skip.
std::unique_ptr<FaceDetector> detector_for_test();

// A picture that scripts/fetch-assets.sh puts into sample-bucket/; a missing one is a failure of
// the test.
std::filesystem::path sample_picture(const std::string& name);

// $MILLRACE_MEDIA_DIR or ../shared/data beside the repository; nullopt when there is none.
std::optional<std::filesystem::path> media_dir();

// The upright picture in 8-bit sRGB, alpha on white, no side above long_side_px_max, never
// enlarged. Throws vips::VError, which ends the test.
RgbPicture load_upright(const std::filesystem::path& path, int long_side_px_max);

// What boxes.json says about one photograph; boxes in px of the upright picture.
struct FacesOfPhoto {
  std::string name;
  int width = 0;   // px
  int height = 0;  // px
  int orientation = 1;
  bool dense = false;
  std::vector<Box> faces;
  std::vector<Box> ignore;
};
std::vector<FacesOfPhoto> read_boxes(const std::filesystem::path& json_path);

}  // namespace millrace::workers::face
