// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "codecs/jpeg/decoder.h"
#include "codecs/jpeg/header.h"
#include "codecs/jpeg/layout.h"

namespace millrace::codecs {

// Whether decode_baseline may try: Huffman-coded sequential files whose first scan has all
// components, with a header that can be read in one way only.
bool is_for_baseline(const JpegHeader& header);

// decode_jpeg_at_scales for sound files: reads only what the cut needs, skips the rest as fast as
// it can, and stops after the last row. Returns the row of MCUs that it could not read: end_mcu_row
// when all was delivered; any other when something stands in the file that no encoder writes, so
// that another decoder must go on from there.
base::Result<std::int32_t> decode_baseline(std::span<const std::byte> file,
                                           const JpegHeader& header,
                                           std::span<const JpegLayout> layouts,
                                           const JpegScaleSink& sink, const JpegCheck& check);

}  // namespace millrace::codecs
