// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "codecs/jpeg/decoder.h"
#include "codecs/jpeg/layout.h"

namespace millrace::codecs {

// decode_jpeg_at_scales by libjpeg-turbo, from the row of MCUs `mcu_row` on (those above were
// delivered by another decoder). It reads all coefficients into memory and cannot leave out any;
// the transform is ours, so that samples are the same whichever decoder read them.
base::Result<void> decode_by_turbo(std::span<const std::byte> file, const JpegHeader& header,
                                   std::span<const JpegLayout> layouts, std::int32_t mcu_row,
                                   const JpegScaleSink& sink, const JpegCheck& check);

}  // namespace millrace::codecs
