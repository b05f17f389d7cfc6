// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/bucket_delivery.h"
#include "gateway/config.h"
#include "pipeline/picture.h"
#include "pipeline/pipeline.h"
#include "storage/config.h"

namespace millrace::gateway {

// Which other pictures than its original a request may name, and which entries they are. A picture
// is always an entry of a configured bucket: no other URL is ever fetched, by anybody, so that
// nobody can have this service ask a host of theirs, or of the inner network, for anything
// (docs/decisions/0073). Pure; views outlive it. O(pictures), and O(buckets) for each URL.
class PictureRules {
 public:
  // Who names them.
  struct Request {
    std::string_view bucket;  // of the original, which the request may read
    std::string_view user;    // Caller::user
    bool by_style = false;    // the pipeline is that of a style of the bucket
  };
  PictureRules(const std::map<std::string, HostConfig>& hosts,
               const std::map<std::string, storage::BucketConfig>& buckets,
               const DeliveryTable& delivery, Request request)
      : hosts_(hosts), buckets_(buckets), delivery_(delivery), request_(request) {}

  // Writes each as the entry that it stands for, so that a pipeline's text means one thing. Errors
  // name the picture: BadParameter for a URL that is no entry's, or names a style or has a query,
  // and for a pipeline that has become too long; NoBucket; OriginalProtected, TokenMissing and
  // TokenInvalid for an entry that this request may not use.
  [[nodiscard]] base::Result<void> settle(pipeline::Pipeline& pipeline,
                                          const pipeline::PipelineLimits& limits) const;

 private:
  struct Entry {
    std::string bucket;
    std::string key;
  };
  [[nodiscard]] base::Result<Entry> entry_of(const pipeline::PictureName& name) const;
  [[nodiscard]] base::Result<Entry> entry_of_url(std::string_view url) const;
  [[nodiscard]] base::Result<Entry> entry_behind(std::string bucket, std::string_view path) const;
  [[nodiscard]] base::Result<void> check_use(const std::string& bucket) const;
  [[nodiscard]] base::Result<std::string> settled(const std::string& value) const;

  const std::map<std::string, HostConfig>& hosts_;
  const std::map<std::string, storage::BucketConfig>& buckets_;
  const DeliveryTable& delivery_;
  Request request_;
};

}  // namespace millrace::gateway
