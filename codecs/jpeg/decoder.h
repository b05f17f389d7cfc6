// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "codecs/jpeg/header.h"
#include "codecs/jpeg/layout.h"
#include "codecs/planes.h"

namespace millrace::codecs {

// Some rows of one component: samples of the plane from (first_column, first_row) on. Each row is
// followed by at least Plane::kSlackBytes that may be read.
struct JpegBand {
  int component = 0;
  std::int32_t first_row = 0;
  std::int32_t first_column = 0;
  PlaneView samples;  // until the sink returns
};

// An error ends the decoding and is handed on.
using JpegBandSink = std::function<base::Result<void>(const JpegBand&)>;

// Asked now and then while nothing is delivered; an error ends the decoding and is handed on.
using JpegCheck = std::function<base::Result<void>()>;

enum class JpegDecoder {
  Best,   // the baseline decoder where it can, libjpeg-turbo for the rest
  Turbo,  // libjpeg-turbo alone: for tests and measurements
};

enum class JpegOutcome {
  Delivered,      // the layout's rows, all of them
  NotOnThisRoad,  // layout_of says nullopt; nothing was delivered
};

// Gives the rows of layout_of(header, cut) to `sink`, from top to bottom: for every row of MCUs one
// band of each component. Chroma stays as coarse as it is stored: at scale n/8 every block, of
// whatever component, becomes n x n samples, the inverse cosine transform of its n x n lowest
// frequencies. At 8/8 the samples are those of libjpeg-turbo's accurate integer transform.
//
// `header` is read_jpeg_header(file). CorruptMedia if the file ends before the pixels that are
// wanted do, or after the last row without a marker (docs/decisions/0011); damage that libjpeg
// repairs with a warning is repaired in the same way. An error may come after some bands.
//
// Memory: some rows of MCUs for baseline files, a few hundred kilobytes; all coefficients (two
// bytes a sample at full scale) for progressive and damaged ones. Any thread. O(file + samples).
base::Result<JpegOutcome> decode_jpeg(std::span<const std::byte> file, const JpegHeader& header,
                                      const JpegCut& cut, const JpegBandSink& sink,
                                      const JpegCheck& check = {},
                                      JpegDecoder decoder = JpegDecoder::Best);

// What is wanted of one reading of a file: the same region at several scales.
struct JpegScales {
  std::vector<int> eighths;          // each once, from the finest to the coarsest
  std::optional<JpegRegion> region;  // nullopt: all of it
};

// Some rows of one component at eighths[scale].
using JpegScaleSink = std::function<base::Result<void>(std::size_t scale, const JpegBand&)>;

// decode_jpeg for all of these scales, the file read once, as far as the finest needs it. Each
// scale gets the samples that decode_jpeg gives it: those of a coarser one come from the same
// coefficients, not from the finer one's samples. Costs hardly more than the finest alone.
base::Result<JpegOutcome> decode_jpeg_at_scales(std::span<const std::byte> file,
                                                const JpegHeader& header, const JpegScales& scales,
                                                const JpegScaleSink& sink,
                                                const JpegCheck& check = {},
                                                JpegDecoder decoder = JpegDecoder::Best);

// decode_jpeg at once: planes of what is delivered, whose place layout_of tells; nullopt: not on
// this road.
base::Result<std::optional<Planes>> decode_jpeg_planes(std::span<const std::byte> file,
                                                       const JpegHeader& header, const JpegCut& cut,
                                                       JpegDecoder decoder = JpegDecoder::Best);

}  // namespace millrace::codecs
