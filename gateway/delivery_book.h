// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "discovery/published.h"
#include "gateway/bucket_delivery.h"
#include "gateway/bucket_state.h"
#include "gateway/state_folder.h"
#include "gateway/throttle_config.h"
#include "storage/config.h"

namespace millrace::gateway {

// How every bucket gives out what it holds: what the configuration says and what was set over the
// api, in one table that the threads of the media port look at. Any thread.
class DeliveryBook {
 public:
  using Buckets = std::map<std::string, storage::BucketConfig>;

  // `state_dir` empty: nothing can be set over the api. BadParameter for a folder that cannot be
  // used and for a file in it that cannot be read (it may say that a bucket is protected). Blocks
  // on the disk.
  static base::Result<std::unique_ptr<DeliveryBook>> open(const Buckets& buckets,
                                                          const std::string& state_dir);

  // Never null. The newest: look again for each request.
  [[nodiscard]] std::shared_ptr<const DeliveryTable> table() const { return table_.load(); }
  [[nodiscard]] bool takes_changes() const { return folder_.has_value(); }

  using Change =
      std::function<base::Result<void>(BucketState& state, const storage::DeliveryConfig& config)>;
  // One change after another: on the disk first, then in the table. NoBucket, what `change` says,
  // or Internal when the disk does not take it; then everything is as it was. Needs
  // takes_changes(). Blocks on the disk.
  base::Result<void> change(std::string_view bucket, const Change& change);

  // A reload: of buckets that are known already; others need a restart. Has passed check_delivery.
  void reconfigure(const Buckets& buckets);

 private:
  DeliveryBook(const Buckets& buckets, std::optional<StateFolder> folder, BucketStates states);
  [[nodiscard]] std::shared_ptr<const DeliveryTable> make_table() const;

  mutable std::mutex mutex_;
  std::map<std::string, storage::DeliveryConfig> config_;
  const std::optional<StateFolder> folder_;
  BucketStates states_;
  discovery::Published<DeliveryTable> table_;
};

// What storage cannot know of `buckets`: pipelines of styles must have the form of one, and owners
// be users. BadParameter naming the bucket.
base::Result<void> check_delivery(const std::map<std::string, storage::BucketConfig>& buckets,
                                  const std::map<std::string, UserConfig>& users);

}  // namespace millrace::gateway
