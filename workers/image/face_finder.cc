// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face_finder.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>

#include "workers/image/face/candidates.h"
#include "workers/image/operations.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

// Half as large again as what the detector looks at first: the second look at a face needs pixels
// to spare.
constexpr std::int64_t kPreviewPx = face::FaceDetector::kLongSidePx * 3 / 2;

}  // namespace

std::string FaceFinder::build() const {
  return detector ? "face/" + detector->model() : "face/none";
}

FaceFinder open_face_finder(const ImageWorkerOptions& options) {
  if (options.face_model_path.empty()) return {nullptr, "no face model is configured"};
  // The commands of a worker are made one after the other, on one thread.
  static std::map<std::string, std::weak_ptr<face::FaceDetector>> open;
  std::weak_ptr<face::FaceDetector>& known = open[options.face_model_path];
  if (auto detector = known.lock()) return {std::move(detector), ""};
  auto loaded = face::load_face_detector(options.face_model_path);
  if (!loaded) return {nullptr, loaded.error().public_message};
  std::shared_ptr<face::FaceDetector> detector = std::move(*loaded);
  known = detector;
  return {std::move(detector), ""};
}

namespace {

// `small`: in memory, without alpha.
base::Result<FoundFaces> look_at(face::FaceDetector* detector, const VImage& small) {
  FoundFaces found;
  found.preview =
      small.bands() == 3 ? small : small.colourspace(VIPS_INTERPRETATION_sRGB).copy_memory();
  if (detector == nullptr) return found;
  const auto width = static_cast<std::size_t>(found.preview.width());
  auto faces = detector->detect({static_cast<const std::uint8_t*>(found.preview.data()),
                                 found.preview.width(), found.preview.height(), width * 3});
  if (!faces) return base::fail(std::move(faces.error()));
  found.faces = std::move(*faces);
  face::sort_largest_first(found.faces);
  return found;
}

}  // namespace

base::Result<FoundFaces> find_faces(face::FaceDetector* detector, ImageStage& stage) {
  const auto preview = stage.preview(kPreviewPx);
  if (!preview) return base::fail(preview.error());
  return look_at(detector, *preview);
}

base::Result<FoundFaces> find_faces(face::FaceDetector* detector, const VImage& frame) {
  const Size whole{frame.width(), frame.height()};
  const double scale = std::min(1.0, static_cast<double>(kPreviewPx) /
                                         static_cast<double>(std::max(whole.width, whole.height)));
  const auto side = [scale](std::int64_t length) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(length) * scale));
  };
  const VImage small = resized(frame, {side(whole.width), side(whole.height)});
  return look_at(detector, on_white(small).copy_memory());
}

std::vector<face::Face> faces_in(const FoundFaces& found, Size whole) {
  const double across = static_cast<double>(whole.width) / found.preview.width();
  const double down = static_cast<double>(whole.height) / found.preview.height();
  std::vector<face::Face> faces = found.faces;
  for (face::Face& face : faces) {
    face.box = {face.box.x * across, face.box.y * down, face.box.width * across,
                face.box.height * down};
    for (face::Point& point : face.landmarks) point = {point.x * across, point.y * down};
  }
  return faces;
}

}  // namespace millrace::workers::image
