// SPDX-License-Identifier: Apache-2.0

// Compares our decoder with libpng on the PNG files of the folders named, and on mutations of the
// small ones among them and of some made by the textbook:
//
//   png_differences [--mutations N] [--first-seed S] [--save FOLDER] [FOLDER...]
//
// Ends with 1 and the seeds at fault if anything disagrees.
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

#include "codecs/png/header.h"
#include "tests/codecs/png/comparison.h"
#include "tests/codecs/png/made_png.h"
#include "tests/codecs/png/mutation.h"

namespace {

using namespace millrace::codecs;
using test::Bytes;

constexpr std::size_t kSmallBytes = 100'000;
constexpr std::size_t kSmallPx = 300'000;
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

std::vector<Named> found_in(const std::vector<std::string>& folders) {
  std::vector<Named> files;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      std::string magic(4, '\0');
      if (file.read(magic.data(), 4) && magic == "\x89PNG") {
        files.push_back({entry.path(), read_file(entry.path())});
      }
    }
  }
  return files;
}

bool is_small(const Bytes& file) {
  if (file.size() > kSmallBytes) return false;
  const auto header = read_png_header(file);
  return header &&
         static_cast<std::size_t>(header->width_px) * static_cast<std::size_t>(header->height_px) <=
             kSmallPx;
}

std::vector<Named> made() {
  std::vector<Named> files;
  for (test::PngRecipe recipe : test::png_kinds()) {
    for (const int width : {5, 60}) {
      recipe.width = width;
      recipe.height = width / 2;
      files.push_back({test::name_of(recipe), test::make_png(recipe)});
    }
  }
  return files;
}

struct Tally {
  std::size_t looked = 0;
  std::size_t given = 0;
  std::size_t wrong = 0;
};

void look(const Bytes& file, const std::string& name, const std::string& save, Tally& tally) {
  bool given = false;
  const std::string wrong = test::difference(file, given);
  ++tally.looked;
  if (given) ++tally.given;
  if (wrong.empty()) return;
  ++tally.wrong;
  fmt::print("{}: {}\n", name, wrong);
  if (save.empty()) return;
  std::ofstream out(fmt::format("{}/{}.png", save, tally.wrong), std::ios::binary);
  out.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
}

}  // namespace

int main(int argc, char** argv) try {
  std::uint32_t mutations = 1000;
  std::uint32_t first_seed = 1;
  std::string save;
  std::vector<std::string> folders;
  CLI::App app("Our PNG decoder beside libpng");
  app.add_option("--mutations", mutations);
  app.add_option("--first-seed", first_seed);
  app.add_option("--save", save);
  app.add_option("folders", folders);
  CLI11_PARSE(app, argc, argv);

  Tally files;
  std::vector<Named> small = made();
  for (Named& found : found_in(folders)) {
    look(found.file, found.name, save, files);
    if (is_small(found.file)) small.push_back(std::move(found));
  }
  Tally tally;
  for (std::uint32_t i = 0; i < mutations && tally.wrong < kFailuresMax; ++i) {
    const std::uint32_t seed = first_seed + i;
    const Named& file = small[seed % small.size()];
    look(test::mutated_png(file.file, seed), fmt::format("{} seed {}", file.name, seed), save,
         tally);
  }
  fmt::print("{} files, {} of them given, {} wrong; {} mutations, {} given, {} wrong\n",
             files.looked, files.given, files.wrong, tally.looked, tally.given, tally.wrong);
  return files.wrong + tally.wrong == 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::fputs(error.what(), stderr);
  return 1;
}
