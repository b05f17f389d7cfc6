// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

struct hb_buffer_t;

namespace millrace::workers::image {

// A file, mapped for as long as this lives: its pages are those of the page cache, shared with all
// who map it.
class MappedFile {
 public:
  // nullptr: there is no such file, or it cannot be read.
  static std::shared_ptr<const MappedFile> map(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  std::span<const std::uint8_t> bytes_;
};

// Part of a picture that something covers: 0 not at all, 255 wholly.
struct Coverage {
  int left = 0;  // px, of the first pixel of the first row
  int top = 0;
  int width = 0;  // px
  int height = 0;
  const std::uint8_t* first = nullptr;
  int stride_bytes = 0;
};

// One face of a font file: characters to glyphs by HarfBuzz, glyphs to coverage by FreeType.
// Neither opens a file after this has been made. What they need in memory, megabytes for a font of
// Chinese, is made when the face is first asked for something. One thread.
class FontFace {
 public:
  // The first face of `file` whose family has that name; nullptr: none.
  static std::unique_ptr<FontFace> open(std::shared_ptr<const MappedFile> file,
                                        const std::string& family);
  ~FontFace();
  FontFace(const FontFace&) = delete;
  FontFace& operator=(const FontFace&) = delete;

  [[nodiscard]] bool has(char32_t character) const;

  // px, of a line of text at that size: how far it reaches above and below its baseline.
  struct Extents {
    double ascent = 0;
    double descent = 0;
  };
  [[nodiscard]] Extents extents(double size_px) const;

  // Lengths come out of the buffer in 1/64 px.
  void shape(hb_buffer_t* buffer, double size_px) const;

  // Turned about its origin and put there; right and down. `within`: what lies outside of it need
  // not be drawn.
  struct Pose {
    double x = 0;  // px
    double y = 0;
    double degrees = 0;  // clockwise
  };
  struct Box {
    int left = 0;
    int top = 0;
    int right = 0;  // the first column that is not in it
    int bottom = 0;
  };
  // Gives the glyph's coverage to `take`, once or, where there is nothing to see, not at all.
  void draw(std::uint32_t glyph, double size_px, const Pose& pose, const Box& within,
            const std::function<void(const Coverage&)>& take) const;

 private:
  struct Handles;
  FontFace(std::shared_ptr<const MappedFile> file, long index);
  // std::bad_alloc where there is no memory for them.
  [[nodiscard]] const Handles& handles() const;

  std::shared_ptr<const MappedFile> file_;
  long index_;
  mutable std::unique_ptr<const Handles> handles_;  // null: not asked for yet
};

}  // namespace millrace::workers::image
