// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/io_pool.h"
#include "storage/bucket.h"

namespace millrace::storage {

// A folder whose files are the entries. What the kernel has at hand, names in its cache and pages
// of the file in memory, is opened and read at once; anything that may wait for a disk runs on the
// pool. Files are read in pieces of 256 KiB; a reader holds one such piece. Cancellation and
// deadline are looked at between pieces: a disk cannot be interrupted. A file that is written to or
// cut while it is read ends in OriginFailed before its last piece, so that no reader ever gets a
// whole that never existed.
class LocalBucket final : public Bucket {
 public:
  // `pool` outlives the bucket and its readers.
  LocalBucket(net::BlockingPool& pool, std::string folder);

  net::Awaitable<base::Result<OpenOutcome>> open(std::string key, OpenOptions options) override;
  net::Awaitable<base::Result<EntryFacts>> stat(std::string key, base::Deadline deadline) override;
  [[nodiscard]] std::string origin() const override { return {}; }

 private:
  net::BlockingPool& pool_;
  std::string folder_;
  std::optional<std::uint64_t> local_device_;  // of the last file that was found on a local one
};

}  // namespace millrace::storage
