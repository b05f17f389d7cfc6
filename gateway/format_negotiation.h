// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "discovery/registry.h"
#include "pipeline/format_choice.h"
#include "pipeline/pipeline.h"

namespace millrace::gateway {

// What format/auto and format/best may choose, by command: what every serving node of the cell that
// has the command says in its spec that it can write. A request goes to any of them.
class PublishedFormats {
 public:
  PublishedFormats() = default;
  PublishedFormats(const discovery::Snapshot& snapshot, std::string_view cell);
  // Nothing for a command that no node has.
  [[nodiscard]] pipeline::FormatSet of(std::string_view command) const;

 private:
  std::map<std::string, pipeline::FormatSet, std::less<>> by_command_;
};

// What is known of a request when its format is chosen.
struct FormatWish {
  pipeline::FormatSet accepted;                 // by the client
  bool auto_by_default = false;                 // BucketDelivery::auto_format
  const PublishedFormats* published = nullptr;  // null: nothing
};

// Replaces each format/auto and format/best of `pipeline`, which `catalogue` has checked, by what
// may be chosen for this client (pipeline/format_choice.h), after giving one to a last command that
// could have it and names no format, where that is the bucket's default. True: the answer depends
// on the Accept field. BadParameter when the pipeline would be too long with it.
base::Result<bool> negotiate_format(pipeline::Pipeline& pipeline,
                                    const pipeline::Catalogue& catalogue, const FormatWish& wish);

}  // namespace millrace::gateway
