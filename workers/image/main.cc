// SPDX-License-Identifier: Apache-2.0
#include "workers/image/image_worker.h"
#include "workers/runtime/arguments.h"

namespace {

using millrace::workers::WorkerArguments;
using millrace::workers::image::ImageWorker;
using millrace::workers::image::ImageWorkerOptions;

constexpr const char* kFaceModel = "face-model";

millrace::base::Result<std::unique_ptr<millrace::workers::Worker>> make(
    const WorkerArguments& arguments) {
  ImageWorkerOptions options;
  if (const auto model = arguments.options.find(kFaceModel); model != arguments.options.end()) {
    options.face_model_path = model->second;
  }
  return ImageWorker::create(options);
}

}  // namespace

int main(int argc, char** argv) {
  return millrace::workers::worker_main(argc, argv, "image-worker", {kFaceModel}, make);
}
