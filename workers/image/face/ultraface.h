// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "workers/image/face/detector.h"
#include "workers/image/face/onnx_graph.h"

namespace millrace::workers::face {

// The shape of an UltraFace model: boxes and scores out, and four pairs of heads before its
// Transposes.
bool is_ultraface(const OnnxGraph& graph);

// `model`: what it calls itself. Internal when the network does not behave like one.
base::Result<std::unique_ptr<FaceDetector>> make_ultraface(std::string_view onnx,
                                                           std::string model);

}  // namespace millrace::workers::face
