// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "workers/image/face/picture.h"

namespace millrace::workers::face {

// A network on OpenCV's dnn module, on the calling thread alone. This and dnn_net.cc are the only
// door to OpenCV; its exceptions end here and its log is silent.
//
// OpenCV gives up all buffers of a network whose input changes size, and to get fresh pages from
// the kernel can cost more than the arithmetic. So there is a network, with buffers of its own, for
// each size that has been asked for: callers keep to few sizes.
class DnnNet {
 public:
  static constexpr std::size_t kSizesMax = 8;

  // How pixels become numbers: (value - mean) * scale, planes in the order R, G, B or B, G, R.
  struct Normalisation {
    double mean = 0;
    double scale = 1;
    bool planes_bgr = false;
  };
  // One output, of the last run: its shape (batch first) and values in row-major order. Owned by
  // the net, good until the next run.
  struct Tensor {
    std::vector<int> shape;
    std::span<const float> values;
  };

  // Keeps a copy of the model. Internal when OpenCV cannot read it or lacks one of its layers.
  static base::Result<std::unique_ptr<DnnNet>> read(std::string onnx,
                                                    std::vector<std::string> outputs,
                                                    Normalisation normalisation);
  ~DnnNet();
  DnnNet(const DnnNet&) = delete;
  DnnNet& operator=(const DnnNet&) = delete;

  // Runs the whole picture through; the answer is in the order of `outputs`. The first run of a
  // size costs about 10 ms and, for UltraFace at 640 x 480 px, 30 MB more (at 576 x 448 less).
  // Internal when a layer refuses the size, or when it is one size too many.
  base::Result<std::vector<Tensor>> run(const RgbView& picture);
  // Gives all buffers back; the next run of any size is a first one again.
  void forget_sizes();

 private:
  struct Impl;
  explicit DnnNet(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Scales `part` of `source` onto `place` of `canvas`: area average when it shrinks to less than
// half, bilinear otherwise. Both rectangles are not empty and inside their pictures.
void scale_onto(const RgbView& source, const PixelRect& part, RgbPicture& canvas,
                const PixelRect& place);

}  // namespace millrace::workers::face
