// SPDX-License-Identifier: Apache-2.0
#include "gateway/bucket_delivery.h"

#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "gateway/caller.h"
#include "pipeline/wording.h"

namespace millrace::gateway {
namespace {

using base::Reason;

}  // namespace

base::Result<void> check_reader(const BucketDelivery& bucket, std::string_view user) {
  if (!bucket.is_private || bucket.owners.contains(user)) return {};
  if (is_nameless(user)) {
    return base::fail(Reason::TokenMissing,
                      "This bucket is private: its URLs end in e=<unix time>&token=<access "
                      "key>:<signature>.");
  }
  return base::fail(Reason::TokenInvalid,
                    "This bucket is private, and the token is not of one of its owners.");
}

std::optional<std::size_t> style_of(const BucketDelivery& bucket, std::string_view path) {
  const std::size_t at = path.find_last_of(bucket.separators);
  // A separator at the very beginning has no key before it.
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  if (!bucket.styles.contains(path.substr(at + 1))) return std::nullopt;
  return at;
}

base::Result<std::string> resolve_style(const BucketDelivery& bucket, pipeline::Target& target) {
  if (const auto at = style_of(bucket, target.key)) {
    const auto style = bucket.styles.find(std::string_view(target.key).substr(*at + 1));
    if (target.pipeline) {
      return base::fail(Reason::BadTarget,
                        fmt::format("{} is a style, which stands for a pipeline: no other can "
                                    "follow it.",
                                    pipeline::in_quotes(style->first)));
    }
    target.key.resize(*at);
    target.pipeline = style->second;
    return style->first;
  }
  if (bucket.protect_originals) {
    return base::fail(Reason::OriginalProtected,
                      fmt::format("This bucket gives out styles only: write <key>, one of {} and "
                                  "the name of a style.",
                                  bucket.separators));
  }
  return std::string();
}

}  // namespace millrace::gateway
