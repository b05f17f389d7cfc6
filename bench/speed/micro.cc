// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/micro.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <span>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "bench/speed/medians.h"
#include "workers/image/image_worker.h"

namespace millrace::bench::speed {
namespace {

using base::Reason;
using workers::image::ImageWorker;
using Json = nlohmann::ordered_json;

double cpu_ms_now() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double rounded(double value, double places) { return std::round(value * places) / places; }

// One of the two, at one operation of one photograph.
struct Side {
  std::vector<double> cpu_ms;
  std::string file;
  Judged judged;
};

class Bench {
 public:
  explicit Bench(std::unique_ptr<ImageWorker> worker)
      : worker_(std::move(worker)), catalogue_(worker_->commands()) {}

  base::Result<Json> row(const Operation& operation, const std::vector<Photo>& photos,
                         std::size_t rounds);

 private:
  base::Result<std::string> worker_result(const pipeline::Pipeline& plan,
                                          const std::string& source);
  base::Result<void> measure(const Operation& operation, const Photo& photo, std::size_t rounds,
                             Side& ours, Side& bare);

  std::unique_ptr<ImageWorker> worker_;
  pipeline::Catalogue catalogue_;
  base::UniqueFd memory_{::memfd_create("variant", MFD_CLOEXEC)};
};

base::Result<std::string> Bench::worker_result(const pipeline::Pipeline& plan,
                                               const std::string& source) {
  ::lseek(memory_.get(), 0, SEEK_SET);
  workers::OutputFile output(memory_.get());
  workers::RunContext context{plan,         std::as_bytes(std::span(source)), output, {}, {},
                              [](double) {}};
  const auto outcome = worker_->run(context);
  worker_->rest();
  if (!outcome) return base::fail(outcome.error());
  std::string file(outcome->bytes, '\0');
  if (::pread(memory_.get(), file.data(), file.size(), 0) != static_cast<ssize_t>(file.size())) {
    return base::fail(Reason::Internal, "the result cannot be read again");
  }
  return file;
}

base::Result<void> Bench::measure(const Operation& operation, const Photo& photo,
                                  std::size_t rounds, Side& ours, Side& bare) {
  const std::string& source = photo.files.at(operation.source);
  const auto plan = catalogue_.check(millrace_pipeline(operation));
  if (!plan) return base::fail(plan.error());
  for (std::size_t round = 0; round <= rounds; ++round) {
    const double begin = cpu_ms_now();
    auto file = worker_result(*plan, source);
    const double between = cpu_ms_now();
    if (!file) return base::fail(std::move(file.error()));
    bare.file = vips_result(operation, source);
    const double end = cpu_ms_now();
    ours.file = *std::move(file);
    if (round == 0) continue;
    ours.cpu_ms.push_back(between - begin);
    bare.cpu_ms.push_back(end - between);
  }
  const vips::VImage reference = reference_of(operation, source);
  const PictureSize asked = size_asked(operation, source);
  for (Side* side : {&ours, &bare}) {
    side->judged = judge(reference, side->file);
    const PictureSize size = side->judged.size;
    if (size == asked && side->judged.format == operation.format) {
      continue;
    }
    return base::fail(Reason::Internal,
                      fmt::format("op {} of {}: {} made a {} of {}x{}, not a {} of {}x{}",
                                  operation.number, photo.name, side == &ours ? "ours" : "libvips",
                                  side->judged.format, size.width_px, size.height_px,
                                  operation.format, asked.width_px, asked.height_px));
  }
  return {};
}

Json json_of(const Side& side) {
  return {{"cpu_ms", rounded(median(side.cpu_ms), 1e3)},
          {"ssim", rounded(side.judged.likeness.ssim, 1e4)},
          {"psnr_db", rounded(side.judged.likeness.psnr_db, 100)},
          {"bytes", side.file.size()}};
}

// The mean over photographs of each figure.
Json mean_of(const std::vector<Json>& sides) {
  Json means = Json::object();
  for (const auto& [key, unused] : sides.front().items()) {
    std::vector<double> values;
    values.reserve(sides.size());
    for (const Json& side : sides) values.push_back(side.at(key));
    means[key] = rounded(mean(values), key == "bytes" ? 1 : 1e4);
  }
  return means;
}

base::Result<Json> Bench::row(const Operation& operation, const std::vector<Photo>& photos,
                              std::size_t rounds) {
  std::vector<Json> all_ours;
  std::vector<Json> all_bare;
  Json by_photo = Json::array();
  for (const Photo& photo : photos) {
    Side ours;
    Side bare;
    auto measured = measure(operation, photo, rounds, ours, bare);
    if (!measured) return base::fail(std::move(measured.error()));
    all_ours.push_back(json_of(ours));
    all_bare.push_back(json_of(bare));
    by_photo.push_back({{"photo", photo.name},
                        {"ratio_cpu", rounded(median(ratios(bare.cpu_ms, ours.cpu_ms)), 1e3)},
                        {"ours", all_ours.back()},
                        {"libvips", all_bare.back()}});
  }
  const Json ours = mean_of(all_ours);
  const Json bare = mean_of(all_bare);
  const auto over = [](const Json& a, const Json& b, const char* key) {
    return rounded(a.at(key).get<double>() / b.at(key).get<double>(), 1e3);
  };
  return Json{{"op", operation.number},
              {"name", operation.name},
              {"pipeline", millrace_pipeline(operation)},
              {"ratio_cpu", over(bare, ours, "cpu_ms")},
              {"ratio_bytes", over(ours, bare, "bytes")},
              {"ours", ours},
              {"libvips", bare},
              {"photos", by_photo}};
}

}  // namespace

base::Result<Json> measure_micro(const std::vector<Photo>& photos, const MicroOptions& options) {
  auto worker = ImageWorker::create({});
  if (!worker) return base::fail(std::move(worker.error()));
  Bench bench(*std::move(worker));
  Json rows = Json::array();
  for (const Operation& operation : options.operations) {
    auto row = bench.row(operation, photos, options.rounds);
    if (!row) return base::fail(std::move(row.error()));
    rows.push_back(*std::move(row));
  }
  return rows;
}

std::string micro_table(const Json& rows) {
  std::string text = fmt::format("{:<32} {:>17} {:>7} {:>15} {:>15} {:>17}\n", "", "CPU ms", "",
                                 "SSIM", "PSNR dB", "bytes");
  text +=
      fmt::format("{:<32} {:>8} {:>8} {:>7} {:>7} {:>7} {:>7} {:>7} {:>8} {:>8}\n", "op", "ours",
                  "libvips", "ratio", "ours", "libvips", "ours", "libvips", "ours", "libvips");
  for (const Json& row : rows) {
    const auto of = [&row](const char* side, const char* key) {
      return row.at(side).at(key).get<double>();
    };
    text += fmt::format(
        "{} {:<30} {:>8.2f} {:>8.2f} {:>7.2f} {:>7.4f} {:>7.4f} {:>7.2f} {:>7.2f} {:>8.0f} "
        "{:>8.0f}\n",
        row.at("op").get<int>(), row.at("name").get<std::string>(), of("ours", "cpu_ms"),
        of("libvips", "cpu_ms"), row.at("ratio_cpu").get<double>(), of("ours", "ssim"),
        of("libvips", "ssim"), of("ours", "psnr_db"), of("libvips", "psnr_db"), of("ours", "bytes"),
        of("libvips", "bytes"));
  }
  return text;
}

}  // namespace millrace::bench::speed
