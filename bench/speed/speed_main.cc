// SPDX-License-Identifier: Apache-2.0
// millrace-bench-speed: the part of millrace-bench that needs codecs, a program of its own so that
// the one that sends load has none.
//
//   micro   what `millrace-bench micro` is
//   make    for `millrace-bench compare`: sources, references and libvips' own results
//   judge   for it: how results compare with references
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sched.h>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vips/vips8>

#include "bench/lab/machine.h"
#include "bench/speed/micro.h"
#include "bench/speed/operations.h"
#include "bench/speed/pictures.h"

namespace millrace::bench::speed {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kExitUsage = 2;
constexpr int kExitFailed = 3;

struct Arguments {
  std::string folder;
  std::vector<std::string> photos;
  std::string numbers;
  std::size_t rounds = 15;
  std::string out;
  std::vector<std::string> pairs;
};

int say(int status, const std::string& text) {
  std::fputs(("millrace-bench: " + text + "\n").c_str(), stderr);
  return status;
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  return out.good();
}

// The photographs that are asked for, or those of the folder, or of where photographs are.
std::vector<std::string> chosen(const Arguments& arguments) {
  if (!arguments.photos.empty()) return arguments.photos;
  if (!arguments.folder.empty()) return photographs_in(arguments.folder);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here sets variables
  const char* const media = std::getenv("MILLRACE_MEDIA_DIR");
  std::vector<std::string> files;
  if (media != nullptr) files = photographs_in(fs::path(media) / "photos");
  return files.empty() ? photographs_in("sample-bucket") : files;
}

std::vector<Photo> read_photos(const std::vector<std::string>& files) {
  std::vector<Photo> photos;
  photos.reserve(files.size());
  for (const std::string& file : files) {
    photos.push_back(photo_of(fs::path(file).filename().string(), read_file(file)));
  }
  return photos;
}

int micro(const Arguments& arguments, const std::vector<Operation>& operations,
          const std::vector<std::string>& files) {
  Json report = {
      {"kind", "micro"},          {"machine", machine_line()},        {"date", date_today()},
      {"commit", commit_of(".")}, {"libvips", vips_version_string()}, {"rounds", arguments.rounds}};
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<unsigned>(std::max(0, ::sched_getcpu())), &cores);
  ::sched_setaffinity(0, sizeof cores, &cores);
  auto rows = measure_micro(read_photos(files), {operations, arguments.rounds});
  if (!rows) return say(kExitFailed, rows.error().public_message + " " + rows.error().detail);
  std::fputs(micro_table(*rows).c_str(), stdout);
  report["rows"] = *std::move(rows);
  if (arguments.out.empty() || write_file(arguments.out, report.dump(1) + "\n")) return 0;
  return say(kExitFailed, "cannot write " + arguments.out);
}

Json expected_of(const Operation& operation, std::size_t photo, const std::string& source,
                 const fs::path& folder) {
  const vips::VImage reference = reference_of(operation, source);
  const std::string name = fmt::format("reference-{}-{}.png", operation.number, photo);
  reference.write_to_file((folder / name).c_str(), vips::VImage::option()->set("compression", 1));
  const std::string file = vips_result(operation, source);
  const Judged judged = judge(reference, file);
  const PictureSize asked = size_asked(operation, source);
  return {{"op", operation.number},
          {"photo", photo},
          {"reference", name},
          {"width_px", asked.width_px},
          {"height_px", asked.height_px},
          {"libvips",
           {{"ssim", judged.likeness.ssim},
            {"psnr_db", judged.likeness.psnr_db},
            {"bytes", file.size()}}}};
}

// Writes the folder `sources`, which an origin serves, and the references beside it; what there is
// goes to standard output.
int make(const Arguments& arguments, const std::vector<Operation>& operations,
         const std::vector<std::string>& files) {
  const fs::path folder = arguments.out;
  fs::create_directories(folder / "sources");
  Json report = {
      {"libvips", vips_version_string()}, {"photos", Json::array()}, {"expected", Json::array()}};
  const std::vector<Photo> photos = read_photos(files);
  for (std::size_t i = 0; i < photos.size(); ++i) {
    Json sources = Json::object();
    for (const auto& [kind, bytes] : photos[i].files) {
      const std::string name =
          fmt::format("{}-{}.{}", word_of(kind), i, kind == SourceKind::Png ? "png" : "jpg");
      if (!write_file(folder / "sources" / name, bytes)) {
        return say(kExitFailed, "cannot write to " + folder.string());
      }
      const auto header = vips::VImage::new_from_buffer(bytes.data(), bytes.size(), "");
      sources[std::string(word_of(kind))] = {{"file", name},
                                             {"width_px", header.width()},
                                             {"height_px", header.height()},
                                             {"bytes", bytes.size()}};
    }
    report["photos"].push_back({{"name", photos[i].name}, {"sources", sources}});
    for (const Operation& operation : operations) {
      report["expected"].push_back(
          expected_of(operation, i, photos[i].files.at(operation.source), folder));
    }
  }
  std::fputs((report.dump() + "\n").c_str(), stdout);
  return 0;
}

int judge_pairs(const Arguments& arguments) {
  if (arguments.pairs.size() % 2 != 0) return say(kExitUsage, "judge takes pairs of files");
  Json report = Json::array();
  for (std::size_t i = 0; i < arguments.pairs.size(); i += 2) {
    const auto reference = vips::VImage::new_from_file(arguments.pairs[i].c_str()).copy_memory();
    const Judged judged = judge(reference, read_file(arguments.pairs[i + 1]));
    report.push_back({{"width_px", judged.size.width_px},
                      {"height_px", judged.size.height_px},
                      {"format", judged.format},
                      {"ssim", judged.likeness.ssim},
                      {"psnr_db", judged.likeness.psnr_db}});
  }
  std::fputs((report.dump() + "\n").c_str(), stdout);
  return 0;
}

void add_sources(CLI::App& app, Arguments& arguments) {
  app.add_option("--photos", arguments.folder,
                 "folder: the four JPEGs nearest to 12 megapixels ($MILLRACE_MEDIA_DIR/photos, "
                 "or sample-bucket, which scripts/fetch-assets.sh samples fills)");
  app.add_option("--photo", arguments.photos, "one photograph, instead; repeats");
  app.add_option("--ops", arguments.numbers, "1,4: those alone (all six)");
}

int run(int argc, char** argv) {
  CLI::App app("Pictures for the benchmarks of speed.", "millrace-bench-speed");
  app.require_subcommand(1);
  Arguments arguments;
  CLI::App* micro_command = app.add_subcommand(
      "micro", "processor time of a picture, our own worker beside bare libvips, one core");
  add_sources(*micro_command, arguments);
  micro_command->add_option("--rounds", arguments.rounds, "alternating; medians count (15)")
      ->check(CLI::Range(1, 9'999));
  micro_command->add_option("--out", arguments.out, "write JSON to it");
  CLI::App* make_command = app.add_subcommand("make", "sources and references, into a folder");
  add_sources(*make_command, arguments);
  make_command->add_option("--out", arguments.out, "the folder")->required();
  CLI::App* judge_command = app.add_subcommand("judge", "how results compare with references");
  judge_command->add_option("pairs", arguments.pairs, "reference, result, reference, …")
      ->required();
  CLI11_PARSE(app, argc, argv);

  if (VIPS_INIT(argv[0]) != 0) return say(kExitFailed, vips_error_buffer());
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  try {
    if (judge_command->parsed()) return judge_pairs(arguments);
    const std::vector<Operation> operations = operations_of(arguments.numbers);
    if (operations.empty()) {
      return say(kExitUsage, "--ops " + arguments.numbers + ": there are 1 to 6, with commas");
    }
    const std::vector<std::string> files = chosen(arguments);
    if (files.empty()) {
      return say(kExitUsage,
                 "no photographs: name some with --photos or --photo, or run "
                 "scripts/fetch-assets.sh samples");
    }
    return micro_command->parsed() ? micro(arguments, operations, files)
                                   : make(arguments, operations, files);
  } catch (const vips::VError& error) {
    return say(kExitFailed, error.what());
  }
}

}  // namespace
}  // namespace millrace::bench::speed

// NOLINTNEXTLINE(bugprone-exception-escape): what gets here ends the process
int main(int argc, char** argv) { return millrace::bench::speed::run(argc, argv); }
