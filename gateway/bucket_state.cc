// SPDX-License-Identifier: Apache-2.0
#include "gateway/bucket_state.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pipeline/format_choice.h"
#include "pipeline/json_fields.h"
#include "pipeline/pipeline_form.h"
#include "pipeline/wording.h"
#include "storage/config.h"

namespace millrace::gateway {
namespace {

using base::Reason;
using pipeline::in_quotes;
using pipeline::JsonFields;
using Presence = JsonFields::Presence;

constexpr int kVersion = 1;

base::Failure refuse(std::string sentence) {
  return base::fail(Reason::BadParameter, std::move(sentence));
}

base::Failure configured(std::string_view what) {
  return refuse(
      fmt::format("{} by this gateway's configuration, and can only be changed there.", what));
}

std::string_view separators_of(const BucketState& state, const storage::DeliveryConfig& config) {
  if (!config.separators.empty()) return config.separators;
  return state.separators.empty() ? storage::kDefaultSeparators
                                  : std::string_view(state.separators);
}

// A style whose name has one of the separators in it could never be asked for.
template <class Styles>
const std::string* hidden_style(const Styles& styles, std::string_view separators) {
  for (const auto& [name, unused] : styles) {
    if (name.find_first_of(separators) != std::string::npos) return &name;
  }
  return nullptr;
}

base::Result<void> check_style(std::string_view name, std::string_view pipeline) {
  if (!storage::is_style_name(name)) {
    return refuse(
        fmt::format("{} is no name of a style; {}.", in_quotes(name), storage::kStyleNameRule));
  }
  return pipeline::check_pipeline_form(pipeline);
}

base::Failure broken_file(std::string_view what) {
  return refuse(fmt::format("the styles that were set over the api cannot be read: {}", what));
}

base::Result<BucketState> state_from(const nlohmann::json& object, const std::string& bucket) {
  BucketState state;
  JsonFields fields(object);
  const nlohmann::json* styles = fields.object("styles", Presence::Optional);
  fields.text("separators", state.separators, Presence::Optional);
  fields.flag("protect_originals", state.protect_originals, Presence::Optional);
  if (fields.failed()) return broken_file(bucket + ": " + fields.mistake());
  if (!state.separators.empty() && !storage::are_separators(state.separators)) {
    return broken_file(bucket + ": separators are " + std::string(storage::kSeparatorsRule));
  }
  if (styles == nullptr) return state;
  if (styles->size() > kStylesPerBucketMax) return broken_file(bucket + " has too many styles");
  for (const auto& [name, pipeline] : styles->items()) {
    if (!pipeline.is_string()) return broken_file(bucket + ": a style is a text");
    const auto text = pipeline.get<std::string>();
    if (auto sound = check_style(name, text); !sound) {
      return broken_file(bucket + ": " + sound.error().public_message);
    }
    state.styles.emplace(name, text);
  }
  return state;
}

}  // namespace

BucketDelivery delivery_of(const storage::DeliveryConfig& config, const BucketState& state) {
  BucketDelivery delivery;
  delivery.styles.insert(config.styles.begin(), config.styles.end());
  delivery.styles.insert(state.styles.begin(), state.styles.end());
  delivery.separators = separators_of(state, config);
  delivery.protect_originals = config.protect_originals || state.protect_originals;
  delivery.is_private = config.is_private;
  delivery.owners.insert(config.owners.begin(), config.owners.end());
  delivery.fallback = config.fallback;
  delivery.auto_format = config.format == pipeline::kAutoFormat;
  return delivery;
}

base::Result<void> set_style(BucketState& state, const storage::DeliveryConfig& config,
                             std::string_view name, std::string_view pipeline) {
  if (auto sound = check_style(name, pipeline); !sound) return sound;
  const std::string key(name);
  if (config.styles.contains(key)) return configured("The style " + in_quotes(name) + " is set");
  const std::string_view separators = separators_of(state, config);
  if (name.find_first_of(separators) != std::string_view::npos) {
    return refuse(
        fmt::format("{} has one of the bucket's separators ({}) in it and could not be "
                    "asked for.",
                    in_quotes(name), separators));
  }
  if (!state.styles.contains(key) && state.styles.size() >= kStylesPerBucketMax) {
    return refuse(
        fmt::format("The bucket has {} styles already; no more are allowed.", kStylesPerBucketMax));
  }
  state.styles[key] = pipeline;
  return {};
}

base::Result<void> remove_style(BucketState& state, const storage::DeliveryConfig& config,
                                std::string_view name) {
  if (config.styles.contains(std::string(name))) {
    return configured("The style " + in_quotes(name) + " is set");
  }
  if (state.styles.erase(std::string(name)) > 0) return {};
  return base::fail(Reason::NoStyle, fmt::format("The bucket has no style {}.", in_quotes(name)));
}

base::Result<void> set_separators(BucketState& state, const storage::DeliveryConfig& config,
                                  std::string_view separators) {
  if (!storage::are_separators(separators)) {
    return refuse(fmt::format("{} cannot be separators; {} are.", in_quotes(separators),
                              storage::kSeparatorsRule));
  }
  if (!config.separators.empty()) return configured("The separators are set");
  const std::string* hidden = hidden_style(state.styles, separators);
  if (hidden == nullptr) hidden = hidden_style(config.styles, separators);
  if (hidden != nullptr) {
    return refuse(
        fmt::format("The style {} has one of {} in its name and could not be asked for "
                    "any more.",
                    in_quotes(*hidden), separators));
  }
  state.separators = separators;
  return {};
}

base::Result<void> set_protection(BucketState& state, const storage::DeliveryConfig& config,
                                  bool protect) {
  if (!protect && config.protect_originals) return configured("The originals are protected");
  state.protect_originals = protect;
  return {};
}

std::string to_json(const BucketStates& states) {
  nlohmann::ordered_json buckets = nlohmann::ordered_json::object();
  for (const auto& [name, state] : states) {
    if (state == BucketState{}) continue;
    nlohmann::ordered_json item;
    item["styles"] = nlohmann::ordered_json::object();
    for (const auto& [style, pipeline] : state.styles) item["styles"][style] = pipeline;
    item["separators"] = state.separators;
    item["protect_originals"] = state.protect_originals;
    buckets[name] = std::move(item);
  }
  return nlohmann::ordered_json{{"version", kVersion}, {"buckets", std::move(buckets)}}.dump(2) +
         "\n";
}

base::Result<BucketStates> bucket_states_from_json(std::string_view json) {
  const auto object = pipeline::parse_json_object(json);
  if (!object) return broken_file("it is not a JSON object");
  JsonFields fields(*object);
  int version = 0;
  fields.integer("version", version, Presence::Required, 1, kVersion);
  const nlohmann::json* buckets = fields.object("buckets", Presence::Required);
  if (fields.failed()) return broken_file(fields.mistake());
  BucketStates states;
  for (const auto& [name, item] : buckets->items()) {
    if (!storage::is_bucket_name(name) || !item.is_object()) {
      return broken_file(in_quotes(name) + " is no bucket");
    }
    auto state = state_from(item, name);
    if (!state) return base::fail(std::move(state.error()));
    states.emplace(name, *std::move(state));
  }
  return states;
}

}  // namespace millrace::gateway
