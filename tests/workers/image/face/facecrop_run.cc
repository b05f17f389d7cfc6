// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/face/facecrop_run.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "pipeline/pipeline.h"
#include "tests/workers/image/face/face_pictures.h"
#include "tests/workers/image/pictures.h"

namespace millrace::workers::face {
namespace {

using vips::VImage;

std::string contents_of(int fd) {
  std::string bytes(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  EXPECT_EQ(::pread(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return bytes;
}

// Grey pixels, every fifth of every fifth row: enough to recognise a place by.
class Sparse {
 public:
  static constexpr int kStep = 5;
  explicit Sparse(const VImage& image) : width_(image.width()), height_(image.height()) {
    const VImage grey = image.colourspace(VIPS_INTERPRETATION_B_W).extract_band(0);
    std::size_t size_bytes = 0;
    const std::unique_ptr<void, decltype(&g_free)> memory(grey.write_to_memory(&size_bytes),
                                                          &g_free);
    const auto* pixels = static_cast<const std::uint8_t*>(memory.get());
    pixels_.assign(pixels, pixels + size_bytes);
  }
  // Mean absolute difference of `small` laid on this at left, top.
  [[nodiscard]] double difference(const Sparse& small, int left, int top) const {
    long sum = 0;
    long count = 0;
    for (int y = 0; y < small.height_; y += kStep) {
      const std::uint8_t* mine = &pixels_[row_at(top + y, width_) + static_cast<std::size_t>(left)];
      const std::uint8_t* other = &small.pixels_[row_at(y, small.width_)];
      for (int x = 0; x < small.width_; x += kStep) sum += std::abs(mine[x] - other[x]);
      count += (small.width_ + kStep - 1) / kStep;
    }
    return static_cast<double>(sum) / static_cast<double>(count);
  }

 private:
  static std::size_t row_at(int y, int width) {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  }

  int width_;
  int height_;
  std::vector<std::uint8_t> pixels_;
};

}  // namespace

image::ImageWorker& worker_with_model() {
  static const std::unique_ptr<image::ImageWorker> worker = [] {
    image::ImageWorkerOptions options;
    options.face_model_path = model_path().string();
    auto worker = image::ImageWorker::create(options);
    if (!worker) std::abort();
    return std::move(*worker);
  }();
  return *worker;
}

std::string Variant::subject() const {
  const auto found = outcome.headers.find("X-Millrace-Crop");
  return found == outcome.headers.end() ? "" : found->second;
}

base::Result<Variant> run_pipeline(const std::string& source, const std::string& pipeline) {
  image::ImageWorker& worker = worker_with_model();
  const auto checked = pipeline::Catalogue(worker.commands()).check(pipeline);
  if (!checked) return base::fail(checked.error());
  const base::UniqueFd fd(::memfd_create("variant", MFD_CLOEXEC));
  EXPECT_GE(fd.get(), 0);
  OutputFile output(fd.get());
  RunContext context{*checked, std::as_bytes(std::span(source)), output,
                     {},       base::Deadline::never(),          [](double) {}};
  auto outcome = worker.run(context);
  if (!outcome) return base::fail(outcome.error());
  return Variant{*outcome, contents_of(fd.get())};
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

Located locate(const VImage& upright, const VImage& variant) {
  const double scale = std::max(static_cast<double>(variant.width()) / upright.width(),
                                static_cast<double>(variant.height()) / upright.height());
  const auto side = [scale](int length, int least) {
    return std::max(least, static_cast<int>(std::lround(length * scale)));
  };
  const int width = side(upright.width(), variant.width());
  const int height = side(upright.height(), variant.height());
  const VImage cover =
      upright
          .resize(static_cast<double>(width) / upright.width(),
                  VImage::option()->set("vscale", static_cast<double>(height) / upright.height()))
          .copy_memory();
  const Sparse large(cover);
  const Sparse small(variant);
  int best_left = 0;
  int best_top = 0;
  double best = 256;
  for (int top = 0; top <= cover.height() - variant.height(); ++top) {
    for (int left = 0; left <= cover.width() - variant.width(); ++left) {
      const double difference = large.difference(small, left, top);
      if (difference >= best) continue;
      best = difference;
      best_left = left;
      best_top = top;
    }
  }
  const VImage place = cover.extract_area(best_left, best_top, variant.width(), variant.height());
  const double of_jpeg =
      image::mean_delta_e(place, image::decode(image::make_file(place, ".jpg[Q=75]")));
  return {best_left / scale,
          best_top / scale,
          variant.width() / scale,
          variant.height() / scale,
          scale,
          image::mean_delta_e(place, variant) - of_jpeg};
}

}  // namespace millrace::workers::face
