// SPDX-License-Identifier: Apache-2.0

// Compares our decoders with libjpeg-turbo on the JPEG files of the folders named, and on mutations
// of the small ones among them and of some made by libjpeg itself:
//
//   jpeg_differences [--mutations N] [--first-seed S] [--save FOLDER] [FOLDER...]
//
// Ends with 1 and the seeds at fault if anything disagrees.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "codecs/jpeg/layout.h"
#include "tests/codecs/jpeg/comparison.h"
#include "tests/codecs/jpeg/made_jpeg.h"
#include "tests/codecs/jpeg/mutation.h"

namespace {

using namespace millrace::codecs;
using test::Bytes;

constexpr std::size_t kSmallBytes = 40'000;
constexpr std::size_t kSmallPx = 200'000;
constexpr std::size_t kMutatedPx = 300'000;
constexpr std::size_t kFailuresMax = 20;

struct Named {
  std::string name;
  Bytes file;
};

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

bool is_jpeg(const Bytes& file) {
  return file.size() > 2 && file[0] == std::byte{0xFF} && file[1] == std::byte{0xD8};
}

bool is_small(const Bytes& file) {
  if (file.size() > kSmallBytes) return false;
  const auto header = read_jpeg_header(file);
  return header &&
         static_cast<std::size_t>(header->width_px) * static_cast<std::size_t>(header->height_px) <
             kSmallPx;
}

std::vector<Named> made() {
  std::vector<Named> files;
  for (const test::Sampling& sampling : test::samplings()) {
    for (int kind = 0; kind < 6; ++kind) {
      test::Recipe recipe = test::recipe_of(sampling);
      recipe.restart_interval_mcus = kind == 1 ? 2 : 0;
      recipe.optimised = kind == 2;
      recipe.progressive = kind == 3;
      recipe.quality_pct = kind == 4 ? 98 : 80;
      recipe.arithmetic = kind == 5;
      if (kind == 4) recipe.seed = 3U;
      files.push_back({fmt::format("made {} {}", sampling.name, kind), test::make_jpeg(recipe)});
    }
  }
  return files;
}

class Run {
 public:
  void look_at(const std::string& name, const Bytes& file, std::uint32_t seed, std::size_t px_max) {
    ++count_;
    const auto found = test::disagreement(file, seed, px_max);
    if (!found) return;
    ++failures_;
    fmt::print("{}: {}\n", name, *found);
    std::fflush(stdout);
    if (save_.empty()) return;
    std::ofstream(fmt::format("{}/{:04}.jpg", save_, failures_), std::ios::binary)
        .write(reinterpret_cast<const char*>(file.data()),
               static_cast<std::streamsize>(file.size()));
  }
  [[nodiscard]] bool is_over() const { return failures_ >= kFailuresMax; }
  [[nodiscard]] int finish() const {
    fmt::print("{} files, {} disagree\n", count_, failures_);
    return failures_ == 0 && count_ > 0 ? 0 : 1;
  }
  void save_to(const std::string& folder) { save_ = folder; }

 private:
  std::size_t count_ = 0;
  std::size_t failures_ = 0;
  std::string save_;
};

}  // namespace

int main(int argc, char** argv) try {
  std::uint32_t mutations = 1000;
  std::uint32_t first_seed = 1;
  std::string save;
  std::vector<std::string> folders;
  CLI::App app("Our JPEG decoders beside libjpeg-turbo");
  app.add_option("--mutations", mutations);
  app.add_option("--first-seed", first_seed);
  app.add_option("--save", save);
  app.add_option("folders", folders);
  CLI11_PARSE(app, argc, argv);

  Run run;
  run.save_to(save);
  std::vector<Named> seeds = made();
  for (const Named& seed : seeds) run.look_at(seed.name, seed.file, 1, SIZE_MAX);
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      Bytes file = read_file(entry.path());
      if (!is_jpeg(file)) continue;
      run.look_at(entry.path().string(), file, 1, 40'000'000);
      if (is_small(file)) seeds.push_back({entry.path().string(), std::move(file)});
    }
  }
  for (std::uint32_t i = 0; i < mutations && !run.is_over(); ++i) {
    const std::uint32_t number = first_seed + i;
    const Named& seed = seeds[number % seeds.size()];
    run.look_at(fmt::format("mutation {} of {}", number, seed.name),
                test::mutated(seed.file, number), number, kMutatedPx);
  }
  return run.finish();
} catch (const std::exception& error) {
  std::fputs(error.what(), stderr);
  return 1;
}
