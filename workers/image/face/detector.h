// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workers/image/face/picture.h"

namespace millrace::workers::face {

// A rectangle in px, origin at the top left corner of the picture.
struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
  [[nodiscard]] double area() const { return width * height; }
};

// px, as of Box.
struct Point {
  double x = 0;
  double y = 0;
};

// The points that a model may tell of, in this order; right and left are the person's own.
inline constexpr std::array<std::string_view, 5> kLandmarks = {
    "right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner"};

// Forehead to chin, ear to ear: the hair is above the box.
struct Face {
  Box box;
  float score = 0;  // 0..1, at least the detector's threshold
  // As kLandmarks, or none: not every model has them. They may lie outside the box.
  std::vector<Point> landmarks{};
};

// Finds upright faces. Holds a network with its buffers: one thread at a time, and calls of the
// same picture size in a row are cheapest.
class FaceDetector {
 public:
  static constexpr std::size_t kFacesMax = 100;
  // The longest side that a detector looks at. A larger picture is shrunk to it, a smaller one is
  // not enlarged; more than about twice this long side in the argument is wasted decoding.
  static constexpr int kLongSidePx = 640;

  virtual ~FaceDetector() = default;
  // The family of the model and the start of its file's SHA-256, "ultraface-6c0256cc": what a
  // variant depends on.
  [[nodiscard]] virtual std::string model() const = 0;
  // Best score first, at most kFacesMax, boxes clipped to the picture and in its pixels. None for a
  // picture without faces. Internal when the network fails. 25 to 50 ms of one core for 576 x 448
  // px.
  virtual base::Result<std::vector<Face>> detect(const RgbView& picture) = 0;
};

// Makes the detector that the bytes of an ONNX file ask for, and runs it once, so that what is
// wrong with a model shows now and no file is opened later; it keeps no buffers of that. Known are
// the UltraFace models (RFB and slim, any input size) and YuNet of 2023. Internal with a sentence
// for the operator for anything else: another network, a truncated file, tensors whose sizes do not
// fit. `onnx` is not needed afterwards. About 20 ms.
base::Result<std::unique_ptr<FaceDetector>> make_face_detector(std::string_view onnx);

// The same from a file of at most kModelBytesMax.
inline constexpr std::size_t kModelBytesMax = std::size_t{64} << 20;
base::Result<std::unique_ptr<FaceDetector>> load_face_detector(const std::string& path);

}  // namespace millrace::workers::face
