// SPDX-License-Identifier: Apache-2.0
#include "storage/bucket_set.h"

#include <unistd.h>

#include "storage/beneath.h"
#include "storage/http_bucket.h"
#include "storage/local_bucket.h"

namespace millrace::storage {
namespace {

base::Result<void> check_bucket(const BucketConfig& config) {
  if (config.kind == "local") return check_folder(config.folder);
  if (const auto origin = parse_origin(config.origin); !origin) return base::fail(origin.error());
  if (!config.ca_file.empty() && ::access(config.ca_file.c_str(), R_OK) != 0) {
    return base::fail(base::Reason::BadParameter, "ca_file " + config.ca_file + " cannot be read");
  }
  return {};
}

}  // namespace

BucketSet::BucketSet(net::asio::io_context& io, net::BlockingPool& pool,
                     const std::map<std::string, BucketConfig>& buckets) {
  for (const auto& [name, config] : buckets) {
    if (config.kind == "local") {
      buckets_.emplace(name, std::make_unique<LocalBucket>(pool, config.folder));
    } else {
      buckets_.emplace(name, std::make_unique<HttpBucket>(io, config));
    }
  }
}

BucketSet::~BucketSet() = default;

base::Result<Bucket*> BucketSet::find(std::string_view name) const {
  const auto found = buckets_.find(name);
  if (found != buckets_.end()) return found->second.get();
  return base::fail(base::Reason::NoBucket, "There is no bucket \"" + std::string(name) + "\"");
}

base::Result<void> check_buckets(const std::map<std::string, BucketConfig>& buckets) {
  for (const auto& [name, config] : buckets) {
    if (const auto checked = check_bucket(config); !checked) {
      return base::fail(base::Reason::BadParameter,
                        "buckets." + name + ": " + checked.error().public_message);
    }
  }
  return {};
}

}  // namespace millrace::storage
