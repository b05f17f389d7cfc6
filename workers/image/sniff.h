// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "workers/image/bytes.h"
#include "workers/image/encoding.h"

namespace millrace::workers::image {

// What the first bytes of a file say that it is.
struct Sniffed {
  std::optional<SourceFormat> format;  // of the allow-list
  std::string seen;                    // for a person: "a PDF document", "bytes of no known kind"
};

// By magic bytes alone; never by a name. For SVG, which has none, the root element stands for them.
// O(1).
Sniffed sniff(ByteSpan bytes);

}  // namespace millrace::workers::image
