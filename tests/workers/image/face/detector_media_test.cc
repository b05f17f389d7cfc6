// SPDX-License-Identifier: Apache-2.0
//
// How well the detector finds the faces of the photographs in the media folder, looked at as
// facecrop looks: upright and shrunk to the detector's long side. The floors are what the UltraFace
// model was measured to reach.
#include <algorithm>
#include <ctime>
#include <iostream>

#include <gtest/gtest.h>

#include "tests/workers/image/face/face_pictures.h"
#include "workers/image/face/candidates.h"
#include "workers/image/face/detector.h"

namespace millrace::workers::face {
namespace {

// As facecrop looks: with pixels to spare for the second look.
constexpr int kSeenLongSidePx = 960;
constexpr double kSameFaceOverlapMin = 0.35;

struct Figures {
  int photos = 0;
  int clear = 0;
  int clear_found = 0;
  int crowd = 0;
  int crowd_found = 0;
  int false_positives = 0;
  int largest_is_face = 0;
  int with_detection = 0;
  double cpu_ms = 0;
};

double cpu_ms_now() { return 1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

bool holds(const std::vector<Box>& boxes, const Box& box) {
  return std::any_of(boxes.begin(), boxes.end(), [&box](const Box& other) {
    return overlap(other, box) >= kSameFaceOverlapMin;
  });
}

// Boxes of the shrunk picture in the original's pixels.
std::vector<Box> enlarged(const std::vector<Face>& faces, const RgbPicture& seen,
                          const FacesOfPhoto& photo) {
  const double x = static_cast<double>(photo.width) / seen.width();
  const double y = static_cast<double>(photo.height) / seen.height();
  std::vector<Box> boxes;
  boxes.reserve(faces.size());
  for (const Face& face : faces) {
    boxes.push_back({face.box.x * x, face.box.y * y, face.box.width * x, face.box.height * y});
  }
  return boxes;
}

void count(const FacesOfPhoto& photo, const std::vector<Box>& found, Figures& figures) {
  figures.photos += 1;
  for (const Box& face : photo.faces) {
    const bool hit = holds(found, face);
    (photo.dense ? figures.crowd : figures.clear) += 1;
    (photo.dense ? figures.crowd_found : figures.clear_found) += hit ? 1 : 0;
    if (!hit && !photo.dense) {
      std::cout << "missed in " << photo.name << ": " << face.width << " x " << face.height
                << " at " << face.x << ", " << face.y << "\n";
    }
  }
  for (const Box& box : found) {
    if (holds(photo.faces, box) || holds(photo.ignore, box) || photo.dense) continue;
    figures.false_positives += 1;
    std::cout << "false in " << photo.name << ": " << box.width << " x " << box.height << " at "
              << box.x << ", " << box.y << "\n";
  }
  if (found.empty()) return;
  figures.with_detection += 1;
  const Box largest = *std::max_element(
      found.begin(), found.end(), [](const Box& a, const Box& b) { return a.area() < b.area(); });
  figures.largest_is_face += holds(photo.faces, largest) || holds(photo.ignore, largest) ? 1 : 0;
}

TEST(FaceDetectorMediaTest, FindsTheClearFacesOfPhotographsAndLittleElse) {
  const auto media = media_dir();
  if (!media) GTEST_SKIP() << "no media folder (set MILLRACE_MEDIA_DIR)";
  const auto detector = detector_for_test();
  ASSERT_NE(detector, nullptr);

  Figures figures;
  for (const FacesOfPhoto& photo : read_boxes(*media / "faces/boxes.json")) {
    const RgbPicture seen = load_upright(*media / "faces" / photo.name, kSeenLongSidePx);
    const double before_ms = cpu_ms_now();
    const auto found = detector->detect(seen.view());
    figures.cpu_ms += cpu_ms_now() - before_ms;
    ASSERT_TRUE(found) << photo.name << ": " << found.error().detail;
    count(photo, enlarged(*found, seen, photo), figures);
  }
  std::cout << detector->model() << ": clear " << figures.clear_found << "/" << figures.clear
            << ", crowds " << figures.crowd_found << "/" << figures.crowd << ", false positives "
            << figures.false_positives << ", largest is a face " << figures.largest_is_face << "/"
            << figures.with_detection << ", CPU " << figures.cpu_ms / figures.photos
            << " ms a picture\n";
  RecordProperty("clear_found", figures.clear_found);
  RecordProperty("clear", figures.clear);
  RecordProperty("false_positives", figures.false_positives);
  ASSERT_GT(figures.clear, 0);
  EXPECT_GE(figures.clear_found, figures.clear * 0.95);
  EXPECT_LE(figures.false_positives, 2);
  EXPECT_GE(figures.largest_is_face, figures.with_detection - 1);
}

TEST(FaceDetectorMediaTest, SeesNoFaceInPhotographsWithoutPeople) {
  const auto media = media_dir();
  if (!media) GTEST_SKIP() << "no media folder (set MILLRACE_MEDIA_DIR)";
  const auto detector = detector_for_test();
  ASSERT_NE(detector, nullptr);
  int photos = 0;
  int false_positives = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*media / "photos")) {
    const std::string name = entry.path().filename().string();
    if (name == "workshop-3.9mp.jpg") continue;  // three people
    const auto found = detector->detect(load_upright(entry.path(), kSeenLongSidePx).view());
    ASSERT_TRUE(found) << name;
    photos += 1;
    false_positives += static_cast<int>(found->size());
    for (const Face& face : *found) {
      std::cout << "false in " << name << ": " << face.box.width << " x " << face.box.height
                << " at " << face.box.x << ", " << face.box.y << ", score " << face.score << "\n";
    }
  }
  std::cout << "false positives " << false_positives << " in " << photos << " photographs\n";
  ASSERT_GT(photos, 0);
  EXPECT_LE(false_positives, 1);
}

}  // namespace
}  // namespace millrace::workers::face
