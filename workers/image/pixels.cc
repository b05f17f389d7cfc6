// SPDX-License-Identifier: Apache-2.0
#include "workers/image/pixels.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>

namespace millrace::workers::image {
namespace {

// Two rows of blocks of a JPEG with subsampled colour, and small enough to stay in the second-level
// cache.
constexpr int kStripLines = 16;

struct Unref {
  void operator()(VipsRegion* region) const { g_object_unref(region); }
};

base::Result<void> pull_strips(const vips::VImage& image, const TaskWatch& watch,
                               const std::function<base::Result<void>(const Strip&)>& take) {
  const std::unique_ptr<VipsRegion, Unref> region(vips_region_new(image.get_image()));
  if (!region) throw vips::VError();
  for (int top = 0; top < image.height(); top += kStripLines) {
    if (auto still = watch.check(); !still) return still;
    const VipsRect area{0, top, image.width(), std::min(kStripLines, image.height() - top)};
    if (vips_region_prepare(region.get(), &area) != 0) throw vips::VError();
    const Strip strip{VIPS_REGION_ADDR(region.get(), 0, top), VIPS_REGION_LSKIP(region.get()),
                      area.height};
    if (auto taken = take(strip); !taken) return taken;
  }
  return {};
}

// One of on_vips_thread()'s.
thread_local bool is_vips_thread = false;

struct Job {
  const std::function<base::Result<void>()>& work;
  base::Result<void> result;
  std::exception_ptr thrown;
};

gpointer do_job(gpointer data) {
  is_vips_thread = true;
  auto* job = static_cast<Job*>(data);
  try {
    job->result = job->work();
  } catch (...) {
    job->thrown = std::current_exception();
  }
  return nullptr;
}

}  // namespace

base::Result<void> on_vips_thread(const std::function<base::Result<void>()>& work) {
  if (is_vips_thread) return work();
  Job job{work, {}, nullptr};
  GThread* thread = vips_g_thread_new("strips", do_job, &job);
  if (thread == nullptr) throw vips::VError();
  g_thread_join(thread);
  if (job.thrown) std::rethrow_exception(job.thrown);
  return job.result;
}

base::Result<void> for_each_strip(const vips::VImage& image, const TaskWatch& watch,
                                  const std::function<base::Result<void>(const Strip&)>& take) {
  return on_vips_thread([&] { return pull_strips(image, watch, take); });
}

vips::VImage memory_like(const vips::VImage& image, int width, int height) {
  VipsImage* memory = vips_image_new_memory();
  if (memory == nullptr) throw vips::VError();
  vips::VImage made(memory);  // owns it
  if (vips_image_pipelinev(memory, VIPS_DEMAND_STYLE_ANY, image.get_image(), nullptr) != 0) {
    throw vips::VError();
  }
  // A loader's picture, whom nobody listens to, and who may be gone before this one is.
  memory->progress_signal = nullptr;
  memory->Xsize = width;
  memory->Ysize = height;
  if (vips_image_write_prepare(memory) != 0) throw vips::VError();
  return made;
}

base::Result<vips::VImage> in_memory(const vips::VImage& image, const TaskWatch& watch) {
  const std::size_t line_bytes =
      static_cast<std::size_t>(image.width()) * static_cast<std::size_t>(image.bands());
  vips::VImage copy = memory_like(image, image.width(), image.height());
  int top = 0;
  auto done = for_each_strip(image, watch, [&](const Strip& strip) -> base::Result<void> {
    for (int line = 0; line < strip.lines; ++line) {
      std::memcpy(VIPS_IMAGE_ADDR(copy.get_image(), 0, top + line),
                  strip.first + static_cast<std::size_t>(line) * strip.stride_bytes, line_bytes);
    }
    top += strip.lines;
    return {};
  });
  if (!done) return base::fail(std::move(done.error()));
  return copy;
}

std::vector<std::uint8_t> packed_pixels(const vips::VImage& image, int bands) {
  const int given = image.bands();
  const bool gray = given < 3;
  const bool has_alpha = given == 2 || given == 4;
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(image.width()) *
                 static_cast<std::size_t>(image.height()) * static_cast<std::size_t>(bands));
  for (int y = 0; y < image.height(); ++y) {
    const std::uint8_t* from = VIPS_IMAGE_ADDR(image.get_image(), 0, y);
    for (int x = 0; x < image.width(); ++x, from += given) {
      for (int band = 0; band < 3; ++band) pixels.push_back(from[gray ? 0 : band]);
      if (bands == 4) pixels.push_back(has_alpha ? from[given - 1] : std::uint8_t{255});
    }
  }
  return pixels;
}

}  // namespace millrace::workers::image
