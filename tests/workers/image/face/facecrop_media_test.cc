// SPDX-License-Identifier: Apache-2.0
//
// facecrop over the media folder: is the face that it says it chose inside what comes out?
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <vips/vips8>

#include "tests/workers/image/face/face_pictures.h"
#include "tests/workers/image/face/facecrop_run.h"
#include "tests/workers/image/pictures.h"

namespace millrace::workers::face {
namespace {

// The boxes were drawn by people and other detectors; a face counts as inside when no more than
// this part of it is cut off at an edge.
constexpr double kDrawnToleranceRatio = 0.05;
// "The largest" among faces that are nearly as large is a matter of taste.
constexpr double kAlsoLargestRatio = 0.7;
constexpr double kPasserByHeightRatio = 0.2;
constexpr double kExcessDeltaEMax = 0.6;  // beside libvips' own JPEG of the same place

struct Figures {
  int crops = 0;
  int right = 0;
  int wrong_subject = 0;
  double delta_e_max = 0;
};

bool contains(const Located& crop, const Box& box) {
  const double x = box.width * kDrawnToleranceRatio;
  const double y = box.height * kDrawnToleranceRatio;
  return crop.left <= box.x + x && box.x + box.width - x <= crop.left + crop.width &&
         crop.top <= box.y + y && box.y + box.height - y <= crop.top + crop.height;
}

bool fits(const Located& crop, const Box& box) {
  return box.width <= crop.width && box.height <= crop.height;
}

std::vector<Box> largest_first(std::vector<Box> boxes) {
  std::sort(boxes.begin(), boxes.end(),
            [](const Box& a, const Box& b) { return a.area() > b.area(); });
  return boxes;
}

// "face": one of the largest is inside (or too large for that). "faces": all but passers-by are.
bool is_right(const std::string& subject, const Located& crop, const std::vector<Box>& faces) {
  const std::vector<Box> boxes = largest_first(faces);
  if (subject == "face") {
    return std::any_of(boxes.begin(), boxes.end(), [&](const Box& box) {
      return box.area() >= kAlsoLargestRatio * boxes.front().area() &&
             (contains(crop, box) || !fits(crop, box));
    });
  }
  return subject == "faces" && std::all_of(boxes.begin(), boxes.end(), [&](const Box& box) {
           return box.height < kPasserByHeightRatio * boxes.front().height || contains(crop, box);
         });
}

TEST(FacecropMediaTest, HoldsTheFacesItSaysItChose) {
  const auto media = media_dir();
  if (!media) GTEST_SKIP() << "no media folder (set MILLRACE_MEDIA_DIR)";
  Figures figures;
  for (const FacesOfPhoto& photo : read_boxes(*media / "faces/boxes.json")) {
    const std::string source = read_file(*media / "faces" / photo.name);
    const vips::VImage upright = image::decode(source);
    ASSERT_EQ(upright.width(), photo.width) << photo.name;
    for (const char* size : {"120x120", "90x160", "240x80"}) {
      const auto variant = run_pipeline(source, std::string("facecrop/") + size);
      ASSERT_TRUE(variant) << photo.name << ": " << variant.error().public_message;
      const Located crop = locate(upright, image::decode(variant->file));
      figures.delta_e_max = std::max(figures.delta_e_max, crop.delta_e_excess);
      EXPECT_LT(crop.delta_e_excess, kExcessDeltaEMax) << photo.name << " " << size;
      if (photo.faces.empty()) {
        const bool may_be_face = !photo.ignore.empty();
        figures.wrong_subject += variant->subject() == "attention" || may_be_face ? 0 : 1;
        continue;
      }
      const bool right = is_right(variant->subject(), crop, photo.faces);
      figures.crops += 1;
      figures.right += right ? 1 : 0;
      if (!right) {
        std::cout << photo.name << " " << size << " " << variant->subject() << ": " << crop.width
                  << "x" << crop.height << "+" << crop.left << "+" << crop.top << "\n";
      }
    }
  }
  std::cout << "faces inside " << figures.right << "/" << figures.crops
            << ", faceless taken for faces " << figures.wrong_subject
            << ", largest excess CIEDE2000 " << figures.delta_e_max << "\n";
  RecordProperty("crops", figures.crops);
  RecordProperty("faces_inside", figures.right);
  ASSERT_GT(figures.crops, 0);
  EXPECT_GE(figures.right, figures.crops * 0.97);
  EXPECT_EQ(figures.wrong_subject, 0);
}

}  // namespace
}  // namespace millrace::workers::face
