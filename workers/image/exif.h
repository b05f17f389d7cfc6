// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "workers/image/bytes.h"

namespace millrace::workers::image {

// What of an EXIF block matters here.
struct ExifFacts {
  int orientation = 1;  // tag 0x0112; 1 for anything outside 1..8
  bool says_orientation = false;
  std::string copyright;  // tag 0x8298 as stored (photographer and editor stay parted by a NUL), no
                          // closing NUL
};

// Reads IFD0 of a TIFF structure, with or without the "Exif\0\0" before it (Exif 2.32,
// section 4.6). Whatever is broken reads as absent: a photograph is not refused for its notes.
// O(entries of IFD0).
ExifFacts read_exif(ByteSpan block);

// The copyright notice (2:116) of IPTC-IIM records, either bare or inside the resources of
// Photoshop's APP13
// ("Photoshop 3.0\0" 8BIM 0x0404). Empty when there is none.
std::string read_iptc_copyright(ByteSpan block);

// The smallest EXIF block that says one thing: "Exif\0\0", then a TIFF structure with the Copyright
// tag. `copyright` is at most 65,000 bytes; what is beyond is cut off.
std::vector<std::uint8_t> exif_with_copyright(const std::string& copyright);
// The smallest that says an orientation other than 1 and a notice that is not empty; nothing when
// there is nothing to say.
std::vector<std::uint8_t> exif_with(int orientation, const std::string& copyright);

}  // namespace millrace::workers::image
