// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/detector.h"

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <system_error>

#include "base/crypto.h"
#include "workers/image/face/onnx_graph.h"
#include "workers/image/face/ultraface.h"
#include "workers/image/face/yunet.h"

namespace millrace::workers::face {

base::Result<std::unique_ptr<FaceDetector>> make_face_detector(std::string_view onnx) {
  const auto graph = read_onnx_graph(onnx);
  if (!graph) return base::fail(graph.error());
  const std::string digest = base::hex(base::sha256(onnx)).substr(0, 8);
  if (is_ultraface(*graph)) return make_ultraface(onnx, "ultraface-" + digest);
  if (is_yunet(*graph)) return make_yunet(onnx, "yunet-" + digest);
  return base::fail(base::Reason::Internal,
                    "the model is neither UltraFace (outputs scores, boxes) nor YuNet of 2023 "
                    "(outputs cls_8, obj_8, bbox_8, …)");
}

base::Result<std::unique_ptr<FaceDetector>> load_face_detector(const std::string& path) {
  const auto unreadable = [&path] {
    return base::fail(base::Reason::Internal, "the file " + path + " cannot be read",
                      std::generic_category().message(errno));
  };
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return unreadable();
  const std::streamoff size_bytes = file.tellg();
  if (size_bytes < 0) return unreadable();
  if (static_cast<std::uint64_t>(size_bytes) > kModelBytesMax) {
    return base::fail(base::Reason::Internal,
                      "the file " + path + " is too large to be a face model");
  }
  std::string onnx(static_cast<std::size_t>(size_bytes), '\0');
  file.seekg(0);
  if (!file.read(onnx.data(), size_bytes)) return unreadable();
  auto detector = make_face_detector(onnx);
  if (!detector) {
    base::Error error = detector.error();
    error.public_message = path + ": " + error.public_message;
    return base::fail(std::move(error));
  }
  return detector;
}

}  // namespace millrace::workers::face
