// SPDX-License-Identifier: Apache-2.0
#include "workers/image/frames.h"

#include <utility>

#include "workers/image/loader.h"
#include "workers/image/pixels.h"
#include "workers/image/readers/jxl_reader.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

// libvips shows all frames as one tall picture, which it decodes from top to bottom.
class RollReader : public FrameReader {
 public:
  RollReader(const Source& source, const TaskWatch& watch)
      : watch_(watch), size_(source.stored), roll_(open_roll(source)) {
    if (roll_.get_typeof("delay") != 0) timing_.delays_ms = roll_.get_array_int("delay");
    timing_.delays_ms.resize(static_cast<std::size_t>(source.frames), 100);
    if (roll_.get_typeof("loop") != 0) timing_.loops = roll_.get_int("loop");
  }
  [[nodiscard]] const Timing& timing() const override { return timing_; }
  base::Result<VImage> next() override {
    const auto height = static_cast<int>(size_.height);
    const VImage frame =
        roll_.extract_area(0, next_ * height, static_cast<int>(size_.width), height);
    ++next_;
    return in_memory(frame, watch_);
  }

 private:
  const TaskWatch& watch_;
  Size size_;
  VImage roll_;
  Timing timing_;
  int next_ = 0;
};

class JxlFrameReader : public FrameReader {
 public:
  JxlFrameReader(ByteSpan file, JxlPicture picture)
      : picture_(std::move(picture)), decoder_(file, picture_) {
    timing_ = {picture_.delays_ms, picture_.loops};
  }
  [[nodiscard]] const Timing& timing() const override { return timing_; }
  base::Result<VImage> next() override {
    return decoded_picture(picture_.layout, picture_.icc,
                           [this](PixelSpan pixels) { return decoder_.next(pixels); });
  }

 private:
  JxlPicture picture_;
  JxlDecoding decoder_;
  Timing timing_;
};

}  // namespace

base::Result<std::unique_ptr<FrameReader>> open_frames(const Source& source,
                                                       const TaskWatch& watch) {
  if (source.format != SourceFormat::Jxl) return std::make_unique<RollReader>(source, watch);
  const ByteSpan file{reinterpret_cast<const std::uint8_t*>(source.bytes.data()),
                      source.bytes.size()};
  auto picture = read_jxl(file, source.frames);
  if (!picture) return base::fail(std::move(picture.error()));
  return std::make_unique<JxlFrameReader>(file, std::move(*picture));
}

}  // namespace millrace::workers::image
