// SPDX-License-Identifier: Apache-2.0

// What looking for faces costs on a 12 MP picture: each photograph is brought to twelve megapixels,
// stored as a JPEG, and looked at by the image worker's own detector. Processor time, medians of
// the rounds; the promise is that detection, on the shrunk decode, stays under 40 ms. Prints JSON.
//
//   millrace-bench-face-detection --model FILE [--rounds N] PHOTO...
#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <vips/vips8>

#include "workers/image/face/detector.h"
#include "workers/image/face_finder.h"
#include "workers/image/image_worker.h"
#include "workers/image/source.h"
#include "workers/image/stage.h"
#include "workers/image/watch.h"

namespace {

using namespace millrace;
using vips::VImage;

constexpr double kPixels = 12e6;
constexpr double kAskedMs = 40;

double cpu_ms_of(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
  };
  const double start = now();
  work();
  return now() - start;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::string twelve_megapixels(const std::string& path) {
  const VImage photo = VImage::new_from_file(path.c_str()).autorot();
  const double scale = std::sqrt(kPixels / (1.0 * photo.width() * photo.height()));
  const VImage large = photo.resize(scale).colourspace(VIPS_INTERPRETATION_sRGB);
  VipsBlob* blob = large.jpegsave_buffer(VImage::option()->set("Q", 85)->set("strip", true));
  std::size_t bytes = 0;
  const void* data = vips_blob_get(blob, &bytes);
  std::string file(static_cast<const char*>(data), bytes);
  vips_area_unref(VIPS_AREA(blob));
  return file;
}

template <typename Value>
Value must(base::Result<Value> result) {
  if (result) return *std::move(result);
  std::cerr << result.error().public_message << " " << result.error().detail << "\n";
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): one thread
}

nlohmann::ordered_json row_of(const std::string& path, workers::face::FaceDetector& detector,
                              int rounds) {
  using namespace workers::image;
  const std::string file = twelve_megapixels(path);
  std::vector<double> detection;
  std::vector<double> whole;
  std::size_t faces = 0;
  for (int round = -1; round < rounds; ++round) {  // the first warms up
    const Source source = must(read_source(std::as_bytes(std::span(file)), {}));
    TaskWatch watch(base::Deadline::never(), std::chrono::minutes(1),
                    TaskWatch::clocks_of_process());
    ImageStage stage(source, {}, watch);
    VImage shrunk;
    const double with_decode = cpu_ms_of([&] {
      const FoundFaces found = must(find_faces(&detector, stage));
      shrunk = found.preview;
      faces = found.faces.size();
    });
    const workers::face::RgbView view{static_cast<const std::uint8_t*>(shrunk.data()),
                                      shrunk.width(), shrunk.height(),
                                      static_cast<std::size_t>(shrunk.width()) * 3};
    const double alone = cpu_ms_of([&] { must(detector.detect(view)); });
    if (round < 0) continue;
    detection.push_back(alone);
    whole.push_back(with_decode);
  }
  nlohmann::ordered_json row;
  row["photo"] = path.substr(path.rfind('/') + 1);
  row["faces"] = faces;
  row["detection_cpu_ms"] = median(detection);
  row["with_decode_cpu_ms"] = median(whole);
  return row;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Processor time of face detection on 12 MP pictures.");
  std::string model;
  int rounds = 15;
  std::vector<std::string> photos;
  app.add_option("--model", model, "ONNX file of the detector")->required();
  app.add_option("--rounds", rounds, "measurements of each photograph")->check(CLI::Range(1, 999));
  app.add_option("photos", photos, "photographs")->required()->check(CLI::ExistingFile);
  CLI11_PARSE(app, argc, argv);
  const auto worker = workers::image::ImageWorker::create({});  // starts libvips
  const auto detector = must(workers::face::load_face_detector(model));
  nlohmann::ordered_json report;
  report["asked_detection_cpu_ms"] = kAskedMs;
  report["model"] = detector->model();
  std::vector<double> detection;
  std::vector<double> whole;
  for (const std::string& photo : photos) {
    report["photos"].push_back(row_of(photo, *detector, rounds));
    detection.push_back(report["photos"].back()["detection_cpu_ms"]);
    whole.push_back(report["photos"].back()["with_decode_cpu_ms"]);
  }
  report["detection_cpu_ms_median"] = median(detection);
  report["detection_cpu_ms_max"] = std::ranges::max(detection);
  report["with_decode_cpu_ms_median"] = median(whole);
  std::cout << report.dump(1) << "\n";
  return 0;
}
