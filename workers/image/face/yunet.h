// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "workers/image/face/detector.h"
#include "workers/image/face/onnx_graph.h"

namespace millrace::workers::face {

// The outputs of YuNet of 2023: cls_8, obj_8, bbox_8 and the same at strides 16 and 32.
bool is_yunet(const OnnxGraph& graph);

// `model`: what it calls itself. Internal when the network does not behave like one.
base::Result<std::unique_ptr<FaceDetector>> make_yunet(std::string_view onnx, std::string model);

}  // namespace millrace::workers::face
