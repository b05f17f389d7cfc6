// SPDX-License-Identifier: Apache-2.0
#include "cli/sample_urls.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "pipeline/target.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesLookedAtMax = 2'000;
constexpr std::size_t kPicturesPerBucket = 6;
constexpr std::array<std::string_view, 9> kPictureExtensions = {
    ".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif", ".heic"};
constexpr std::array<std::string_view, 4> kExamples = {
    "facecrop/400x400", "imageView2/1/w/400/h/300", "imageView2/2/w/800/format/webp", "imageInfo"};

bool is_picture(const fs::path& file) {
  std::string extension = file.extension().string();
  std::ranges::transform(extension, extension.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::ranges::find(kPictureExtensions, extension) != kPictureExtensions.end();
}

}  // namespace

std::vector<std::string> sample_pictures(const std::string& folder, std::size_t count_max) {
  std::vector<std::string> keys;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  const fs::recursive_directory_iterator end;
  for (std::size_t looked = 0; !error && at != end && looked < kFilesLookedAtMax; ++looked) {
    std::error_code ignored;
    if (at->is_regular_file(ignored) && is_picture(at->path())) {
      keys.push_back(at->path().lexically_relative(folder).generic_string());
    }
    at.increment(error);
  }
  std::ranges::sort(keys);
  if (keys.size() > count_max) keys.resize(count_max);
  return keys;
}

std::vector<std::string> example_urls(const std::string& base_url,
                                      const std::map<std::string, storage::BucketConfig>& buckets) {
  std::vector<std::string> urls;
  std::size_t example = 0;
  for (const auto& [name, bucket] : buckets) {
    if (bucket.kind != "local") continue;
    for (const std::string& key : sample_pictures(bucket.folder, kPicturesPerBucket)) {
      urls.push_back(fmt::format("{}/{}/{}?{}", base_url, name, pipeline::percent_encode_path(key),
                                 kExamples.at(example++ % kExamples.size())));
    }
  }
  return urls;
}

}  // namespace millrace::cli
