// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/compare_run.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "bench/lab/machine.h"
#include "bench/speed/closed_loop.h"
#include "bench/speed/fetch.h"
#include "bench/speed/medians.h"
#include "bench/speed/picture_set.h"
#include "bench/speed/servers.h"

namespace millrace::bench::speed {
namespace {

namespace fs = std::filesystem;
using base::Reason;

// A following side may be rounded either way.
constexpr int kRoundingPx = 1;
// Above it, answers under load are said to be others than the sample that was looked at.
constexpr double kBytesDrift = 0.005;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "millrace-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

class Run {
 public:
  explicit Run(const CompareOptions& options) : options_(options) {}
  base::Result<Comparison> run();

 private:
  void say(const std::string& text) const {
    if (!options_.quiet) std::fputs((text + "\n").c_str(), stderr);
  }
  [[nodiscard]] bool wanted(const std::string& name) const {
    return options_.systems.empty() ||
           std::ranges::find(options_.systems, name) != options_.systems.end();
  }
  [[nodiscard]] ServerOptions server_options() const {
    return {.binaries = options_.system_binaries,
            .peers = options_.peers,
            .packages = options_.packages,
            .folder = folder_.path(),
            .origin = origin_->url(),
            .settings = options_.settings};
  }
  [[nodiscard]] std::string path_of(const RunningSystem& system, const Operation& operation,
                                    std::size_t photo) {
    const UrlTemplate& url = operation.covers() ? system.fill : system.fit;
    return url.fill(operation, origin_->url(),
                    origin_->next_path(PictureSet::file_of(operation, photo)));
  }
  base::Result<void> prepare();
  base::Result<void> start_systems();
  base::Result<void> look_at(const RunningSystem& system, const Operation& operation, Cell& cell);
  Round measure(const RunningSystem& system, const Operation& operation);
  void measure_rounds();
  base::Result<void> measure_workers();
  void note_drift();

  const CompareOptions& options_;
  TemporaryFolder folder_;
  PictureSetOptions picture_options_;
  PictureSet pictures_;
  std::unique_ptr<PhotoOrigin> origin_;
  std::vector<RunningSystem> systems_;
  std::size_t photo_ = 0;  // of the next request
  Comparison found_;
};

base::Result<void> Run::prepare() {
  if (folder_.path().empty()) {
    return base::fail(Reason::Internal, "no temporary folder",
                      std::generic_category().message(errno));
  }
  say("making pictures");
  picture_options_ = {.binaries = options_.binaries,
                      .folder = folder_.path() / "pictures",
                      .arguments = options_.sources};
  fs::create_directories(picture_options_.folder);
  auto made = make_pictures(picture_options_);
  if (!made) return base::fail(std::move(made.error()));
  pictures_ = *std::move(made);
  for (const auto& [operation, rows] : pictures_.expected) {
    std::vector<double> ssim;
    std::vector<double> psnr_db;
    std::vector<double> bytes;
    for (const PictureSet::Expected& row : rows) {
      ssim.push_back(row.libvips.ssim);
      psnr_db.push_back(row.libvips.psnr_db);
      bytes.push_back(row.libvips.bytes);
    }
    found_.libvips[operation] = {mean(ssim), mean(psnr_db), mean(bytes)};
  }
  auto origin = PhotoOrigin::start(pictures_.folder, folder_.path());
  if (!origin) return base::fail(std::move(origin.error()));
  origin_ = *std::move(origin);
  found_.notes.push_back(fmt::format("photographs: {}; libvips {}; origin: {}",
                                     fmt::join(pictures_.names, ", "), pictures_.libvips_version,
                                     origin_->about()));
  return {};
}

base::Result<void> Run::start_systems() {
  say("starting systems");
  auto ours = start_millrace(server_options(), 0, options_.version);
  if (!ours) return base::fail(std::move(ours.error()));
  systems_.push_back(*std::move(ours));
  if (options_.with_peers) {
    for (RunningSystem& peer : start_peers(server_options(), found_.notes)) {
      systems_.push_back(std::move(peer));
    }
  }
  for (const PeerTemplate& each : options_.templates) {
    auto peer = peer_system(each);
    if (!peer) return base::fail(std::move(peer.error()));
    systems_.push_back(*std::move(peer));
  }
  for (const RunningSystem& system : systems_) {
    if (wanted(system.facts.name)) found_.systems.push_back(system.facts);
  }
  return {};
}

// One answer for each photograph, in size, format and likeness.
base::Result<void> Run::look_at(const RunningSystem& system, const Operation& operation,
                                Cell& cell) {
  const std::vector<PictureSet::Expected>& expected = pictures_.expected.at(operation.number);
  std::vector<std::pair<fs::path, fs::path>> pairs;
  std::vector<double> bytes;
  for (const PictureSet::Expected& each : expected) {
    auto answer = fetch(system.server, path_of(system, operation, each.photo));
    if (!answer) {
      cell.wrong = answer.error().public_message;
      return {};
    }
    if (answer->status != 200) {
      cell.wrong = fmt::format("{} {}", answer->status, answer->body.substr(0, 200));
      return {};
    }
    const fs::path file =
        folder_.path() / fmt::format("{}-{}-{}", system.facts.name, operation.number, each.photo);
    std::ofstream(file, std::ios::binary) << answer->body;
    pairs.emplace_back(each.reference, file);
    bytes.push_back(static_cast<double>(answer->body.size()));
  }
  auto judged = judge_files(picture_options_, pairs);
  if (!judged) return base::fail(std::move(judged.error()));
  std::vector<double> ssim;
  std::vector<double> psnr_db;
  for (std::size_t i = 0; i < judged->size(); ++i) {
    const JudgedFile& file = (*judged)[i];
    const PictureSize asked = expected[i].size;
    if (file.size == asked && file.format == operation.format) {
      ssim.push_back(file.ssim);
      psnr_db.push_back(file.psnr_db);
      continue;
    }
    const bool rounded = file.format == operation.format && !operation.covers() &&
                         file.size.width_px == asked.width_px &&
                         std::abs(file.size.height_px - asked.height_px) <= kRoundingPx;
    if (rounded) {
      // A line less than the reference has is judged as a cut, a line more cannot be.
      if (file.ssim > 0) {
        ssim.push_back(file.ssim);
        psnr_db.push_back(file.psnr_db);
      }
      continue;
    }
    cell.wrong =
        fmt::format("a {} of {}x{} instead of a {} of {}x{}", file.format, file.size.width_px,
                    file.size.height_px, operation.format, asked.width_px, asked.height_px);
  }
  if (ssim.size() == judged->size()) cell.quality = Quality{mean(ssim), mean(psnr_db), mean(bytes)};
  return {};
}

Round Run::measure(const RunningSystem& system, const Operation& operation) {
  return run_closed_loop(
      {.server = system.server.address,
       .connections = options_.connections,
       .warm_up = options_.warm_up,
       .window = options_.window,
       .watch_root = system.watch_root,
       .next_request = [&]() -> ClosedLoop::Request {
         const std::size_t photo = photo_++ % pictures_.names.size();
         return {photo, request_head(path_of(system, operation, photo), system.server.authority)};
       }});
}

void Run::measure_rounds() {
  for (std::size_t round = 0; round < options_.rounds; ++round) {
    for (const Operation& operation : options_.operations) {
      for (std::size_t turn = 0; turn < systems_.size(); ++turn) {
        const RunningSystem& system = systems_[(turn + round) % systems_.size()];
        const auto cell = std::ranges::find_if(found_.cells, [&](const Cell& each) {
          return each.system == system.facts.name && each.operation == operation.number;
        });
        if (cell == found_.cells.end() || !cell->wrong.empty()) continue;
        cell->rounds.push_back(measure(system, operation));
        say(fmt::format("round {} op {} {:<20} {:>8.1f}/s {:>7.2f} ms CPU {:>6.0f} MB", round + 1,
                        operation.number, system.facts.name, cell->rounds.back().per_s,
                        cell->rounds.back().cpu_ms, cell->rounds.back().memory_mb));
      }
    }
  }
}

// Op 1 with one worker and with two, in turns.
base::Result<void> Run::measure_workers() {
  const Operation& operation = operations().front();
  if (!pictures_.expected.contains(operation.number)) return {};
  if (std::thread::hardware_concurrency() < 2) {
    found_.notes.emplace_back("two workers are not measured on one core");
    return {};
  }
  systems_.clear();
  std::vector<RunningSystem> fleets;
  for (const std::size_t workers : {1U, 2U}) {
    auto fleet = start_millrace(server_options(), workers, options_.version);
    if (!fleet) return base::fail(std::move(fleet.error()));
    fleets.push_back(*std::move(fleet));
  }
  for (std::size_t round = 0; round < options_.rounds; ++round) {
    for (std::size_t turn = 0; turn < 2; ++turn) {
      const std::size_t which = (turn + round) % 2;
      const Round measured = measure(fleets[which], operation);
      (which == 0 ? found_.one_worker_per_s : found_.two_workers_per_s).push_back(measured.per_s);
      (which == 0 ? found_.one_worker_cpu_ms : found_.two_workers_cpu_ms)
          .push_back(measured.cpu_ms);
      say(fmt::format("round {} op 1 with {} worker(s) {:>8.1f}/s", round + 1, which + 1,
                      measured.per_s));
    }
  }
  return {};
}

void Run::note_drift() {
  for (const Cell& cell : found_.cells) {
    if (!cell.quality || cell.rounds.empty() || cell.quality->bytes <= 0) continue;
    const double over = median_of(cell, &Round::bytes) / cell.quality->bytes;
    if (std::abs(over - 1) <= kBytesDrift) continue;
    found_.notes.push_back(
        fmt::format("op {} of {}: answers under load have {:.3f} of the bytes of those that were "
                    "looked at",
                    cell.operation, cell.system, over));
  }
}

base::Result<Comparison> Run::run() {
  found_.connections = options_.connections;
  found_.seconds = std::chrono::duration<double>(options_.window).count();
  found_.operations = options_.operations;
  if (auto prepared = prepare(); !prepared) return base::fail(std::move(prepared.error()));
  if (auto started = start_systems(); !started) return base::fail(std::move(started.error()));
  say("looking at answers");
  for (const Operation& operation : options_.operations) {
    for (const RunningSystem& system : systems_) {
      if (!wanted(system.facts.name) || !system.does(operation)) continue;
      Cell cell;
      cell.system = system.facts.name;
      cell.operation = operation.number;
      auto looked = look_at(system, operation, cell);
      if (!looked) return base::fail(std::move(looked.error()));
      found_.cells.push_back(std::move(cell));
    }
  }
  if (!put_first()) found_.notes.emplace_back("the load was sent without raised priority");
  measure_rounds();
  if (options_.with_workers) {
    if (auto measured = measure_workers(); !measured) {
      return base::fail(std::move(measured.error()));
    }
  }
  note_drift();
  return std::move(found_);
}

}  // namespace

base::Result<Comparison> run_comparison(const CompareOptions& options) {
  return Run(options).run();
}

}  // namespace millrace::bench::speed
