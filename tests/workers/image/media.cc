// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/media.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace millrace::workers::image {

std::optional<std::filesystem::path> media_folder() {
  const char* named =
      std::getenv("MILLRACE_MEDIA_DIR");  // NOLINT(concurrency-mt-unsafe): one thread
  for (const std::filesystem::path& folder :
       {std::filesystem::path(named != nullptr ? named : ""),
        std::filesystem::path(MILLRACE_SOURCE_DIR) / "../shared/data",
        std::filesystem::path(MILLRACE_SOURCE_DIR) / "../../shared/data"}) {
    if (!folder.empty() && std::filesystem::exists(folder / "INDEX.tsv")) return folder;
  }
  return std::nullopt;
}

std::vector<MediaFile> media_files(const std::filesystem::path& folder, const std::string& prefix) {
  std::vector<MediaFile> files;
  std::ifstream index(folder / "INDEX.tsv");
  for (std::string line; std::getline(index, line);) {
    if (!line.starts_with(prefix)) continue;
    std::istringstream row(line);
    std::vector<std::string> cells;
    for (std::string cell; std::getline(row, cell, '\t');) cells.push_back(cell);
    if (cells.size() < 5 || !std::filesystem::exists(folder / cells[0])) continue;
    files.push_back(
        {cells[0], cells[2], std::atoll(cells[3].c_str()), std::atoll(cells[4].c_str())});
  }
  return files;
}

std::string read_media(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

}  // namespace millrace::workers::image
