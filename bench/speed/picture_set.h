// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bench/speed/comparison.h"

namespace millrace::bench::speed {

// Sources and references in a folder, made and looked at by millrace-bench-speed, a process of its
// own: this one has no codec.
struct PictureSet {
  struct Expected {
    std::size_t photo = 0;
    std::filesystem::path reference;
    PictureSize size;
    Quality libvips;
  };
  std::filesystem::path folder;  // what an origin serves
  std::string libvips_version;
  std::vector<std::string> names;                 // of the photographs
  std::map<int, std::vector<Expected>> expected;  // by operation, one for each photograph

  // "large-0.jpg", as it lies in the folder.
  [[nodiscard]] static std::string file_of(const Operation& operation, std::size_t photo);
};

struct PictureSetOptions {
  std::filesystem::path binaries;      // where millrace-bench-speed is
  std::filesystem::path folder;        // empty, writable
  std::vector<std::string> arguments;  // --photos, --photo, --ops: as its `make` takes them
};

// Internal: it failed; the sentence has what it said.
base::Result<PictureSet> make_pictures(const PictureSetOptions& options);

// What came of a file held against a reference.
struct JudgedFile {
  PictureSize size;
  std::string format;
  double ssim = 0;
  double psnr_db = 0;
};
// One for each pair of reference and result.
base::Result<std::vector<JudgedFile>> judge_files(
    const PictureSetOptions& options,
    const std::vector<std::pair<std::filesystem::path, std::filesystem::path>>& pairs);

}  // namespace millrace::bench::speed
