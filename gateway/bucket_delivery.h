// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "pipeline/target.h"

namespace millrace::gateway {

// How one bucket gives out what it holds: what is configured, and what was set over the api
// (gateway/bucket_state.h). Immutable while requests look at it.
struct BucketDelivery {
  std::map<std::string, std::string, std::less<>> styles;  // name -> pipeline, decoded
  std::string separators;                                  // never empty
  bool protect_originals = false;
  bool is_private = false;
  std::set<std::string, std::less<>> owners;  // users' names
  std::string fallback;                       // key; empty: none
  bool auto_format = false;                   // pipelines that name no format mean format/auto
};
// By bucket name; every configured bucket is in it.
using DeliveryTable = std::map<std::string, BucketDelivery, std::less<>>;

// May `user` (Caller::user) read this bucket at all? TokenMissing for the nameless, TokenInvalid
// for users who are no owners.
base::Result<void> check_reader(const BucketDelivery& bucket, std::string_view user);

// Where the last separator of a path is followed by the name of a style, and has something before
// it: where it stands. nullopt: the path is a key.
std::optional<std::size_t> style_of(const BucketDelivery& bucket, std::string_view path);

// Takes <key><separator><style> apart: where the last separator of the key is followed by the name
// of a style, the target becomes the key before it with the style's pipeline, and the name is the
// result. Anything else is a key as it stands, and the result is empty. BadTarget for a style with
// a pipeline of the client's own behind it; OriginalProtected for all but styles where originals
// are protected (reference/qiniu.md 1.3, 6.4; docs/decisions/0069).
base::Result<std::string> resolve_style(const BucketDelivery& bucket, pipeline::Target& target);

}  // namespace millrace::gateway
