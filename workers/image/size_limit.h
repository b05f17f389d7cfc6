// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/value_form.h"
#include "workers/image/encoding.h"

namespace millrace::workers::image {

// "15k!": what a file may weigh, and whether it is the original when no file can be made so light.
struct SizeLimit {
  std::size_t bytes_max = 0;
  bool is_strict = false;
  friend bool operator==(const SizeLimit&, const SizeLimit&) = default;
};
std::vector<pipeline::ValueForm> size_limit_forms();
// `text` fits the forms; `source_bytes` is what $(fsize) stands for.
SizeLimit size_limit_from(std::string_view text, std::size_t source_bytes);

// "60k": what a file may weigh, of max-bytes.
std::vector<pipeline::ValueForm> byte_limit_forms();
// `text` fits the forms.
std::size_t byte_limit_from(std::string_view text);

// A file, and the quality that it was encoded with.
struct QualityFile {
  int quality_pct = 0;
  std::string file;
};

// The file of the best quality up to that of `encoding` that has at most `bytes_max` bytes, found
// by bisection: at most eight calls of `encode`. Where none is so small, the smallest that was
// made. Where quality does not count (a format without it, lossless), it is encoded once.
base::Result<QualityFile> best_quality_within(
    std::size_t bytes_max, const Encoding& encoding,
    const std::function<base::Result<std::string>(int quality_pct)>& encode);

}  // namespace millrace::workers::image
