// SPDX-License-Identifier: Apache-2.0
//
// UltraFace (github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB): a single-shot detector
// with four levels of heads at strides 8 to 64. The published ONNX ends in a decoder with the
// priors of one input size baked in; it is cut off, the convolutions before it run at any size, and
// the decoding is here.
//
// A small network fires on things that look like a face at one scale: hands, textureless round
// things. So every candidate gets a second look, the same network on a square of twice its size
// scaled to 96 px, where a face has about 48 px whatever it had before; the score of a face is the
// geometric mean of the two.
#include "workers/image/face/ultraface.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "workers/image/face/candidates.h"
#include "workers/image/face/dnn_net.h"
#include "workers/image/face/pyramid.h"

namespace millrace::workers::face {
namespace {

constexpr std::uint8_t kFill = 127;  // the networks' mean: says nothing to them
constexpr DnnNet::Normalisation kNormalisation{127.0, 1 / 128.0, false};
constexpr double kCentreVariance = 0.1;
constexpr double kSizeVariance = 0.2;

constexpr float kScoreMin = 0.7F;
// A first look below the square of the threshold cannot reach it with the best second look.
constexpr float kFirstLookMin = kScoreMin * kScoreMin;
constexpr float kSecondLookMin = 0.05F;
// Of 250 candidates in the photographs that this was tried on, 150 were that sure, and the second
// look gave each of them 0.94 or more; of those at 0.998 it took two back.
constexpr float kSureAtFirstLook = 0.999F;
constexpr double kOverlapMax = 0.3;
constexpr double kSamePlaceOverlapMin = 0.4;
// Nine of the deepest heads' strides, so that no head has half a cell at an edge. In photographs it
// finds what 640 px find, and costs a third less (docs/decisions/0020-face-model.md).
constexpr int kFirstLookPx = 576;
constexpr int kSecondLookPx = 96;

struct HeadLevel {
  int stride_px;
  std::span<const float> prior_px;  // sides of the square priors, one anchor each
};
constexpr std::array<float, 3> kPriors8{10, 16, 24};
constexpr std::array<float, 2> kPriors16{32, 48};
constexpr std::array<float, 2> kPriors32{64, 96};
constexpr std::array<float, 3> kPriors64{128, 192, 256};
constexpr std::array<HeadLevel, 4> kLevels{
    {{8, kPriors8}, {16, kPriors16}, {32, kPriors32}, {64, kPriors64}}};
constexpr std::size_t kHeads = kLevels.size() * 2;

using Tensors = std::vector<DnnNet::Tensor>;

// Head `score` is 1 x 2A x rows x columns (background and face for each anchor), `place` 1 x 4A x
// rows x columns.
bool fits(const DnnNet::Tensor& head, std::size_t channels, int canvas_width, int canvas_height,
          int stride_px) {
  const auto cells = [stride_px](int side) { return (side + stride_px - 1) / stride_px; };
  return head.shape ==
         std::vector<int>{1, static_cast<int>(channels), cells(canvas_height), cells(canvas_width)};
}

bool fits_all(const Tensors& heads, int canvas_width, int canvas_height) {
  if (heads.size() != kHeads) return false;
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    const HeadLevel& level = kLevels[i];
    const std::size_t anchors = level.prior_px.size();
    if (!fits(heads[2 * i], 2 * anchors, canvas_width, canvas_height, level.stride_px) ||
        !fits(heads[2 * i + 1], 4 * anchors, canvas_width, canvas_height, level.stride_px)) {
      return false;
    }
  }
  return true;
}

// Candidates of one anchor of one level, in canvas pixels.
void decode_anchor(const DnnNet::Tensor& scores, const DnnNet::Tensor& places, std::size_t anchor,
                   const HeadLevel& level, float score_min, std::vector<Face>& out) {
  const auto columns = static_cast<std::size_t>(scores.shape[3]);
  const auto cells = columns * static_cast<std::size_t>(scores.shape[2]);
  const auto background = scores.values.subspan(2 * anchor * cells, cells);
  const auto face = scores.values.subspan((2 * anchor + 1) * cells, cells);
  const auto place = places.values.subspan(4 * anchor * cells, 4 * cells);
  const double prior = level.prior_px[anchor];
  // Softmax of two, compared as logits so that only the few candidates need the exponential.
  const float logit_min = std::log(score_min / (1 - score_min));
  for (std::size_t i = 0; i < cells; ++i) {
    const float logit = face[i] - background[i];
    if (!(logit >= logit_min)) continue;
    const std::size_t column = i % columns;
    const std::size_t row = i / columns;
    const double x = (static_cast<double>(column) + 0.5) * level.stride_px +
                     static_cast<double>(place[i]) * kCentreVariance * prior;
    const double y = (static_cast<double>(row) + 0.5) * level.stride_px +
                     static_cast<double>(place[cells + i]) * kCentreVariance * prior;
    const double width =
        std::exp(static_cast<double>(place[2 * cells + i]) * kSizeVariance) * prior;
    const double height =
        std::exp(static_cast<double>(place[3 * cells + i]) * kSizeVariance) * prior;
    out.push_back({{x - width / 2, y - height / 2, width, height}, 1 / (1 + std::exp(-logit))});
  }
}

class UltraFace final : public FaceDetector {
 public:
  UltraFace(std::unique_ptr<DnnNet> net, std::string model)
      : net_(std::move(net)), model_(std::move(model)) {}

  [[nodiscard]] std::string model() const override { return model_; }
  base::Result<std::vector<Face>> detect(const RgbView& picture) override;

  // Candidates on a canvas at its own size.
  static base::Result<std::vector<Face>> look(DnnNet& net, const RgbView& canvas, float score_min);

 private:
  base::Result<float> look_again(const RgbView& picture, const Box& box);

  std::unique_ptr<DnnNet> net_;
  std::string model_;
};

base::Result<std::vector<Face>> UltraFace::look(DnnNet& net, const RgbView& canvas,
                                                float score_min) {
  const auto heads = net.run(canvas);
  if (!heads) return base::fail(heads.error());
  if (!fits_all(*heads, canvas.width, canvas.height)) {
    return base::fail(base::Reason::Internal, "the heads of the model are not UltraFace's");
  }
  std::vector<Face> candidates;
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    for (std::size_t anchor = 0; anchor < kLevels[i].prior_px.size(); ++anchor) {
      decode_anchor((*heads)[2 * i], (*heads)[2 * i + 1], anchor, kLevels[i], score_min,
                    candidates);
    }
  }
  return candidates;
}

base::Result<std::vector<Face>> UltraFace::detect(const RgbView& picture) {
  const Level level = level_of(picture, kFirstLookPx, kFill);
  auto candidates = look(*net_, level.canvas.view(), kFirstLookMin);
  if (!candidates) return candidates;

  std::vector<Face> faces;
  for (Face face : suppress_overlaps(std::move(*candidates), kOverlapMax, kFacesMax)) {
    face.box = {face.box.x / level.scale_x, face.box.y / level.scale_y,
                face.box.width / level.scale_x, face.box.height / level.scale_y};
    if (face.score < kSureAtFirstLook) {
      const auto again = look_again(picture, face.box);
      if (!again) return base::fail(again.error());
      face.score = std::sqrt(face.score * *again);
    }
    face.box = clipped(face.box, picture.width, picture.height);
    if (face.score >= kScoreMin && face.box.area() > 0) faces.push_back(face);
  }
  sort_best_first(faces);
  return faces;
}

// The score that the network gives the same place when the face is about half of what it sees.
base::Result<float> UltraFace::look_again(const RgbView& picture, const Box& box) {
  const double side = std::max(4.0, 2 * std::max(box.width, box.height));
  const double left = box.x + box.width / 2 - side / 2;
  const double top = box.y + box.height / 2 - side / 2;
  const double scale = kSecondLookPx / side;

  // What of the square lies inside the picture, in whole pixels, and where that comes to lie on the
  // canvas.
  const auto inside = [](double position, int end) {
    return std::clamp(static_cast<int>(std::lround(position)), 0, end);
  };
  PixelRect part{inside(left, picture.width), inside(top, picture.height), 0, 0};
  part.width = inside(left + side, picture.width) - part.left;
  part.height = inside(top + side, picture.height) - part.top;
  PixelRect place{inside((part.left - left) * scale, kSecondLookPx),
                  inside((part.top - top) * scale, kSecondLookPx), 0, 0};
  place.width = inside((part.left + part.width - left) * scale, kSecondLookPx) - place.left;
  place.height = inside((part.top + part.height - top) * scale, kSecondLookPx) - place.top;
  if (part.width <= 0 || part.height <= 0 || place.width <= 0 || place.height <= 0) return 0.0F;

  RgbPicture canvas(kSecondLookPx, kSecondLookPx, kFill);
  scale_onto(picture, part, canvas, place);
  const auto candidates = look(*net_, canvas.view(), kSecondLookMin);
  if (!candidates) return base::fail(candidates.error());
  const Box expected{(box.x - left) * scale, (box.y - top) * scale, box.width * scale,
                     box.height * scale};
  float best = 0;
  for (const Face& candidate : *candidates) {
    if (overlap(candidate.box, expected) >= kSamePlaceOverlapMin) {
      best = std::max(best, candidate.score);
    }
  }
  return best;
}

}  // namespace

bool is_ultraface(const OnnxGraph& graph) {
  const auto transposes =
      std::count_if(graph.nodes.begin(), graph.nodes.end(),
                    [](const OnnxNode& node) { return node.op == "Transpose"; });
  return graph.outputs == std::vector<std::string>{"scores", "boxes"} &&
         transposes == static_cast<std::ptrdiff_t>(kHeads);
}

base::Result<std::unique_ptr<FaceDetector>> make_ultraface(std::string_view onnx,
                                                           std::string model) {
  const auto trunk = cut_at_transposes(onnx);
  if (!trunk) return base::fail(trunk.error());
  auto net = DnnNet::read(trunk->onnx, trunk->heads, kNormalisation);
  if (!net) return base::fail(net.error());
  // Proves the shapes. Most workers never look for a face: no buffer is kept.
  const RgbPicture blank(kSecondLookPx, kSecondLookPx, kFill);
  if (const auto looked = UltraFace::look(**net, blank.view(), kFirstLookMin); !looked) {
    return base::fail(looked.error());
  }
  (*net)->forget_sizes();
  return std::make_unique<UltraFace>(std::move(*net), std::move(model));
}

}  // namespace millrace::workers::face
