// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "tests/fuzz/check.h"
#include "workers/image/text/text_drawing.h"

namespace millrace::fuzz {
namespace {

using namespace workers::image;

constexpr std::size_t kCanvasPx = 96;

const FontBook& book() {
  static const FontBook opened = FontBook::open();
  return opened;
}

// The first two bytes choose a font, a size and an angle; the rest is the text.
void try_text(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2 || book().names().empty()) return;
  const auto faces = book().find(book().names()[bytes[0] % book().names().size()]);
  check(!faces.empty(), "a name on offer is a font");
  const double size_px = 0.05 + bytes[1] / 2.0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  const auto layout = lay_out(text, faces, size_px, static_cast<LineEnds>(bytes[0] % 3));
  if (!layout) return check_sentence(layout.error());
  check(layout->width >= 0 && layout->height >= 0, "a box has sides");
  check(layout->glyphs.size() <= kTextGlyphsMax, "glyphs are bounded");
  const auto mask = draw_text(*layout, kCanvasPx, kCanvasPx, {3, 5, bytes[1] * 1.5},
                              []() -> base::Result<void> { return {}; });
  check(mask && mask->pixels.size() == kCanvasPx * kCanvasPx, "the canvas is what was asked for");
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  millrace::fuzz::try_text(bytes, size);
  return 0;
}
