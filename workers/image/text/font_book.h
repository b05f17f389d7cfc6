// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "workers/image/text/font_face.h"
#include "workers/image/text/font_names.h"

namespace millrace::workers::image {

// The fonts that text can be drawn with: those of font_places() that are installed. All their files
// are mapped when the book is opened, and none is opened later, so that a process may lose its way
// to files in between. One thread.
class FontBook {
 public:
  static FontBook open();
  // The names that find() knows: of the faces, and after them what else they are called. None:
  // nothing is installed.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  // One sentence for each face that is not installed.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  // What text is drawn with where no name is given: the first name that is known of 黑体 and DejaVu
  // Sans.
  [[nodiscard]] std::string_view default_name() const;

  // Who draws a text: its own face, and those that lend characters it has not got, nearest first.
  using Faces = std::vector<const FontFace*>;
  // Empty: there is no such name.
  [[nodiscard]] Faces find(std::string_view name) const;

 private:
  struct Entry {
    FontPlace place;
    std::unique_ptr<FontFace> face;
  };
  [[nodiscard]] const Entry* entry(std::string_view name) const;

  std::vector<Entry> entries_;
  std::vector<std::string> names_;
  std::vector<std::string> notes_;
};

}  // namespace millrace::workers::image
