// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/decoder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "codecs/jpeg/baseline_decoder.h"
#include "codecs/jpeg/turbo_decoder.h"

namespace millrace::codecs {

base::Result<JpegOutcome> decode_jpeg(std::span<const std::byte> file, const JpegHeader& header,
                                      const JpegCut& cut, const JpegBandSink& sink,
                                      const JpegCheck& check, JpegDecoder decoder) {
  const auto only = [&sink](std::size_t, const JpegBand& band) { return sink(band); };
  return decode_jpeg_at_scales(file, header, {{cut.eighths}, cut.region}, only, check, decoder);
}

base::Result<JpegOutcome> decode_jpeg_at_scales(std::span<const std::byte> file,
                                                const JpegHeader& header, const JpegScales& scales,
                                                const JpegScaleSink& sink, const JpegCheck& check,
                                                JpegDecoder decoder) {
  std::vector<JpegLayout> layouts;
  for (const int eighths : scales.eighths) {
    auto layout = layout_of(header, {eighths, scales.region});
    if (!layout) return JpegOutcome::NotOnThisRoad;
    layouts.push_back(*std::move(layout));
  }
  const JpegLayout& finest = layouts.front();
  std::int32_t row = finest.first_mcu_row;
  if (decoder == JpegDecoder::Best && is_for_baseline(header)) {
    auto reached = decode_baseline(file, header, layouts, sink, check);
    if (!reached) return base::fail(std::move(reached.error()));
    row = *reached;
    if (row == finest.end_mcu_row) return JpegOutcome::Delivered;
  }
  auto done = decode_by_turbo(file, header, layouts, row, sink, check);
  if (!done) return base::fail(std::move(done.error()));
  return JpegOutcome::Delivered;
}

base::Result<std::optional<Planes>> decode_jpeg_planes(std::span<const std::byte> file,
                                                       const JpegHeader& header, const JpegCut& cut,
                                                       JpegDecoder decoder) {
  const auto layout = layout_of(header, cut);
  if (!layout) return std::nullopt;
  Planes planes;
  planes.chroma_across = layout->chroma_across;
  planes.chroma_down = layout->chroma_down;
  for (const JpegComponentLayout& plane : layout->components) {
    planes.components.emplace_back(plane.columns, plane.rows);
  }
  const auto keep = [&planes, &layout](const JpegBand& band) -> base::Result<void> {
    const auto component = static_cast<std::size_t>(band.component);
    const std::int32_t above = band.first_row - layout->components[component].first_row;
    for (std::int32_t y = 0; y < band.samples.height; ++y) {
      std::copy_n(band.samples.row(y), band.samples.width,
                  planes.components[component].row(above + y));
    }
    return {};
  };
  auto outcome = decode_jpeg(file, header, cut, keep, {}, decoder);
  if (!outcome) return base::fail(std::move(outcome.error()));
  return planes;
}

}  // namespace millrace::codecs
