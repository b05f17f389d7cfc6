// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace millrace::gateway {

// gateway.state_dir: what a gateway keeps over restarts, its own alone.
//   <root>/lock            held while the gateway runs
//   <root>/buckets.json    what was set over the api (docs/formats/bucket-state.md)
class StateFolder {
 public:
  // Makes the folder (0700) if it is missing and takes the lock. BadParameter with a sentence for
  // the operator: a folder that cannot be made or written, or that another gateway uses. Blocks.
  static base::Result<StateFolder> open(const std::filesystem::path& root);

  // The whole file; empty when there is none yet. BadParameter when it cannot be read. Blocks.
  [[nodiscard]] base::Result<std::string> read_buckets() const;
  // Whole or not at all, and then it stays. BadParameter. Blocks.
  [[nodiscard]] base::Result<void> write_buckets(std::string_view json) const;

 private:
  StateFolder(std::filesystem::path root, base::UniqueFd lock);
  [[nodiscard]] std::filesystem::path buckets_file() const { return root_ / "buckets.json"; }

  std::filesystem::path root_;
  base::UniqueFd lock_;
};

}  // namespace millrace::gateway
