// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "workers/image/bytes.h"

namespace millrace::workers::image {

// One tag of an EXIF block, as a person reads it.
struct ExifTag {
  std::string name;  // of the standard: "ExposureTime"
  std::string
      value;     // "1/50 sec."; bytes as stored where the tag is text, at most kExifValueBytesMax
  int type = 0;  // of the TIFF structure: 2 ASCII, 3 SHORT, 5 RATIONAL, …
};
inline constexpr std::size_t kExifValueBytesMax = 8 << 10;

// The tags of the picture (IFD0), its EXIF, GPS and interoperability directories, in the order of
// the block; a name that comes again is left out, so are tags that the standard does not know, and
// those of the thumbnail. `block` is a TIFF structure with or without "Exif\0\0" before it; of a
// broken one what can be read, which may be nothing. On libexif, whose words the values are (the
// reference's service has them from it). O(bytes).
std::vector<ExifTag> read_exif_tags(ByteSpan block);

}  // namespace millrace::workers::image
