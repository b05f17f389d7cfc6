// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/bucket_delivery.h"
#include "storage/delivery_config.h"

namespace millrace::gateway {

// What was set for one bucket over the api. Kept in the state folder
// (docs/formats/bucket-state.md).
struct BucketState {
  std::map<std::string, std::string> styles;
  std::string separators;  // empty: not set
  bool protect_originals = false;
  friend bool operator==(const BucketState&, const BucketState&) = default;
};
using BucketStates = std::map<std::string, BucketState>;  // by bucket name

inline constexpr std::size_t kStylesPerBucketMax = 1'000;

// Both together. What the configuration says holds: the api adds styles of other names, separators
// where none are configured, and protection where it is not.
BucketDelivery delivery_of(const storage::DeliveryConfig& config, const BucketState& state);

// The changes. BadParameter with a sentence, and nothing is changed: for what cannot be a name, a
// pipeline or separators; for what the configuration says otherwise; for a style that its
// separators would hide. NoStyle for the removal of what is not there.
base::Result<void> set_style(BucketState& state, const storage::DeliveryConfig& config,
                             std::string_view name, std::string_view pipeline);
base::Result<void> remove_style(BucketState& state, const storage::DeliveryConfig& config,
                                std::string_view name);
base::Result<void> set_separators(BucketState& state, const storage::DeliveryConfig& config,
                                  std::string_view separators);
base::Result<void> set_protection(BucketState& state, const storage::DeliveryConfig& config,
                                  bool protect);

// The file. BadParameter for what is not of a version understood here, or holds what no change
// could have made: better no start than a bucket without its protection.
std::string to_json(const BucketStates& states);
base::Result<BucketStates> bucket_states_from_json(std::string_view json);

}  // namespace millrace::gateway
