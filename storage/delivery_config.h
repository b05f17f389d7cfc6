// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.h"

namespace millrace::storage {

inline constexpr std::string_view kDefaultSeparators = "-";

// How a bucket gives out what it holds: further keys of an entry of `buckets:`. Gateways act on
// them; an agent, which reads the same section, only lets them pass.
struct DeliveryConfig {
  std::map<std::string, std::string> styles;  // name -> pipeline, as it would stand behind "?"
  // Each character may stand between key and style. Empty: kDefaultSeparators, or what the api
  // said instead.
  std::string separators;
  bool protect_originals = false;   // only styles are given out
  bool is_private = false;          // only to owners
  std::vector<std::string> owners;  // names of gateway.users
  std::string fallback;             // key of what stands in for a missing original; empty: nothing
  std::string format = "source";    // "source" | "auto": of pipelines that name no format

  void bind(base::ConfigBinder& b);
};

// Letters, digits and -_.!@$~+=,:;*, 1 to 64 of them.
bool is_style_name(std::string_view name);
// 1 to 16 different characters of -_.!@$~+=,:;*/
bool are_separators(std::string_view text);
// What both sentences about them say is allowed.
extern const std::string_view kStyleNameRule;
extern const std::string_view kSeparatorsRule;

}  // namespace millrace::storage
