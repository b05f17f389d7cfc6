// SPDX-License-Identifier: Apache-2.0

// How much of libvips' own speed is left when the image worker is around it: the same picture goes,
// in turns, through a bare vips_thumbnail_buffer + jpegsave_buffer and through Worker::run, in one
// process. Prints medians, and the worker's throughput as a fraction of the bare loop's (the
// promise is 0.95).
//
// With --animated 1 all frames of FILE (a GIF or WebP) go to an animated WebP, on both sides.
//
//   image_worker_bench [--rounds N] [--which bare|worker|both] [--animated 1] FILE WIDTH [HEIGHT]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <vips/vips8>

#include "base/unique_fd.h"
#include "workers/image/image_worker.h"

namespace {

using namespace millrace;

struct Cost {
  double wall_ms = 0;
  double cpu_ms = 0;
};

double cpu_ms_of_process() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

Cost measured(const std::function<void()>& work) {
  const double cpu = cpu_ms_of_process();
  const auto start = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  return {wall.count(), cpu_ms_of_process() - cpu};
}

double median(std::vector<Cost> costs, double Cost::* what) {
  std::sort(costs.begin(), costs.end(),
            [what](const Cost& a, const Cost& b) { return a.*what < b.*what; });
  return costs[costs.size() / 2].*what;
}

struct Request {
  std::string file;
  int width = 0;
  int height = 0;  // 0: in proportion
  bool animated = false;
};

void run_bare(const Request& request, int output_fd) {
  VipsBlob* input = vips_blob_new(nullptr, request.file.data(), request.file.size());
  auto* options = vips::VImage::option();
  if (request.height > 0)
    options->set("height", request.height)->set("crop", VIPS_INTERESTING_CENTRE);
  if (request.height == 0) options->set("height", 10'000'000);
  if (request.animated) options->set("option_string", "[n=-1]");
  const vips::VImage image = vips::VImage::thumbnail_buffer(input, request.width, options);
  VipsBlob* output = request.animated ? image.webpsave_buffer() : image.jpegsave_buffer();
  std::size_t bytes = 0;
  const void* data = vips_blob_get(output, &bytes);
  if (pwrite(output_fd, data, bytes, 0) < 0) std::abort();
  vips_area_unref(VIPS_AREA(output));
  vips_area_unref(VIPS_AREA(input));
}

void run_worker(workers::image::ImageWorker& worker, const pipeline::Pipeline& plan,
                const Request& request, int output_fd) {
  if (lseek(output_fd, 0, SEEK_SET) < 0) std::abort();
  workers::OutputFile output(output_fd);
  workers::RunContext context{plan,         std::as_bytes(std::span(request.file)), output, {}, {},
                              [](double) {}};
  if (auto outcome = worker.run(context); !outcome) {
    fmt::print(stderr, "{}\n", outcome.error().public_message);
    std::exit(1);  // NOLINT(concurrency-mt-unsafe): no other thread ends the process
  }
  worker.rest();
}

std::string read_file(const std::string& path) {
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// "VmHWM" or "VmRSS" of this process, MiB.
double resident_mib(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what + ":")) return std::atof(line.c_str() + what.size() + 1) / 1024.0;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  int rounds = 60;
  std::string which = "both";
  bool animated = false;
  while (words.size() >= 2 && words[0].starts_with("--")) {
    if (words[0] == "--rounds") rounds = std::atoi(words[1].c_str());
    if (words[0] == "--which") which = words[1];
    if (words[0] == "--animated") animated = words[1] == "1";
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.size() < 2) {
    fmt::print(
        stderr,
        "usage: image_worker_bench [--rounds N] [--which bare|worker|both] [--animated 1] FILE "
        "WIDTH [HEIGHT]\n");
    return 2;
  }
  Request request{read_file(words[0]), std::atoi(words[1].c_str()),
                  words.size() > 2 ? std::atoi(words[2].c_str()) : 0, animated};
  auto worker = workers::image::ImageWorker::create({});
  if (!worker || request.file.empty()) return 1;
  const pipeline::Catalogue catalogue((*worker)->commands());
  std::string text = request.height > 0
                         ? fmt::format("imageView2/1/w/{}/h/{}", request.width, request.height)
                         : fmt::format("imageView2/2/w/{}", request.width);
  if (animated) text += "/format/webp";
  const auto plan = catalogue.check(text);
  if (!plan) return 1;
  const base::UniqueFd output(memfd_create("variant", MFD_CLOEXEC));
  std::vector<Cost> bare;
  std::vector<Cost> ours;
  for (int round = -3; round < rounds; ++round) {  // the first three warm up
    const auto once_bare = [&] { run_bare(request, output.get()); };
    const auto once_ours = [&] { run_worker(**worker, *plan, request, output.get()); };
    const Cost a = which != "worker" ? measured(once_bare) : Cost{};
    const Cost b = which != "bare" ? measured(once_ours) : Cost{};
    if (round < 0) continue;
    bare.push_back(a);
    ours.push_back(b);
  }
  fmt::print("{} {}\n", words[0], text);
  fmt::print("  bare   {:8.2f} ms wall  {:8.2f} ms cpu\n", median(bare, &Cost::wall_ms),
             median(bare, &Cost::cpu_ms));
  fmt::print("  worker {:8.2f} ms wall  {:8.2f} ms cpu\n", median(ours, &Cost::wall_ms),
             median(ours, &Cost::cpu_ms));
  fmt::print(
      "  throughput of the worker, of the bare loop's: {:.3f} by wall clock, {:.3f} by processor "
      "time\n",
      median(bare, &Cost::wall_ms) / median(ours, &Cost::wall_ms),
      median(bare, &Cost::cpu_ms) / median(ours, &Cost::cpu_ms));
  fmt::print("  resident {:.0f} MiB now, {:.0f} MiB at the most\n", resident_mib("VmRSS"),
             resident_mib("VmHWM"));
  return 0;
}
