// SPDX-License-Identifier: Apache-2.0
//
// YuNet (github.com/opencv/opencv_zoo, face_detection_yunet 2023mar): an anchor-free detector with
// heads at strides 8, 16 and 32. OpenCV's own FaceDetectorYN before 4.8 cannot run this version,
// and its decoding is a page: here.
#include "workers/image/face/yunet.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "workers/image/face/candidates.h"
#include "workers/image/face/dnn_net.h"
#include "workers/image/face/pyramid.h"

namespace millrace::workers::face {
namespace {

constexpr std::uint8_t kFill = 0;
constexpr DnnNet::Normalisation kNormalisation{0, 1, true};
constexpr float kScoreMin = 0.7F;
constexpr double kOverlapMax = 0.3;
constexpr std::array<int, 3> kStridesPx{8, 16, 32};
// A face that fills the picture has too little around it at the usual size: looked for again,
// smaller, when nothing was found.
constexpr std::array<int, 2> kLongSidesPx{FaceDetector::kLongSidePx, 384};

std::vector<std::string> output_names() {
  std::vector<std::string> names;
  for (const char* head : {"cls_", "obj_", "bbox_", "kps_"}) {
    for (const int stride : kStridesPx) names.push_back(head + std::to_string(stride));
  }
  return names;
}

// What one stride says: of each cell two scores, a box of four numbers, and five points of two.
struct Heads {
  const DnnNet::Tensor& sure;
  const DnnNet::Tensor& object;
  const DnnNet::Tensor& box;
  const DnnNet::Tensor& points;
  [[nodiscard]] bool fit(std::size_t cells) const {
    return sure.values.size() == cells && object.values.size() == cells &&
           box.values.size() == 4 * cells && points.values.size() == kPointNumbers * cells;
  }
  static constexpr std::size_t kPointNumbers = 2 * kLandmarks.size();
};

// Candidates of one stride in canvas pixels.
void decode_stride(const Heads& heads, std::size_t columns, int stride_px, std::vector<Face>& out) {
  for (std::size_t i = 0; i < heads.sure.values.size(); ++i) {
    const float score = std::sqrt(std::clamp(heads.sure.values[i], 0.0F, 1.0F) *
                                  std::clamp(heads.object.values[i], 0.0F, 1.0F));
    if (!(score >= kScoreMin)) continue;
    const auto place = heads.box.values.subspan(4 * i, 4);
    const std::size_t column = i % columns;
    const std::size_t row = i / columns;
    const double x = (static_cast<double>(column) + static_cast<double>(place[0])) * stride_px;
    const double y = (static_cast<double>(row) + static_cast<double>(place[1])) * stride_px;
    const double width = std::exp(static_cast<double>(place[2])) * stride_px;
    const double height = std::exp(static_cast<double>(place[3])) * stride_px;
    Face face{{x - width / 2, y - height / 2, width, height}, score};
    const auto points = heads.points.values.subspan(Heads::kPointNumbers * i, Heads::kPointNumbers);
    for (std::size_t p = 0; p < kLandmarks.size(); ++p) {
      face.landmarks.push_back(
          {(static_cast<double>(column) + static_cast<double>(points[2 * p])) * stride_px,
           (static_cast<double>(row) + static_cast<double>(points[2 * p + 1])) * stride_px});
    }
    out.push_back(std::move(face));
  }
}

class YuNet final : public FaceDetector {
 public:
  YuNet(std::unique_ptr<DnnNet> net, std::string model)
      : net_(std::move(net)), model_(std::move(model)) {}

  [[nodiscard]] std::string model() const override { return model_; }
  base::Result<std::vector<Face>> detect(const RgbView& picture) override;

  // Candidates on a canvas at its own size.
  base::Result<std::vector<Face>> look(const RgbView& canvas);
  void forget_sizes() { net_->forget_sizes(); }

 private:
  std::unique_ptr<DnnNet> net_;
  std::string model_;
};

base::Result<std::vector<Face>> YuNet::look(const RgbView& canvas) {
  const auto heads = net_->run(canvas);
  if (!heads) return base::fail(heads.error());
  constexpr std::size_t kLevels = kStridesPx.size();
  std::vector<Face> candidates;
  for (std::size_t i = 0; i < kLevels; ++i) {
    const auto columns = static_cast<std::size_t>(canvas.width / kStridesPx[i]);
    const auto cells = columns * static_cast<std::size_t>(canvas.height / kStridesPx[i]);
    const Heads stride{heads->at(i), heads->at(kLevels + i), heads->at(2 * kLevels + i),
                       heads->at(3 * kLevels + i)};
    if (!stride.fit(cells)) {
      return base::fail(base::Reason::Internal, "the heads of the model are not YuNet's");
    }
    decode_stride(stride, columns, kStridesPx[i], candidates);
  }
  return candidates;
}

base::Result<std::vector<Face>> YuNet::detect(const RgbView& picture) {
  std::vector<Face> faces;
  for (const int long_side : kLongSidesPx) {
    const Level level = level_of(picture, long_side, kFill);
    auto candidates = look(level.canvas.view());
    if (!candidates) return candidates;
    for (Face face : suppress_overlaps(std::move(*candidates), kOverlapMax, kFacesMax)) {
      face.box = clipped({face.box.x / level.scale_x, face.box.y / level.scale_y,
                          face.box.width / level.scale_x, face.box.height / level.scale_y},
                         picture.width, picture.height);
      for (Point& point : face.landmarks) {
        point = {point.x / level.scale_x, point.y / level.scale_y};
      }
      if (face.box.area() > 0) faces.push_back(face);
    }
    if (!faces.empty()) break;
  }
  return faces;
}

}  // namespace

bool is_yunet(const OnnxGraph& graph) {
  const auto names = output_names();
  return std::all_of(names.begin(), names.end(), [&graph](const std::string& name) {
    return std::find(graph.outputs.begin(), graph.outputs.end(), name) != graph.outputs.end();
  });
}

base::Result<std::unique_ptr<FaceDetector>> make_yunet(std::string_view onnx, std::string model) {
  auto net = DnnNet::read(std::string(onnx), output_names(), kNormalisation);
  if (!net) return base::fail(net.error());
  auto detector = std::make_unique<YuNet>(std::move(*net), std::move(model));
  if (const auto looked = detector->look(RgbPicture(96, 64, kFill).view()); !looked) {
    return base::fail(looked.error());
  }
  detector->forget_sizes();
  return detector;
}

}  // namespace millrace::workers::face
