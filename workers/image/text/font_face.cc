// SPDX-License-Identifier: Apache-2.0
#include "workers/image/text/font_face.h"

#include <algorithm>
#include <cmath>
#include <fcntl.h>
#include <ft2build.h>
#include <hb.h>
#include <new>
#include <numbers>
#include <optional>
#include <sys/mman.h>
#include <sys/stat.h>
#include <utility>
#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include "base/unique_fd.h"

namespace millrace::workers::image {
namespace {

constexpr double kUnitsPerPx = 64;
constexpr unsigned kDpi = 72;  // a point is a pixel then

// One for the process: faces may outlive any book.
FT_Library library() {
  static FT_Library made = [] {
    FT_Library fresh = nullptr;
    return FT_Init_FreeType(&fresh) == 0 ? fresh : nullptr;
  }();
  return made;
}

struct Closed {
  void operator()(FT_Face face) const { FT_Done_Face(face); }
};
using OpenFace = std::unique_ptr<FT_FaceRec_, Closed>;

OpenFace open_face(std::span<const std::uint8_t> bytes, FT_Long index) {
  FT_Face face = nullptr;
  if (library() == nullptr ||
      FT_New_Memory_Face(library(), bytes.data(), static_cast<FT_Long>(bytes.size()), index,
                         &face) != 0) {
    return nullptr;
  }
  return OpenFace(face);
}

bool select_unicode(FT_Face face) { return FT_Select_Charmap(face, FT_ENCODING_UNICODE) == 0; }

std::optional<FT_Long> find_face(std::span<const std::uint8_t> bytes, const std::string& family) {
  for (FT_Long index = 0, count = 1; index < count; ++index) {
    const OpenFace face = open_face(bytes, index);
    if (!face) return std::nullopt;
    count = face->num_faces;
    const bool fits = face->family_name != nullptr && family == face->family_name &&
                      FT_IS_SCALABLE(face.get()) && select_unicode(face.get());
    if (fits) return index;
  }
  return std::nullopt;
}

FT_Matrix turning(double degrees) {
  const double angle = degrees * std::numbers::pi / 180;
  const auto fixed = [](double value) { return static_cast<FT_Fixed>(std::lround(value * 65536)); };
  // FreeType's y leads up.
  return {fixed(std::cos(angle)), fixed(std::sin(angle)), fixed(-std::sin(angle)),
          fixed(std::cos(angle))};
}

bool is_outside(const FT_BBox& box, int x, int y, const FontFace::Box& within) {
  const auto px = [](FT_Pos units) { return static_cast<int>(units >> 6); };
  return x + px(box.xMax) + 1 < within.left || x + px(box.xMin) >= within.right ||
         y - px(box.yMin) + 1 < within.top || y - px(box.yMax) - 1 >= within.bottom;
}

}  // namespace

// Of one face, over the bytes of its file.
struct FontFace::Handles {
  OpenFace face;
  hb_font_t* font = nullptr;
  Handles(OpenFace opened, hb_font_t* shaper) : face(std::move(opened)), font(shaper) {}
  ~Handles() { hb_font_destroy(font); }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
};

std::shared_ptr<const MappedFile> MappedFile::map(const std::string& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts{};
  if (!fd || ::fstat(fd.get(), &facts) != 0 || facts.st_size <= 0) return nullptr;
  const auto size = static_cast<std::size_t>(facts.st_size);
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (mapped == MAP_FAILED) return nullptr;
  return std::shared_ptr<const MappedFile>(
      new MappedFile({static_cast<const std::uint8_t*>(mapped), size}));
}

MappedFile::~MappedFile() {
  ::munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());  // NOLINT: as it came
}

std::unique_ptr<FontFace> FontFace::open(std::shared_ptr<const MappedFile> file,
                                         const std::string& family) {
  const auto index = find_face(file->bytes(), family);
  if (!index) return nullptr;
  return std::unique_ptr<FontFace>(new FontFace(std::move(file), *index));
}

FontFace::FontFace(std::shared_ptr<const MappedFile> file, long index)
    : file_(std::move(file)), index_(index) {}
FontFace::~FontFace() = default;

const FontFace::Handles& FontFace::handles() const {
  if (handles_) return *handles_;
  const auto bytes = file_->bytes();
  OpenFace face = open_face(bytes, index_);
  // It could be opened before.
  if (!face || !select_unicode(face.get())) throw std::bad_alloc();
  hb_blob_t* const blob = hb_blob_create(reinterpret_cast<const char*>(bytes.data()),
                                         static_cast<unsigned>(bytes.size()),
                                         HB_MEMORY_MODE_READONLY, nullptr, nullptr);
  // The upper bits of face_index name an instance of a variable font.
  hb_face_t* const shaped = hb_face_create(blob, static_cast<unsigned>(face->face_index & 0xFFFF));
  hb_font_t* const font = hb_font_create(shaped);
  hb_face_destroy(shaped);
  hb_blob_destroy(blob);
  handles_ = std::make_unique<const Handles>(std::move(face), font);
  return *handles_;
}

bool FontFace::has(char32_t character) const {
  return FT_Get_Char_Index(handles().face.get(), character) != 0;
}

FontFace::Extents FontFace::extents(double size_px) const {
  const OpenFace& face = handles().face;
  const double scale = size_px / face->units_per_EM;
  return {face->ascender * scale, -face->descender * scale};
}

void FontFace::shape(hb_buffer_t* buffer, double size_px) const {
  hb_font_t* const font = handles().font;
  const int scale = static_cast<int>(std::lround(size_px * kUnitsPerPx));
  hb_font_set_scale(font, scale, scale);
  hb_shape(font, buffer, nullptr, 0);
}

void FontFace::draw(std::uint32_t glyph, double size_px, const Pose& pose, const Box& within,
                    const std::function<void(const Coverage&)>& take) const {
  FT_FaceRec_* const face = handles().face.get();
  const auto size = static_cast<FT_F26Dot6>(std::lround(size_px * kUnitsPerPx));
  // Without hinting: lines keep their lengths at every size and at every angle.
  if (FT_Set_Char_Size(face, 0, size, kDpi, kDpi) != 0 ||
      FT_Load_Glyph(face, glyph, FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP) != 0 ||
      face->glyph->format != FT_GLYPH_FORMAT_OUTLINE) {
    return;
  }
  FT_Outline* const outline = &face->glyph->outline;
  if (pose.degrees != 0) {
    const FT_Matrix matrix = turning(pose.degrees);
    FT_Outline_Transform(outline, &matrix);
  }
  const double x = std::floor(pose.x);
  const double y = std::floor(pose.y);
  FT_Outline_Translate(outline, std::lround((pose.x - x) * kUnitsPerPx),
                       -std::lround((pose.y - y) * kUnitsPerPx));
  FT_BBox box;
  FT_Outline_Get_CBox(outline, &box);
  if (is_outside(box, static_cast<int>(x), static_cast<int>(y), within)) return;
  if (FT_Render_Glyph(face->glyph, FT_RENDER_MODE_NORMAL) != 0) return;
  const FT_Bitmap& bitmap = face->glyph->bitmap;
  if (bitmap.width == 0 || bitmap.rows == 0) return;
  take({static_cast<int>(x) + face->glyph->bitmap_left,
        static_cast<int>(y) - face->glyph->bitmap_top, static_cast<int>(bitmap.width),
        static_cast<int>(bitmap.rows), bitmap.buffer, bitmap.pitch});
}

}  // namespace millrace::workers::image
