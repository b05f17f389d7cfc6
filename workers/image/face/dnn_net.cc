// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/dnn_net.h"

#include <exception>
#include <map>
#include <mutex>
#include <utility>

#include <opencv2/core.hpp>
#include <opencv2/core/ocl.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/imgproc.hpp>

namespace millrace::workers::face {
namespace {

// OpenCV would start a thread per core, look for an OpenCL driver, and print every exception it
// throws.
void quieten_opencv() {
  static std::once_flag once;
  std::call_once(once, [] {
    cv::setNumThreads(1);
    cv::ocl::setUseOpenCL(false);
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    cv::redirectError([](int, const char*, const char*, const char*, int, void*) { return 0; });
  });
}

// OpenCV has no view of read-only pixels; whoever gets this does not write.
cv::Mat borrow(const RgbView& picture) {
  return {picture.height, picture.width, CV_8UC3, const_cast<std::uint8_t*>(picture.pixels),
          picture.stride_bytes};
}

cv::Rect rect_of(const PixelRect& rect) { return {rect.left, rect.top, rect.width, rect.height}; }

}  // namespace

// The network as it is for one size of picture.
struct SizedNet {
  cv::dnn::Net net;
  cv::Mat blob;  // 1 x 3 x height x width floats
  std::vector<cv::Mat> outputs;
};

struct DnnNet::Impl {
  std::string onnx;
  std::vector<cv::String> outputs;
  Normalisation normalisation;
  std::map<std::pair<int, int>, SizedNet> sized;  // by width and height, px
};

namespace {

SizedNet make_sized(const std::string& onnx, int width, int height) {
  SizedNet sized;
  sized.net = cv::dnn::readNetFromONNX(onnx.data(), onnx.size());
  sized.net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
  sized.net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
  sized.blob.create(std::vector<int>{1, 3, height, width}, CV_32F);
  return sized;
}

// What cv::dnn::blobFromImage does, without its two copies.
void fill_blob(const RgbView& picture, const DnnNet::Normalisation& normalisation, cv::Mat& blob) {
  const auto mean = static_cast<float>(normalisation.mean);
  const auto scale = static_cast<float>(normalisation.scale);
  for (int band = 0; band < 3; ++band) {
    auto* out = blob.ptr<float>(0, normalisation.planes_bgr ? 2 - band : band);
    for (int y = 0; y < picture.height; ++y) {
      const std::uint8_t* row =
          picture.pixels + static_cast<std::size_t>(y) * picture.stride_bytes + band;
      for (int x = 0; x < picture.width; ++x, row += 3) {
        *out++ = (static_cast<float>(*row) - mean) * scale;
      }
    }
  }
}

}  // namespace

DnnNet::DnnNet(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DnnNet::~DnnNet() = default;

base::Result<std::unique_ptr<DnnNet>> DnnNet::read(std::string onnx,
                                                   std::vector<std::string> outputs,
                                                   Normalisation normalisation) {
  quieten_opencv();
  try {
    // Read for nothing but to know that it can be.
    if (cv::dnn::readNetFromONNX(onnx.data(), onnx.size()).empty()) {
      return base::fail(base::Reason::Internal, "the model is empty");
    }
    auto impl = std::make_unique<Impl>();
    impl->onnx = std::move(onnx);
    impl->outputs = std::move(outputs);
    impl->normalisation = normalisation;
    return std::unique_ptr<DnnNet>(new DnnNet(std::move(impl)));
  } catch (const std::exception& e) {
    return base::fail(base::Reason::Internal, "OpenCV cannot read the model", e.what());
  }
}

void DnnNet::forget_sizes() { impl_->sized.clear(); }

base::Result<std::vector<DnnNet::Tensor>> DnnNet::run(const RgbView& picture) {
  try {
    const std::pair size(picture.width, picture.height);
    auto found = impl_->sized.find(size);
    if (found == impl_->sized.end()) {
      if (impl_->sized.size() == kSizesMax) {
        return base::fail(base::Reason::Internal, "the face model is run at too many sizes");
      }
      found = impl_->sized.emplace(size, make_sized(impl_->onnx, size.first, size.second)).first;
    }
    SizedNet& sized = found->second;
    fill_blob(picture, impl_->normalisation, sized.blob);
    sized.net.setInput(sized.blob);
    sized.net.forward(sized.outputs, impl_->outputs);
    std::vector<Tensor> tensors;
    tensors.reserve(sized.outputs.size());
    for (const cv::Mat& mat : sized.outputs) {
      if (mat.type() != CV_32F || !mat.isContinuous()) {
        return base::fail(base::Reason::Internal, "the model's outputs are not plain floats");
      }
      tensors.push_back({{mat.size.p, mat.size.p + mat.dims}, {mat.ptr<float>(), mat.total()}});
    }
    return tensors;
  } catch (const std::exception& e) {
    return base::fail(base::Reason::Internal, "the face model cannot be run", e.what());
  }
}

void scale_onto(const RgbView& source, const PixelRect& part, RgbPicture& canvas,
                const PixelRect& place) {
  const cv::Mat whole(canvas.height(), canvas.width(), CV_8UC3, canvas.pixels());
  cv::Mat target = whole(rect_of(place));
  const cv::Mat from = borrow(source)(rect_of(part));
  // A mean over areas costs ten times as much, and shows only where whole pixels would be skipped.
  const bool skips = 2 * place.width < part.width || 2 * place.height < part.height;
  // The target has the right size and type already, so that OpenCV writes into the canvas.
  cv::resize(from, target, target.size(), 0, 0, skips ? cv::INTER_AREA : cv::INTER_LINEAR);
}

}  // namespace millrace::workers::face
