// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <vips/vips8>

#include "base/result.h"
#include "codecs/color/rgb_to_srgb.h"
#include "codecs/jpeg/header.h"
#include "codecs/planes.h"
#include "codecs/resample/picture_plan.h"
#include "workers/image/bytes.h"
#include "workers/image/encoding.h"
#include "workers/image/geometry.h"
#include "workers/image/source.h"
#include "workers/image/watch.h"

namespace millrace::workers::image {

// What of a source is to become planes.
struct PlanesRequest {
  Placement placement;  // of the picture once it is turned upright by `orientation`
  int orientation = 1;  // EXIF 1..8
  codecs::OutputChroma chroma = codecs::OutputChroma::Quarter;

  friend bool operator==(const PlanesRequest&, const PlanesRequest&) = default;
};

// The road of planes: a JPEG is decoded no further than to its planes of Y, Cb and Cr, at the
// coarsest scale that does, and only where the result looks; these are scaled, cropped, turned and
// encoded again. No pixel is ever made, and libvips is not asked.
//
// It is for 8-bit JPEG in Y, Cb, Cr or grey that is sRGB, or has a profile of RGB by a matrix and
// curves (Display P3, Adobe RGB, ...), which is applied to the small result. Everything else, and
// every command that wants pixels, goes by libvips.
class PlanesRoad {
 public:
  // Of a larger result the planes would take too much memory, px.
  static constexpr std::int64_t kResultPxMax = 25'000'000;

  // nullopt: the source is not for this road. Costs what its header costs to read.
  static std::optional<PlanesRoad> open(const Source& source);
  // The planes are sRGB, but the source is not: not for who wants its own colours.
  [[nodiscard]] bool converts_colors() const { return to_srgb_ != nullptr; }

  // What decode_jpeg() says of a damaged file; Deadline and TaskTooExpensive of the watch.
  [[nodiscard]] base::Result<codecs::Planes> render(const PlanesRequest& request,
                                                    const TaskWatch& watch) const;
  // The same for several, from one decode: to the bit what each alone gives. One file's damage
  // is everybody's, also of those who would not have looked where it is.
  [[nodiscard]] base::Result<std::vector<codecs::Planes>> render_all(
      std::span<const PlanesRequest> requests, const TaskWatch& watch) const;
  // Those of `others` that cost less in one decode with `first`, and with those chosen before them,
  // than in one of their own. Their places, in order.
  [[nodiscard]] std::vector<std::size_t> worth_sharing(const PlanesRequest& first,
                                                       std::span<const PlanesRequest> others) const;

 private:
  PlanesRoad(const Source& source, codecs::JpegHeader header,
             std::shared_ptr<const codecs::RgbToSrgb> to_srgb)
      : source_(&source), header_(std::move(header)), to_srgb_(std::move(to_srgb)) {}

  [[nodiscard]] codecs::Planes in_srgb(const codecs::Planes& planes,
                                       codecs::OutputChroma chroma) const;
  struct Rendering;
  [[nodiscard]] base::Result<Rendering> plan(const PlanesRequest& request) const;

  const Source* source_;
  codecs::JpegHeader header_;
  std::shared_ptr<const codecs::RgbToSrgb> to_srgb_;  // null: it is sRGB
};

// Whom a stage asks for planes of a source.
class PlanesSource {
 public:
  PlanesSource() = default;
  PlanesSource(const PlanesSource&) = delete;
  PlanesSource& operator=(const PlanesSource&) = delete;
  virtual ~PlanesSource() = default;
  // As road.render().
  virtual base::Result<codecs::Planes> render(const PlanesRoad& road, const PlanesRequest& request,
                                              const TaskWatch& watch) = 0;
  // Asked before pixels come out of the source in another way; an error is handed on.
  virtual base::Result<void> may_read_pixels() { return {}; }
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
