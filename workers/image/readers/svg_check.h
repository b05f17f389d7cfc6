// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "workers/image/bytes.h"

namespace millrace::workers::image {

// Whether the root element is <svg> (of any prefix), behind what may stand in front of it: a mark
// of UTF-8, the XML declaration, comments, instructions and a document type. O(prolog), of which
// only the first 64 KiB are looked at.
bool begins_like_svg(ByteSpan file);

// Refuses what would make the renderer work out of all proportion to the file, before it is parsed:
//   8 MiB, 100,000 elements
//   of the document type only entities with plain text are taken, and what they expand to in all is
//   at most 256 KiB
//   attribute lists, parameter entities and external entities are refused whole
// UnsupportedMedia says which. O(file), allocates a few strings.
base::Result<void> check_svg(ByteSpan file);

}  // namespace millrace::workers::image
