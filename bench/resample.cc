// SPDX-License-Identifier: Apache-2.0

// What it costs to resample the planes of a picture, by our own resampler, by libvips (vips_resize
// with Lanczos3 as it comes, on the same samples in memory) and by a plain loop over the same
// tables of weights. Shapes are those of thumbnails from JPEG, decoded at a half or a quarter, with
// 4:2:0 chroma. Processor time of a whole picture, tables and all; medians of alternating rounds.
//
//   millrace-bench-resample [--rounds N] [--out FILE.json]
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vips/vips8>

#include "codecs/resample/kernel.h"
#include "codecs/resample/picture_resampler.h"

namespace {

using namespace millrace::codecs;
using vips::VImage;

constexpr double kRoundMsMin = 30;  // a way is repeated until a round takes so long

struct Shape {
  std::string name;
  SourcePicture source;
  Area area;
  OutputPicture output;
};

std::vector<Shape> shapes() {
  return {
      {"12 MP at 1/2 to 800x600",
       scaled_jpeg(4000, 3000, false, 2, 2, 4),
       {0, 0, 4000, 3000},
       {.width_px = 800, .height_px = 600}},
      {"12 MP at 1/4 to 200x200, cut",
       scaled_jpeg(4000, 3000, false, 2, 2, 2),
       {500, 0, 3500, 3000},
       {.width_px = 200, .height_px = 200}},
      {"2 MP at 1/4 to 200x200, cut",
       scaled_jpeg(1600, 1200, false, 2, 2, 2),
       {200, 0, 1400, 1200},
       {.width_px = 200, .height_px = 200}},
      {"12 MP whole to 800x600",
       scaled_jpeg(4000, 3000, false, 2, 2, 8),
       {0, 0, 4000, 3000},
       {.width_px = 800, .height_px = 600}},
      {"0.3 MP to twice its size",
       scaled_jpeg(640, 480, false, 2, 2, 8),
       {0, 0, 640, 480},
       {.width_px = 1280, .height_px = 960}},
  };
}

// Noise: no way has it easier for what the samples are.
Planes planes_of(const SourcePicture& source) {
  std::mt19937 random(3);
  Planes planes;
  planes.chroma_across = planes.chroma_down = 2;
  for (const SourceComponent& component : source.components) {
    Plane& plane = planes.components.emplace_back(component.width, component.height);
    for (std::int32_t y = 0; y < plane.height(); ++y) {
      for (std::int32_t x = 0; x < plane.width(); ++x) {
        plane.row(y)[x] = static_cast<std::uint8_t>(random() >> 24);
      }
    }
  }
  return planes;
}

// In bands as a decoder gives them, luma of that height and chroma of half of it.
Planes ours(const Planes& planes, const PicturePlan& plan, std::int32_t band_height) {
  PictureResampler resampler(plan);
  for (std::int32_t y = 0; y < planes.height(); y += band_height) {
    for (std::size_t i = 0; i < planes.components.size(); ++i) {
      const Plane& plane = planes.components[i];
      const std::int32_t factor = i == 0 ? 1 : 2;
      const std::int32_t first = y / factor;
      const std::int32_t height = std::min(band_height / factor, plane.height() - first);
      if (height <= 0) continue;
      resampler.push(i, first, 0, {plane.row(first), plane.width(), height, plane.stride_bytes()});
    }
  }
  if (!resampler.done()) std::abort();
  return resampler.take();
}

std::uint8_t cut(std::int32_t sum) {
  constexpr std::int32_t kHalf = 1 << (TapTable::kWeightBits - 1);
  return static_cast<std::uint8_t>(std::clamp((sum + kHalf) >> TapTable::kWeightBits, 0, 255));
}

// As anybody would write it: down, then across, 8 bits between both.
Plane plain(const Plane& plane, const PlanePlan& plan) {
  const TapTable rows(Kernel::Lanczos3, plan.down, {});
  const TapTable columns(Kernel::Lanczos3, plan.across, {});
  Plane result(plan.across.outputs, plan.down.outputs);
  std::vector<std::uint8_t> line(static_cast<std::size_t>(plane.width() + columns.taps()));
  for (std::int32_t y = 0; y < result.height(); ++y) {
    const Span span = rows.span(y);
    for (std::int32_t x = columns.needs().first; x < columns.needs().end(); ++x) {
      std::int32_t sum = 0;
      for (std::int32_t k = 0; k < span.count; ++k) {
        sum += rows.weights(y)[k] * plane.row(span.first + k)[x];
      }
      line[static_cast<std::size_t>(x)] = cut(sum);
    }
    for (std::int32_t x = 0; x < result.width(); ++x) {
      const std::uint8_t* samples = line.data() + columns.first(x);
      std::int32_t sum = 0;
      for (std::int32_t k = 0; k < columns.taps(); ++k) sum += columns.weights(x)[k] * samples[k];
      result.row(y)[x] = cut(sum);
    }
  }
  return result;
}

// libvips takes samples without anything behind a row.
struct Samples {
  std::int32_t width;
  std::int32_t height;
  std::vector<std::uint8_t> values;
};

Samples dense(const Plane& plane) {
  Samples samples{plane.width(), plane.height(), {}};
  for (std::int32_t y = 0; y < plane.height(); ++y) {
    samples.values.insert(samples.values.end(), plane.row(y), plane.row(y) + plane.width());
  }
  return samples;
}

void by_vips(Samples& samples, const PlanePlan& plan) {
  VImage image = VImage::new_from_memory(samples.values.data(), samples.values.size(),
                                         samples.width, samples.height, 1, VIPS_FORMAT_UCHAR);
  const auto left = static_cast<int>(plan.across.begin);
  const auto top = static_cast<int>(plan.down.begin);
  const auto width = static_cast<int>(std::lround(plan.across.step * plan.across.outputs));
  const auto height = static_cast<int>(std::lround(plan.down.step * plan.down.outputs));
  if (width != samples.width || height != samples.height) {
    image = image.extract_area(left, top, width, height);
  }
  image = image.resize(1 / plan.across.step, VImage::option()->set("vscale", 1 / plan.down.step));
  std::size_t size_bytes = 0;
  void* result = image.write_to_memory(&size_bytes);
  if (image.width() != plan.across.outputs || image.height() != plan.down.outputs) std::abort();
  g_free(result);
}

double cpu_ms() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

struct Way {
  std::string name;
  std::function<void()> make;
  int times = 1;
  std::vector<double> cpu_ms{};
};

double timed(Way& way) {
  const double before = cpu_ms();
  for (int i = 0; i < way.times; ++i) way.make();
  return (cpu_ms() - before) / way.times;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double rounded(double value) { return std::round(value * 1000) / 1000; }

nlohmann::ordered_json measured(const Shape& shape, int rounds) {
  const PicturePlan plan = plan_picture(shape.source, shape.area, shape.output);
  const Planes planes = planes_of(shape.source);
  std::vector<Samples> samples;
  samples.reserve(planes.components.size());
  for (const Plane& plane : planes.components) samples.push_back(dense(plane));
  std::vector<Way> ways;
  ways.push_back({"ours, at once", [&] { ours(planes, plan, planes.height() + 1); }});
  ways.push_back({"ours, in bands of 8", [&] { ours(planes, plan, 8); }});
  ways.push_back({"vips_resize", [&] {
                    for (std::size_t i = 0; i < samples.size(); ++i) {
                      by_vips(samples[i], plan.components[i]);
                    }
                  }});
  ways.push_back({"plain loop", [&] {
                    for (std::size_t i = 0; i < samples.size(); ++i) {
                      plain(planes.components[i], plan.components[i]);
                    }
                  }});
  for (Way& way : ways) {
    timed(way);  // what is made once
    way.times = std::max(1, static_cast<int>(kRoundMsMin / std::max(timed(way), 1e-3)));
  }
  for (int round = 0; round < rounds; ++round) {
    for (Way& way : ways) way.cpu_ms.push_back(timed(way));
  }
  const double ours_ms = median(ways.front().cpu_ms);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Way& way : ways) {
    const double ms = median(way.cpu_ms);
    rows.push_back(
        {{"what", way.name}, {"cpu_ms", rounded(ms)}, {"of_ours", rounded(ms / ours_ms)}});
    fmt::print("  {:<22} {:8.3f} ms {:7.2f}\n", way.name, ms, ms / ours_ms);
  }
  return rows;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what gets here ends the process
int main(int argc, char** argv) {
  int rounds = 9;
  std::string out;
  CLI::App app{"What resampling the planes of a picture costs"};
  app.add_option("--rounds", rounds, "alternating; medians count");
  app.add_option("--out", out, "write JSON to it");
  CLI11_PARSE(app, argc, argv);
  if (VIPS_INIT("millrace-bench-resample") != 0) return 1;
  vips_concurrency_set(1);
  vips_cache_set_max(0);

  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  for (const Shape& shape : shapes()) {
    fmt::print("{}\n", shape.name);
    report.push_back({{"shape", shape.name}, {"rows", measured(shape, rounds)}});
  }
  if (!out.empty()) std::ofstream(out) << report.dump(1) << "\n";
  return 0;
}
