// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/picture_set.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/lab/child_process.h"

namespace millrace::bench::speed {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// What the program printed, as JSON.
base::Result<json> ask(const PictureSetOptions& options, std::vector<std::string> arguments) {
  const fs::path output = options.folder / "millrace-bench-speed.log";
  fs::remove(output);
  arguments.insert(arguments.begin(), (options.binaries / "millrace-bench-speed").string());
  std::map<std::string, std::string> environment;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here sets variables
  if (const char* const media = std::getenv("MILLRACE_MEDIA_DIR"); media != nullptr) {
    environment["MILLRACE_MEDIA_DIR"] = media;
  }
  auto pid = start_child(arguments, {.environment = environment, .log_file = output});
  if (!pid) return base::fail(std::move(pid.error()));
  const int status = wait_for_child(*pid);
  if (status != 0) {
    return base::fail(base::Reason::Internal, fmt::format("millrace-bench-speed ended with {}: {}",
                                                          status, end_of_log(output)));
  }
  std::ifstream in(output, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  json parsed = json::parse(text, nullptr, false);
  if (parsed.is_discarded()) {
    return base::fail(base::Reason::Internal, "millrace-bench-speed said " + text);
  }
  return parsed;
}

}  // namespace

std::string PictureSet::file_of(const Operation& operation, std::size_t photo) {
  return fmt::format("{}-{}.{}", word_of(operation.source), photo,
                     operation.source == SourceKind::Png ? "png" : "jpg");
}

base::Result<PictureSet> make_pictures(const PictureSetOptions& options) {
  std::vector<std::string> arguments = {"make", "--out", options.folder.string()};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  auto made = ask(options, std::move(arguments));
  if (!made) return base::fail(std::move(made.error()));
  PictureSet set;
  set.folder = options.folder / "sources";
  set.libvips_version = made->at("libvips");
  for (const json& photo : made->at("photos")) set.names.push_back(photo.at("name"));
  for (const json& row : made->at("expected")) {
    const json& libvips = row.at("libvips");
    set.expected[row.at("op")].push_back(
        {.photo = row.at("photo"),
         .reference = options.folder / row.at("reference").get<std::string>(),
         .size = {row.at("width_px"), row.at("height_px")},
         .libvips = {libvips.at("ssim"), libvips.at("psnr_db"), libvips.at("bytes")}});
  }
  return set;
}

base::Result<std::vector<JudgedFile>> judge_files(
    const PictureSetOptions& options, const std::vector<std::pair<fs::path, fs::path>>& pairs) {
  std::vector<std::string> arguments = {"judge"};
  for (const auto& [reference, result] : pairs) {
    arguments.push_back(reference.string());
    arguments.push_back(result.string());
  }
  auto said = ask(options, std::move(arguments));
  if (!said) return base::fail(std::move(said.error()));
  std::vector<JudgedFile> judged;
  for (const json& row : *said) {
    judged.push_back({{row.at("width_px"), row.at("height_px")},
                      row.at("format"),
                      row.at("ssim"),
                      row.at("psnr_db")});
  }
  return judged;
}

}  // namespace millrace::bench::speed
