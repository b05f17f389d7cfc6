// SPDX-License-Identifier: Apache-2.0
#include "workers/image/text/text_layout.h"

#include <algorithm>
#include <cmath>
#include <hb.h>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "workers/image/text/text_lines.h"
#include "workers/image/text/text_runs.h"

namespace millrace::workers::image {
namespace {

using base::Reason;

constexpr double kUnitsPerPx = 64;

struct Unref {
  void operator()(hb_buffer_t* buffer) const { hb_buffer_destroy(buffer); }
};
using Buffer = std::unique_ptr<hb_buffer_t, Unref>;

struct Line {
  double width = 0;
  double ascent = 0;
  double descent = 0;
  std::vector<PlacedGlyph> glyphs;  // y counts from the baseline
};

// Appends the run's glyphs to the line.
void shape_run(const std::u32string& text, const TextRun& run, double size_px, hb_buffer_t* buffer,
               Line& line) {
  hb_buffer_clear_contents(buffer);
  // The whole line is shown, for letters join across the ends of a run.
  hb_buffer_add_utf32(buffer, reinterpret_cast<const std::uint32_t*>(text.data()),
                      static_cast<int>(text.size()), static_cast<unsigned>(run.begin),
                      static_cast<int>(run.length));
  hb_buffer_set_direction(buffer, run.to_the_left ? HB_DIRECTION_RTL : HB_DIRECTION_LTR);
  hb_buffer_set_script(buffer, static_cast<hb_script_t>(run.script));
  hb_buffer_set_language(buffer, hb_language_from_string("und", -1));
  run.face->shape(buffer, size_px);
  unsigned count = 0;
  const hb_glyph_info_t* const glyphs = hb_buffer_get_glyph_infos(buffer, &count);
  const hb_glyph_position_t* const positions = hb_buffer_get_glyph_positions(buffer, &count);
  for (unsigned i = 0; i < count; ++i) {
    line.glyphs.push_back({run.face, glyphs[i].codepoint,
                           line.width + positions[i].x_offset / kUnitsPerPx,
                           -positions[i].y_offset / kUnitsPerPx});
    line.width += positions[i].x_advance / kUnitsPerPx;
  }
}

void make_room_for(const FontFace& face, double size_px, Line& line) {
  const auto [ascent, descent] = face.extents(size_px);
  line.ascent = std::max(line.ascent, std::round(ascent));
  line.descent = std::max(line.descent, std::round(descent));
}

Line shape_line(const std::u32string& text, const FontBook::Faces& faces, double size_px,
                hb_buffer_t* buffer) {
  Line line;
  make_room_for(*faces.front(), size_px, line);
  for (const TextRun& run : text_runs(text, faces)) {
    make_room_for(*run.face, size_px, line);
    shape_run(text, run, size_px, buffer, line);
  }
  return line;
}

}  // namespace

base::Result<TextLayout> lay_out(std::string_view text, const FontBook::Faces& faces,
                                 double size_px, LineEnds even) {
  const auto texts = text_lines(text);
  if (!texts) return base::fail(texts.error());
  const Buffer buffer(hb_buffer_create());
  std::vector<Line> lines;
  double width = 0;
  std::size_t count = 0;
  for (const std::u32string& line : *texts) {
    lines.push_back(shape_line(line, faces, size_px, buffer.get()));
    width = std::max(width, lines.back().width);
    count += lines.back().glyphs.size();
    if (count > kTextGlyphsMax) {
      return base::fail(Reason::BadParameter,
                        fmt::format("The text has more than {} glyphs.", kTextGlyphsMax));
    }
  }
  TextLayout layout;
  layout.size_px = size_px;
  layout.width = std::llround(std::ceil(width));
  double top = 0;
  for (Line& line : lines) {
    const double room = static_cast<double>(layout.width) - line.width;
    // On whole pixels, so that a line looks the same wherever it stands.
    const double left =
        even == LineEnds::Left ? 0 : std::floor(even == LineEnds::Right ? room : room / 2);
    for (PlacedGlyph& glyph : line.glyphs) {
      glyph.x += left;
      glyph.y += top + line.ascent;
      layout.glyphs.push_back(glyph);
    }
    top += line.ascent + line.descent;
  }
  layout.height = std::llround(top);
  return layout;
}

}  // namespace millrace::workers::image
