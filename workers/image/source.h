// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ipc/messages.h"
#include "workers/image/encoding.h"
#include "workers/image/geometry.h"
#include "workers/runtime/worker.h"

namespace millrace::workers::image {

// Which picture of a file is meant, and how large a drawn one is to be.
struct SourceChoice {
  std::optional<std::int64_t> page;  // from 0 on; nullopt: the first (of an icon: the largest)
  std::int64_t dpi = 72;             // of svg and pdf: a CSS px or a point is one pixel at 72
};

// An original, as far as its header tells. The bytes are borrowed for the length of the task.
struct Source {
  InputBytes bytes;
  SourceFormat format = SourceFormat::Jpeg;
  Size stored;                    // px, before orientation
  int orientation = 1;            // EXIF 1..8, what is still to be applied
  bool says_orientation = false;  // the file has the tag
  std::int64_t frames = 1;        // of an animation; 1 when a page of it was chosen
  std::int64_t pages = 1;         // how many pictures there are to choose from
  SourceChoice choice;
  bool has_alpha = false;
  std::string color_model;              // as imageInfo says it: "ycbcr", "nrgba", "palette16", …
  std::optional<int> jpeg_quality_pct;  // estimated from the tables; JPEG alone
  bool is_plain_srgb =
      false;  // JPEG alone: without a profile, or with one that need not be applied
  std::vector<std::uint8_t> jpeg_icc;  // JPEG alone: its profile, where that is to be applied
  // What a PNG, AVIF or HEIC without a profile says of its colours by numbers, as a profile
  // (coded_color.h); empty: nothing, or sRGB.
  std::vector<std::uint8_t> coded_icc;
  std::string copyright;  // of EXIF, or else of IPTC; as stored, without the closing NUL

  // px, after orientation
  [[nodiscard]] Size upright() const {
    return orientation >= 5 ? Size{stored.height, stored.width} : stored;
  }
};

// What the processor may spend on a document: nobody can stop a renderer in the middle.
inline constexpr std::chrono::seconds kDocumentTimeMax{10};

// Reads the header, decodes nothing. UnsupportedMedia (the sentence names what was seen and what is
// allowed), CorruptMedia, TooManyPixels, TooManyFrames; BadParameter for a page that is not there.
// A document is parsed for it, within kDocumentTimeMax (workers/runtime/task_budget.h, CpuTimeCap).
base::Result<Source> read_source(InputBytes bytes, const ipc::RunLimits& limits,
                                 const SourceChoice& choice = {});

}  // namespace millrace::workers::image
