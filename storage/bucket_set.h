// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/asio.h"
#include "net/io_pool.h"
#include "storage/bucket.h"
#include "storage/config.h"

namespace millrace::storage {

// The configured buckets, seen from one io_context; use it on that thread. `io` and `pool` outlive
// it, and it outlives every reader that came from it.
class BucketSet {
 public:
  BucketSet(net::asio::io_context& io, net::BlockingPool& pool,
            const std::map<std::string, BucketConfig>& buckets);
  ~BucketSet();
  BucketSet(const BucketSet&) = delete;
  BucketSet& operator=(const BucketSet&) = delete;

  // NoBucket, with a sentence that names nothing but what was asked for. The pointer lives as long
  // as the set.
  [[nodiscard]] base::Result<Bucket*> find(std::string_view name) const;

 private:
  std::map<std::string, std::unique_ptr<Bucket>, std::less<>> buckets_;
};

// What start-up should refuse: a folder that is not there, an origin that is no URL, a ca_file that
// cannot be read, a kernel without openat2 (before 5.6). BadParameter naming the bucket. Blocks on
// the disk.
base::Result<void> check_buckets(const std::map<std::string, BucketConfig>& buckets);

}  // namespace millrace::storage
