// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "net/headers.h"

namespace millrace::agent {

// What a cached result says about itself; written once, shared by every answer.
struct VariantFacts {
  std::string etag;      // strong, quoted
  net::Headers headers;  // Content-Type, ETag, Cache-Control where asked for, and the worker's own
};

}  // namespace millrace::agent
