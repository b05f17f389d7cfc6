// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workers/image/encoding.h"

namespace millrace::workers::image {

// Starts libvips for this process: one thread, no cache, of the loaders that libvips does not trust
// only those of SVG, PDF and JPEG 2000. Any number of calls.
base::Result<void> start_vips();

// Whether that kind can be read or written here, with the libvips and the codecs that are
// installed.
bool can_read(SourceFormat format);
bool can_write(OutputFormat format);
// One sentence for each kind that cannot be read or written here.
std::vector<std::string> missing_formats();

// What an error of libvips means, by its text (which is its only interface): TaskTooExpensive when
// memory ran out, else `otherwise`. `what` begins the sentence ("the JPEG file cannot be decoded");
// the text goes into the detail.
base::Error error_of_vips(std::string_view text, base::Reason otherwise, std::string what);

}  // namespace millrace::workers::image
