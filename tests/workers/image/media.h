// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::workers::image {

// One row of the media folder's INDEX.tsv.
struct MediaFile {
  std::string path;  // inside the folder
  std::string format;
  std::int64_t width = 0;  // px; 0: unknown
  std::int64_t height = 0;
};

// The folder of test media: MILLRACE_MEDIA_DIR, else ../shared/data beside the repository; nullopt:
// there is none.
std::optional<std::filesystem::path> media_folder();
// The rows whose path begins with `prefix` and whose file is there: a folder may hold a part.
std::vector<MediaFile> media_files(const std::filesystem::path& folder, const std::string& prefix);
std::string read_media(const std::filesystem::path& path);

}  // namespace millrace::workers::image
