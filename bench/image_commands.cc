// SPDX-License-Identifier: Apache-2.0

// What the image worker adds to libvips, command by command: each row is a pipeline in-process
// through ImageWorker::run, in turns with the bare libvips calls that give the same picture or come
// nearest to it (command_pairs.cc). The promise of the rows that give the same is 0.95 of the bare
// calls' throughput, by processor time. Animations also meet gif2webp, where it is installed.
//
// A command of the worker without a row is a failure, whatever else is asked.
//
//   image_commands [--rounds N] [--photo FILE] [--face-model FILE] [--only TEXT] [--list]
//                  [--out FILE.json]
//
// Without --photo a small picture is drawn: enough to see that every row works, not to measure.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vips/vips8>

#include "base/unique_fd.h"
#include "bench/command_pairs.h"
#include "pipeline/picture.h"
#include "workers/image/command.h"
#include "workers/image/image_worker.h"

namespace {

using namespace millrace;
using namespace millrace::bench;
using vips::VImage;
using workers::image::ImageWorker;

constexpr double kPromised = 0.95;
constexpr int kFrames = 200;
constexpr int kFrameWidthPx = 320;
constexpr int kFrameHeightPx = 240;

struct Options {
  int rounds = 15;
  std::string photo;
  std::string face_model;
  std::string only;
  std::string out;
  bool list = false;
};

// One photograph's files.
struct Sources {
  std::string name;
  std::map<PairSource, std::string> files;
};

struct Cost {
  double wall_ms = 0;
  double cpu_ms = 0;
};

double cpu_ms(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

Cost measured(int who, const std::function<void()>& work) {
  const double before = cpu_ms(who);
  const auto start = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  return {wall.count(), cpu_ms(who) - before};
}

double median(std::vector<Cost> costs, double Cost::* what) {
  std::ranges::sort(costs, {}, what);
  return costs[costs.size() / 2].*what;
}

std::string read_file(const std::string& path) {
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A picture with edges and grain.
VImage drawn(int width, int height) {
  const VImage at = VImage::xyz(width, height);
  const VImage waves = ((at.extract_band(0) / 7).math(VIPS_OPERATION_MATH_SIN) +
                        (at.extract_band(1) / 5).math(VIPS_OPERATION_MATH_COS)) *
                           60 +
                       128;
  const VImage grain = VImage::gaussnoise(width, height, VImage::option()->set("sigma", 8));
  return (waves + grain)
      .cast(VIPS_FORMAT_UCHAR)
      .bandjoin({(at.extract_band(0) * 255 / width).cast(VIPS_FORMAT_UCHAR),
                 (at.extract_band(1) * 255 / height).cast(VIPS_FORMAT_UCHAR)})
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

std::string jpeg_of(VImage image) {
  image = image.copy();
  image.set("exif-ifd0-Artist", "bench (bench, ASCII, 6 components, 6 bytes)");
  return file_of(image.jpegsave_buffer(VImage::option()->set("Q", 90)));
}

Sources sources_of(std::string name, std::string photo) {
  const VImage whole = VImage::new_from_buffer(photo.data(), photo.size(), "").copy_memory();
  VipsBlob* blob = vips_blob_new(nullptr, photo.data(), photo.size());
  const VImage small =
      VImage::thumbnail_buffer(
          blob, kFrameWidthPx * 2,
          VImage::option()->set("height", kFrameHeightPx * 2)->set("crop", VIPS_INTERESTING_CENTRE))
          .copy_memory();
  vips_area_unref(VIPS_AREA(blob));
  const int frame = whole.width() / 20;
  const VImage framed =
      whole.embed(frame, frame, whole.width() + 2 * frame, whole.height() + 2 * frame,
                  VImage::option()->set("extend", VIPS_EXTEND_WHITE));
  Sources sources{std::move(name), {}};
  sources.files[PairSource::Framed] = jpeg_of(framed);
  sources.files[PairSource::Thumbnail] = jpeg_of(small.resize(400.0 / small.width()));
  sources.files[PairSource::Animation] = moving_gif(small, kFrames, kFrameWidthPx, kFrameHeightPx);
  sources.files[PairSource::Text] = "https://millrace.example/a/picture.jpg";
  sources.files[PairSource::Photo] = std::move(photo);
  return sources;
}

// The photograph, and the same at two megapixels.
std::vector<Sources> all_sources(const Options& options) {
  if (options.photo.empty()) return {sources_of("drawn", jpeg_of(drawn(640, 480)))};
  const std::string photo = read_file(options.photo);
  const VImage whole = VImage::new_from_buffer(photo.data(), photo.size(), "");
  constexpr double kSmallPx = 2e6;
  const double scale = std::sqrt(kSmallPx / (whole.width() * whole.height()));
  const std::string name = std::filesystem::path(options.photo).filename().string();
  return {sources_of(name, photo),
          sources_of(name + " at 2 megapixels", jpeg_of(whole.resize(scale)))};
}

std::string run(ImageWorker& worker, const pipeline::Pipeline& plan, const std::string& source,
                int fd) {
  if (lseek(fd, 0, SEEK_SET) < 0) std::abort();
  workers::OutputFile output(fd);
  workers::RunContext context{plan,         std::as_bytes(std::span(source)), output, {}, {},
                              [](double) {}};
  for (const std::string& value : pipeline::pictures_of(plan)) {
    context.others.push_back({value, std::as_bytes(std::span(source))});
  }
  const auto outcome = worker.run(context);
  worker.rest();
  return outcome ? "" : outcome.error().public_message;
}

void add_costs(nlohmann::ordered_json& row, const std::vector<Cost>& bare,
               const std::vector<Cost>& ours) {
  const auto rounded = [](double value) { return std::round(value * 1e3) / 1e3; };
  row["bare_cpu_ms"] = rounded(median(bare, &Cost::cpu_ms));
  row["worker_cpu_ms"] = rounded(median(ours, &Cost::cpu_ms));
  row["ratio_cpu"] = rounded(median(bare, &Cost::cpu_ms) / median(ours, &Cost::cpu_ms));
  row["ratio_wall"] = rounded(median(bare, &Cost::wall_ms) / median(ours, &Cost::wall_ms));
}

nlohmann::ordered_json row_of(const CommandPair& pair, const Sources& sources, int rounds,
                              ImageWorker& worker) {
  nlohmann::ordered_json row{{"command", pair.command},
                             {"pipeline", pair.pipeline},
                             {"source", sources.name},
                             {"against", pair.calls},
                             {"same_picture", pair.is_same}};
  if (pair.source == PairSource::Animation) row["source"] = fmt::format("{} frames", kFrames);
  const auto plan = pipeline::Catalogue(worker.commands()).check(pair.pipeline);
  if (!plan) {
    row["not_here"] = plan.error().public_message;
    return row;
  }
  const std::string& source = sources.files.at(pair.source);
  const base::UniqueFd output(memfd_create("variant", MFD_CLOEXEC));
  std::vector<Cost> bare;
  std::vector<Cost> ours;
  std::string mistake;
  for (int round = rounds > 1 ? -2 : 0; round < rounds; ++round) {  // the first two warm up
    const Cost a = measured(RUSAGE_SELF, [&] {
      const std::string file = pair.bare(source);
      if (pwrite(output.get(), file.data(), file.size(), 0) < 0) std::abort();
    });
    const Cost b =
        measured(RUSAGE_SELF, [&] { mistake = run(worker, *plan, source, output.get()); });
    if (!mistake.empty()) {
      row["failed"] = mistake;
      return row;
    }
    if (round < 0) continue;
    bare.push_back(a);
    ours.push_back(b);
  }
  add_costs(row, bare, ours);
  if (pair.is_same) row["held"] = row["ratio_cpu"].get<double>() >= kPromised;
  return row;
}

// All frames at their size, as gif2webp makes them with the worker's settings.
std::optional<nlohmann::ordered_json> gif2webp_row(const Sources& sources, int rounds,
                                                   ImageWorker& worker) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c): one thread; a yardstick is a program
  if (std::system("command -v gif2webp >/dev/null") != 0) return std::nullopt;
  const auto folder = std::filesystem::temp_directory_path();
  const std::string gif = (folder / fmt::format("bench-{}.gif", getpid())).string();
  const std::string webp = gif + ".webp";
  const std::string& source = sources.files.at(PairSource::Animation);
  std::ofstream(gif, std::ios::binary) << source;
  const auto plan = *pipeline::Catalogue(worker.commands()).check("imageView2/0/format/webp");
  const base::UniqueFd output(memfd_create("variant", MFD_CLOEXEC));
  std::vector<Cost> theirs;
  std::vector<Cost> ours;
  const std::string command = fmt::format("gif2webp -quiet -lossy -q 75 -m 4 {} -o {}", gif, webp);
  bool works = true;
  for (int round = 0; round < rounds && works; ++round) {
    theirs.push_back(measured(RUSAGE_CHILDREN, [&] {
      // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c): likewise
      works = std::system(command.c_str()) == 0;
    }));
    ours.push_back(measured(
        RUSAGE_SELF, [&] { works = run(worker, plan, source, output.get()).empty() && works; }));
  }
  nlohmann::ordered_json row{{"command", "imageView2"},
                             {"pipeline", "imageView2/0/format/webp"},
                             {"source", fmt::format("{} frames", kFrames)},
                             {"against", "gif2webp -lossy -q 75 -m 4"},
                             {"same_picture", true}};
  if (works) {
    add_costs(row, theirs, ours);
    row["held"] = row["ratio_cpu"].get<double>() >= 1;
    row["bare_bytes"] = std::filesystem::file_size(webp);
    row["worker_bytes"] = lseek(output.get(), 0, SEEK_END);
  } else {
    row["failed"] = "gif2webp or the worker did not make it";
  }
  std::filesystem::remove(gif);
  std::filesystem::remove(webp);
  return row;
}

// The commands that have no row; those too that this worker does not offer.
std::vector<std::string> without_row(const std::vector<CommandPair>& pairs,
                                     const workers::image::ImageWorkerOptions& options) {
  std::set<std::string> with;
  for (const CommandPair& pair : pairs) with.insert(pair.command);
  std::vector<std::string> without;
  for (const auto& command : workers::image::all_image_commands(options)) {
    if (!with.contains(command.spec.name)) without.push_back(command.spec.name);
  }
  return without;
}

bool measure(const Options& options, const std::vector<CommandPair>& pairs, ImageWorker& worker) {
  bool right = true;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  const auto take = [&](nlohmann::ordered_json row) {
    fmt::print("{}\n", row.dump());
    right = right && !row.contains("failed");
    rows.push_back(std::move(row));
  };
  bool is_first = true;
  for (const Sources& sources : all_sources(options)) {
    for (const CommandPair& pair : pairs) {
      const bool of_photo = pair.source != PairSource::Animation && pair.source != PairSource::Text;
      if (!of_photo && !is_first) continue;
      if (pair.pipeline.find(options.only) == std::string::npos) continue;
      take(row_of(pair, sources, options.rounds, worker));
    }
    if (is_first && options.only.empty()) {
      if (auto row = gif2webp_row(sources, options.rounds, worker)) take(*std::move(row));
    }
    is_first = false;
  }
  if (!options.out.empty()) std::ofstream(options.out) << rows.dump(1) << "\n";
  return right;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what gets here ends the process
int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Each command of the image worker against bare libvips calls"};
  app.add_option("--rounds", options.rounds, "alternating; medians count")
      ->check(CLI::PositiveNumber);
  app.add_option("--photo", options.photo, "a JPEG of 12 megapixels, also shrunk to 2");
  app.add_option("--face-model", options.face_model, "for facecrop, faces and redact");
  app.add_option("--only", options.only, "rows whose pipeline has this text in it");
  app.add_option("--out", options.out, "write JSON to it");
  app.add_flag("--list", options.list, "name the rows and measure nothing");
  CLI11_PARSE(app, argc, argv);

  workers::image::ImageWorkerOptions worker_options;
  worker_options.face_model_path = options.face_model;
  auto worker = ImageWorker::create(worker_options);
  if (!worker) return 1;
  const std::vector<CommandPair> pairs = command_pairs();
  const std::vector<std::string> without = without_row(pairs, worker_options);
  for (const std::string& command : without) {
    fmt::print(stderr, "{} has no row: add a pair to bench/command_pairs.cc\n", command);
  }
  if (options.list) {
    for (const CommandPair& pair : pairs) {
      fmt::print("{:<12} {:<60} {} {}\n", pair.command, pair.pipeline,
                 pair.is_same ? "same:" : "nearest:", pair.calls);
    }
  } else if (!measure(options, pairs, **worker)) {
    return 1;
  }
  return without.empty() ? 0 : 1;
}
