// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace millrace::pipeline {

// A request target taken apart and percent-decoded once.
//   /photos/a%20b.jpg?imageView2/1/w/200%7CimageInfo&attname=d.jpg
struct Target {
  std::string bucket;
  std::string key;                      // decoded bytes; never empty, no NUL
  std::optional<std::string> pipeline;  // decoded text; nullopt: the original is wanted
  std::vector<std::pair<std::string, std::string>>
      parameters;  // attname, e, token … in order, decoded
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
};

// `target` is origin-form as received. With `bucket_of_host` (a Host that configuration maps to a
// bucket) the path is the key alone. BadTarget with a sentence for: not starting with "/", broken
// percent-encoding, encoded NUL, control characters, an empty bucket or key, an empty pipeline ("?"
// with nothing, or "?&…"). A query whose first element is name=value and no known form of pipeline
// (no "/" before "=") is parameters only.
base::Result<Target> parse_target(std::string_view target,
                                  std::optional<std::string_view> bucket_of_host = std::nullopt);

// One pass; "+" stays. nullopt for a broken escape.
std::optional<std::string> percent_decode(std::string_view text);
// Everything but unreserved characters and "/".
std::string percent_encode_path(std::string_view bytes);

}  // namespace millrace::pipeline
