// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <vips/vips8>

#include "base/result.h"
#include "codecs/jpeg/header.h"
#include "codecs/planes.h"
#include "codecs/resample/picture_plan.h"
#include "workers/image/bytes.h"
#include "workers/image/encoding.h"
#include "workers/image/geometry.h"
#include "workers/image/source.h"
#include "workers/image/watch.h"

namespace millrace::workers::image {

// The road of planes: a JPEG is decoded no further than to its planes of Y, Cb and Cr, at the
// coarsest scale that does, and only where the result looks; these are scaled, cropped, turned and
// encoded again. No pixel is ever made, and libvips is not asked.
//
// It is for 8-bit JPEG in Y, Cb, Cr or grey that is sRGB without a conversion. Everything else, and
// every command that wants pixels, goes by libvips.
class PlanesRoad {
 public:
  // Of a larger result the planes would take too much memory, px.
  static constexpr std::int64_t kResultPxMax = 25'000'000;

  // nullopt: the source is not for this road. Costs what its header costs to read.
  static std::optional<PlanesRoad> open(const Source& source);

  // `placement` is of the picture once it is turned upright by `orientation` (EXIF 1..8). What
  // decode_jpeg() says of a damaged file; Deadline and TaskTooExpensive of the watch.
  [[nodiscard]] base::Result<codecs::Planes> render(const Placement& placement, int orientation,
                                                    codecs::OutputChroma chroma,
                                                    const TaskWatch& watch) const;

 private:
  PlanesRoad(const Source& source, codecs::JpegHeader header)
      : source_(&source), header_(std::move(header)) {}

  const Source* source_;
  codecs::JpegHeader header_;
};

// Whether planes can be written so: jpeg, and webp that may lose a little.
bool takes_planes(const Encoding& encoding);

// As coarse as that file has its chroma.
codecs::OutputChroma chroma_for(const Encoding& encoding);

// A JPEG of no more px has Huffman tables of its own, whether it comes from planes or from pixels:
// above, they would keep too many coefficients in memory.
inline constexpr std::int64_t kOwnTablesPxMax = 4'000'000;

// What a file says beside the picture.
struct FileNotes {
  std::string copyright;
  ByteSpan icc;  // empty: none
};

// The file. `planes` have chroma_for() it. ResultTooLarge, TaskTooExpensive, Deadline, Internal.
base::Result<std::vector<std::byte>> encode_planes(codecs::Planes& planes, const Encoding& encoding,
                                                   const FileNotes& notes, const TaskWatch& watch);

// 8-bit sRGB or grey, in memory. Throws vips::VError.
vips::VImage picture_of(const codecs::Planes& planes);
// The way back, chroma 4:2:0: `picture` is in memory, with 1 or 3 bands of 8 bits.
codecs::Planes planes_of(const vips::VImage& picture);

}  // namespace millrace::workers::image
