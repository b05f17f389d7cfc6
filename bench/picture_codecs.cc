// SPDX-License-Identifier: Apache-2.0

// What a picture costs in each format that the image worker writes, at the quality and the effort
// that it writes it with when nobody says, against a WebP of the same picture; and what q/auto and
// format/best cost beside a plain result. Processor time, medians of alternating rounds in one run.
// The promise: no default costs more than ten times the WebP.
//
//   picture_codecs [--rounds N] [--sides 200,800,1600] [--efforts] [--requests] [--out FILE.json]
//                  PHOTO...
//
// --requests adds whole requests, plain, with q/auto and with format/best. --efforts adds AVIF and
// JPEG XL at every effort by libvips itself: what the choice was made from.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vips/vips8>

#include "base/unique_fd.h"
#include "workers/image/encoding.h"
#include "workers/image/image_worker.h"
#include "workers/image/loader.h"
#include "workers/image/operations.h"
#include "workers/image/pixels.h"
#include "workers/image/saver.h"
#include "workers/image/ssim.h"
#include "workers/image/vips_runtime.h"

namespace {

using namespace millrace;
using namespace millrace::workers::image;
using vips::VImage;

constexpr int kEffortsOfHeif = 5;  // 0..4 are tried; from 5 on nobody waits
constexpr int kEffortMinOfJxl = 3;
constexpr int kEffortMaxOfJxl = 7;

double cpu_ms_now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

std::string read_file(const std::string& path) {
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

template <class T>
T value_of(base::Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "{} {}\n", result.error().public_message, result.error().detail);
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): no other thread ends the process
}

const TaskWatch& watch() {
  static const TaskWatch unlimited(base::Deadline::never(), std::chrono::hours(1),
                                   TaskWatch::clocks_of_process());
  return unlimited;
}

// One way to make a file.
struct Way {
  std::string name;
  std::function<std::string()> make;
  std::vector<double> cpu_ms{};
  std::string file{};
};

std::string saved(const VImage& picture, const Encoding& encoding) {
  std::string file;
  const auto done =
      save_picture(picture, encoding, "", watch(),
                   [&file](std::span<const std::byte> bytes) -> base::Result<void> {
                     file.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                     return {};
                   });
  if (!done) std::abort();
  return file;
}

std::string text_of(VipsBlob* blob) {
  std::size_t bytes = 0;
  const auto* data = static_cast<const char*>(vips_blob_get(blob, &bytes));
  std::string file(data, bytes);
  vips_area_unref(VIPS_AREA(blob));
  return file;
}

void add_efforts(const VImage& picture, std::vector<Way>& ways) {
  for (int effort = 0; effort < kEffortsOfHeif && can_write(OutputFormat::Avif); ++effort) {
    ways.push_back({fmt::format("avif, effort {}", effort), [picture, effort] {
                      return text_of(picture.heifsave_buffer(
                          VImage::option()
                              ->set("Q", 50)
                              ->set("compression", VIPS_FOREIGN_HEIF_COMPRESSION_AV1)
                              ->set("bitdepth", 8)
                              ->set("strip", true)
                              ->set("effort", effort)));
                    }});
  }
  for (int effort = kEffortMinOfJxl; effort <= kEffortMaxOfJxl && can_write(OutputFormat::Jxl);
       ++effort) {
    ways.push_back(
        {fmt::format("jxl, effort {}", effort), [picture, effort] {
           return text_of(picture.jxlsave_buffer(
               VImage::option()->set("Q", 75)->set("strip", true)->set("effort", effort)));
         }});
  }
}

std::string run(ImageWorker& worker, const pipeline::Pipeline& plan, const std::string& input) {
  const base::UniqueFd memory(memfd_create("variant", MFD_CLOEXEC));
  workers::OutputFile output(memory.get());
  workers::RunContext context{plan, std::as_bytes(std::span(input)), output, {}, {}, [](double) {}};
  const auto outcome = value_of(worker.run(context));
  std::string file(outcome.bytes, '\0');
  if (pread(memory.get(), file.data(), file.size(), 0) < 0) std::abort();
  return file;
}

// What is asked of the worker from the photograph, decode and all.
void add_requests(ImageWorker& worker, const std::string& photo, int side, std::vector<Way>& ways) {
  const pipeline::Catalogue catalogue(worker.commands());
  const std::string base = fmt::format("imageView2/2/w/{0}/h/{0}/format/", side);
  for (const std::string& wish :
       {"jpg", "jpg/q/auto", "webp", "webp/q/auto", "avif", "avif/q/auto", "jxl", "jxl/q/auto",
        "heic", "heic/q/auto", "best", "best.webp", "best.avif.webp", "best.avif.jxl.webp"}) {
    const auto plan = catalogue.check(base + wish);
    if (!plan) continue;  // not written here
    ways.push_back(
        {"request " + wish, [&worker, &photo, plan = *plan] { return run(worker, plan, photo); }});
  }
}

Plane luma_of_file(const std::string& file) {
  const auto source = value_of(read_source(std::as_bytes(std::span(file)), {}));
  return luma_of(value_of(in_memory(on_white(value_of(open_picture(source))), watch())));
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

nlohmann::ordered_json measured(const VImage& picture, std::vector<Way> ways, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (Way& way : ways) {
      const double before = cpu_ms_now();
      way.file = way.make();
      way.cpu_ms.push_back(cpu_ms_now() - before);
    }
  }
  const auto webp = std::ranges::find(ways, "webp", &Way::name);
  const Plane luma = luma_of(picture);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Way& way : ways) {
    nlohmann::ordered_json row;
    row["what"] = way.name;
    row["cpu_ms"] = std::round(median(way.cpu_ms) * 100) / 100;
    if (webp != ways.end() && !way.name.starts_with("request")) {
      row["of_webp"] = std::round(median(way.cpu_ms) / median(webp->cpu_ms) * 100) / 100;
    }
    row["bytes"] = way.file.size();
    // What the worker has scaled itself is another picture.
    if (!way.name.starts_with("request")) {
      row["ssim"] = std::round(ssim(luma, luma_of_file(way.file)).mean * 1e4) / 1e4;
    }
    fmt::print("  {}\n", row.dump());
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what gets here ends the process
int main(int argc, char** argv) {
  int rounds = 5;
  std::vector<int> sides = {200, 800, 1600};
  bool efforts = false;
  bool requests = false;
  std::string out;
  std::vector<std::string> photos;
  CLI::App app{"What a picture costs in each format, against a WebP of it"};
  app.add_option("--rounds", rounds, "alternating; medians count");
  app.add_option("--sides", sides, "the longer side of the picture, px")->delimiter(',');
  app.add_flag("--efforts", efforts, "AVIF and JPEG XL at every effort");
  app.add_flag("--requests", requests, "plain results, q/auto and format/best through the worker");
  app.add_option("--out", out, "write JSON to it");
  app.add_option("photos", photos, "photographs")->required();
  CLI11_PARSE(app, argc, argv);

  const auto worker = value_of(ImageWorker::create({}));
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  for (const std::string& path : photos) {
    const std::string photo = read_file(path);
    for (const int side : sides) {
      VipsBlob* blob = vips_blob_new(nullptr, photo.data(), photo.size());
      const VImage picture =
          VImage::thumbnail_buffer(blob, side, VImage::option()->set("height", side)).copy_memory();
      vips_area_unref(VIPS_AREA(blob));
      std::vector<Way> ways;
      for (const OutputFormat format : kOutputFormats) {
        Encoding encoding;
        encoding.format = format;
        encoding.quality_pct = effective_quality(format, std::nullopt, {});
        if (!can_write(format)) continue;
        ways.push_back({std::string(word_of(format)),
                        [picture, encoding] { return saved(picture, encoding); }});
      }
      if (efforts) add_efforts(picture, ways);
      if (requests) add_requests(*worker, photo, side, ways);
      const std::string name = path.substr(path.find_last_of('/') + 1);
      fmt::print("{} {}x{}\n", name, picture.width(), picture.height());
      report.push_back({{"photo", name},
                        {"width", picture.width()},
                        {"height", picture.height()},
                        {"rows", measured(picture, std::move(ways), rounds)}});
    }
  }
  if (!out.empty()) std::ofstream(out) << report.dump(1) << "\n";
  return 0;
}
