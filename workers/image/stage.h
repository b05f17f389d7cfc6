// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include <vips/vips8>

#include "base/result.h"
#include "ipc/messages.h"
#include "workers/image/encoding.h"
#include "workers/image/geometry.h"
#include "workers/image/source.h"
#include "workers/image/watch.h"

namespace millrace::workers::image {

// The picture on its way through a pipeline. It begins as the source's bytes, of which only the
// header has been read; the first command that scales chooses how small the loader may decode
// (shrink-on-load). Nothing is encoded between two commands: what the first one decided about the
// file (format, quality) is what the second one finds as its source. One thread. Functions of
// libvips throw vips::VError: commands let it pass, the worker turns it into an Error.
class ImageStage {
 public:
  // `source` and `watch` outlive the stage.
  ImageStage(const Source& source, const ipc::RunLimits& limits, TaskWatch& watch);

  // Width x height of the upright picture as the command finds it, px.
  [[nodiscard]] Size size() const { return size_; }
  // What the client sent: before any command.
  [[nodiscard]] const Source& source() const { return source_; }
  [[nodiscard]] bool has_alpha() const;
  // How what this command was given is, in meaning, encoded: the source's format (or what stands
  // for it when it cannot be written: jpeg for heic, avif and tiff, png when they have alpha) or
  // what the command before decided.
  [[nodiscard]] const Encoding& encoding() const { return encoding_; }
  // The quality of the JPEG that this command was given (estimated from the source's tables);
  // nullopt: no JPEG.
  [[nodiscard]] std::optional<int> jpeg_quality_pct() const { return jpeg_quality_pct_; }
  // No command has changed the picture yet.
  [[nodiscard]] bool untouched() const { return !image_; }

  // Scales the whole upright picture to placement.whole (which may enlarge, if the command wants
  // that) and keeps placement.kept of it. Lazy. The kept part is checked against the limits of a
  // result: ResultTooLarge.
  base::Result<void> scale_and_crop(const Placement& placement);
  // Decides the file that this command gives. Alpha is flattened on white when the format has none.
  // ResultTooLarge when the format cannot hold so many pixels.
  base::Result<void> encode_as(const Encoding& encoding);

  // A small copy to look at: upright, 8-bit sRGB (3 bands, or 1 when grey), alpha flattened on
  // white, in memory, no side above `side_px_max`, never enlarged. The stage stays as it is. One
  // more decode, at low resolution, when the picture has not been read yet. What it costs beyond
  // that: O(pixels of the copy).
  base::Result<vips::VImage> preview(std::int64_t side_px_max);
  // The picture itself: upright, 8-bit sRGB or grey, with straight alpha or without, no profile.
  // Lazy, and readable once from top to bottom.
  base::Result<vips::VImage> picture();

  // The file, as encoding() says (an untouched source: its own bytes). Needed by commands that look
  // at bytes.
  base::Result<std::string> encoded();

  // Ends the pipeline with a document instead of a picture; `cacheable_by_clients` false:
  // Cache-Control: no-store.
  void answer_json(std::string document, bool cacheable_by_clients);
  [[nodiscard]] const std::optional<std::string>& json() const { return json_; }
  [[nodiscard]] bool cacheable_by_clients() const { return cacheable_by_clients_; }

  // Fields for the client's answer ("X-Millrace-Crop": "face").
  std::map<std::string, std::string>& headers() { return headers_; }

 private:
  [[nodiscard]] base::Result<void> check_result(Size size) const;
  base::Result<vips::VImage> placed(const Placement& placement);

  const Source& source_;
  ipc::RunLimits limits_;
  TaskWatch& watch_;
  Size size_;
  Encoding encoding_;
  std::optional<int> jpeg_quality_pct_;
  std::optional<vips::VImage> image_;  // unset: the source's bytes have not been read
  std::optional<std::string> json_;
  bool cacheable_by_clients_ = true;
  std::map<std::string, std::string> headers_;
};

}  // namespace millrace::workers::image
