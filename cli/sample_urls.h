// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "storage/config.h"

namespace millrace::cli {

// Keys of pictures in a local bucket's folder, in order, at most `count_max`; looks at a bounded
// number of files.
std::vector<std::string> sample_pictures(const std::string& folder, std::size_t count_max);

// Lines for the terminal: URLs of variants of pictures that are there. `base_url` without a slash
// at its end.
std::vector<std::string> example_urls(const std::string& base_url,
                                      const std::map<std::string, storage::BucketConfig>& buckets);

}  // namespace millrace::cli
