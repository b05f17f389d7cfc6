// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "net/headers.h"
#include "pipeline/format_choice.h"

namespace millrace::gateway {

// What a client's Accept says that it can show: image/avif, image/jxl and image/webp, each by name
// and not with q=0. Wildcards say nothing: every browser sends */*, those too that can show none of
// them. Weights above 0 are not compared: no browser gives these three different ones, and a cache
// key for each order would be the price (RFC 9110 section 12.5.1; docs/decisions/0072).
pipeline::FormatSet accepted_formats(const net::Headers& headers);

}  // namespace millrace::gateway
