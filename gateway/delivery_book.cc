// SPDX-License-Identifier: Apache-2.0
#include "gateway/delivery_book.h"

#include <utility>

#include <fmt/format.h>

#include "pipeline/pipeline_form.h"
#include "pipeline/wording.h"

namespace millrace::gateway {
namespace {

std::map<std::string, storage::DeliveryConfig> delivery_configs(
    const DeliveryBook::Buckets& buckets) {
  std::map<std::string, storage::DeliveryConfig> configs;
  for (const auto& [name, bucket] : buckets) configs.emplace(name, bucket.delivery);
  return configs;
}

}  // namespace

DeliveryBook::DeliveryBook(const Buckets& buckets, std::optional<StateFolder> folder,
                           BucketStates states)
    : config_(delivery_configs(buckets)),
      folder_(std::move(folder)),
      states_(std::move(states)),
      table_(make_table()) {}

base::Result<std::unique_ptr<DeliveryBook>> DeliveryBook::open(const Buckets& buckets,
                                                               const std::string& state_dir) {
  std::optional<StateFolder> folder;
  BucketStates states;
  if (!state_dir.empty()) {
    auto opened = StateFolder::open(state_dir);
    if (!opened) return base::fail(std::move(opened.error()));
    auto text = opened->read_buckets();
    if (!text) return base::fail(std::move(text.error()));
    if (!text->empty()) {
      auto read = bucket_states_from_json(*text);
      if (!read) {
        return base::fail(base::Reason::BadParameter,
                          "gateway.state_dir " + state_dir + ": " + read.error().public_message);
      }
      states = *std::move(read);
    }
    folder = *std::move(opened);
  }
  return std::unique_ptr<DeliveryBook>(
      new DeliveryBook(buckets, std::move(folder), std::move(states)));
}

std::shared_ptr<const DeliveryTable> DeliveryBook::make_table() const {
  auto table = std::make_shared<DeliveryTable>();
  for (const auto& [name, config] : config_) {
    const auto state = states_.find(name);
    table->emplace(name,
                   delivery_of(config, state == states_.end() ? BucketState{} : state->second));
  }
  return table;
}

base::Result<void> DeliveryBook::change(std::string_view bucket, const Change& change) {
  const std::lock_guard lock(mutex_);
  const std::string name(bucket);
  const auto config = config_.find(name);
  if (config == config_.end()) {
    return base::fail(base::Reason::NoBucket,
                      fmt::format("There is no bucket {}.", pipeline::in_quotes(bucket)));
  }
  BucketStates changed = states_;
  if (auto made = change(changed[name], config->second); !made) return made;
  if (auto written = folder_->write_buckets(to_json(changed)); !written) {
    return base::fail(base::Reason::Internal, "The change could not be kept; nothing was changed.",
                      written.error().public_message);
  }
  states_ = std::move(changed);
  table_.store(make_table());
  return {};
}

void DeliveryBook::reconfigure(const Buckets& buckets) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, config] : config_) {
    const auto found = buckets.find(name);
    if (found != buckets.end()) config = found->second.delivery;
  }
  table_.store(make_table());
}

base::Result<void> check_delivery(const std::map<std::string, storage::BucketConfig>& buckets,
                                  const std::map<std::string, UserConfig>& users) {
  for (const auto& [name, bucket] : buckets) {
    for (const auto& [style, text] : bucket.delivery.styles) {
      if (auto sound = pipeline::check_pipeline_form(text); !sound) {
        return base::fail(
            base::Reason::BadParameter,
            fmt::format("buckets.{}.styles.{}: {}", name, style, sound.error().public_message));
      }
    }
    for (const std::string& owner : bucket.delivery.owners) {
      if (users.contains(owner)) continue;
      return base::fail(
          base::Reason::BadParameter,
          fmt::format("buckets.{}.owners names \"{}\", who is not under gateway.users", name,
                      owner));
    }
  }
  return {};
}

}  // namespace millrace::gateway
