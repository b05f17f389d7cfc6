// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "codecs/jpeg/decoder.h"
#include "codecs/planes.h"

namespace millrace::codecs::test {

// decode_jpeg_at_scales, what it gives put together: planes of what is delivered, one for each
// scale. Internal if the file is not on this road.
base::Result<std::vector<Planes>> planes_at_scales(std::span<const std::byte> file,
                                                   const JpegHeader& header,
                                                   const JpegScales& scales,
                                                   JpegDecoder decoder = JpegDecoder::Best);

// Decodes a file by both decoders, whole and a part of it, at every scale, and by libjpeg-turbo
// alone, and tells what does not agree:
// - where libjpeg-turbo refuses, so do we; where it reads without a warning, so do we, except files
//   without their end and those of more than a hundred scans;
// - full scale: its planes (not compared where coefficients are beyond any picture's);
// - our two decoders: the same outcome, the same samples at every scale;
// - a part: the same as in the whole;
// - all scales at once: the same as one by one.
// Pictures of more than `px_max` pixels are passed over. `seed` chooses the part.
std::optional<std::string> disagreement(std::span<const std::byte> file, std::uint32_t seed,
                                        std::size_t px_max = 100'000'000);

}  // namespace millrace::codecs::test
