// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "net/io_pool.h"
#include "storage/bucket.h"

namespace millrace::storage {

// A folder whose files are the entries. Resolving, opening and reading run on the pool, in pieces
// of 256 KiB; a reader holds one such piece. Cancellation and deadline are looked at between
// pieces: a disk cannot be interrupted. A file that is written to or cut while it is read ends in
// OriginFailed before its last piece, so that no reader ever gets a whole that never existed.
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
};

}  // namespace millrace::storage
