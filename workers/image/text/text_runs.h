// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "workers/image/text/font_book.h"

namespace millrace::workers::image {

// Part of a line that is of one direction, script and face.
struct TextRun {
  std::size_t begin = 0;   // characters of the line
  std::size_t length = 0;  // characters
  bool to_the_left = false;
  unsigned script = 0;  // HarfBuzz's hb_script_t
  const FontFace* face = nullptr;
};

// The runs of a line from left to right, as they are seen: Unicode's bidirectional algorithm (UAX
// 9) by FriBidi. A character that no face has is left to the first one, which draws a box. `faces`
// is not empty. O(characters x faces).
std::vector<TextRun> text_runs(const std::u32string& line, const FontBook::Faces& faces);

}  // namespace millrace::workers::image
