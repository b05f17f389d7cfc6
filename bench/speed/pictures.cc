// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/pictures.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string_view>
#include <utility>

#include "workers/image/ssim.h"

namespace millrace::bench::speed {
namespace {

namespace fs = std::filesystem;
using vips::VImage;
using workers::image::luma_of;
using workers::image::Plane;

constexpr std::size_t kPhotographs = 4;
constexpr double kLargePx = 12e6;
constexpr int kSmallQualityPct = 90;
constexpr int kPngCompression = 6;
constexpr int kWebpEffort = 4;

// Lends the bytes: they must outlive every picture that is read from it.
class Lent {
 public:
  explicit Lent(const std::string& bytes)
      : blob_(vips_blob_new(nullptr, bytes.data(), bytes.size())) {}
  ~Lent() { vips_area_unref(VIPS_AREA(blob_)); }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  [[nodiscard]] VipsBlob* get() const { return blob_; }

 private:
  VipsBlob* blob_;
};

std::string taken(VipsBlob* blob) {
  std::size_t bytes = 0;
  const auto* data = static_cast<const char*>(vips_blob_get(blob, &bytes));
  std::string file(data, bytes);
  vips_area_unref(VIPS_AREA(blob));
  return file;
}

// Exactly that size, by Lanczos3 alone: vips_resize would average whole pixels first.
VImage scaled(const VImage& picture, int width_px, int height_px) {
  if (picture.width() == width_px && picture.height() == height_px) return picture;
  const auto lanczos = [] { return VImage::option()->set("kernel", VIPS_KERNEL_LANCZOS3); };
  const double across = static_cast<double>(picture.width()) / width_px;
  const double down = static_cast<double>(picture.height()) / height_px;
  return picture.cast(VIPS_FORMAT_FLOAT)
      .reducev(down, lanczos())
      .reduceh(across, lanczos())
      .rint()
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

VImage decoded(const std::string& file) {
  VImage picture = VImage::new_from_buffer(file.data(), file.size(), "").autorot().copy_memory();
  if (picture.has_alpha()) picture = picture.flatten();
  return picture.colourspace(VIPS_INTERPRETATION_sRGB).copy_memory();
}

PictureSize size_of(const VImage& picture) { return {picture.width(), picture.height()}; }

// Without a profile, or with one that says that it is sRGB's: in Latin letters, or with a zero
// before each as ICC.1 version 4 has them.
bool is_srgb(const VImage& picture) {
  if (picture.get_typeof(VIPS_META_ICC_NAME) == 0) return true;
  std::size_t bytes = 0;
  const auto* data = static_cast<const char*>(picture.get_blob(VIPS_META_ICC_NAME, &bytes));
  const std::string_view profile(data, bytes);
  using namespace std::string_view_literals;
  return profile.find("sRGB"sv) != profile.npos || profile.find("s\0R\0G\0B"sv) != profile.npos;
}

// What the cover is cut from.
PictureSize before_the_cut(const Operation& operation, PictureSize source) {
  const PictureSize result = result_size(operation, source);
  if (!operation.covers()) return result;
  const double scale =
      std::min(1.0, std::max(static_cast<double>(operation.width_px) / source.width_px,
                             static_cast<double>(operation.height_px) / source.height_px));
  return {std::max(result.width_px, static_cast<int>(std::lround(source.width_px * scale))),
          std::max(result.height_px, static_cast<int>(std::lround(source.height_px * scale)))};
}

// libvips 8.14 writes it into WebP even when told not to.
VImage without_metadata(const VImage& picture) {
  VImage bare = picture.copy();
  for (const char* const field : {VIPS_META_ICC_NAME, VIPS_META_EXIF_NAME, VIPS_META_XMP_NAME,
                                  VIPS_META_IPTC_NAME, VIPS_META_PHOTOSHOP_NAME}) {
    if (bare.get_typeof(field) != 0) bare.remove(field);
  }
  return bare;
}

std::string saved(const VImage& with_metadata, std::string_view format) {
  const VImage picture = without_metadata(with_metadata);
  if (format == "webp") {
    return taken(picture.webpsave_buffer(
        VImage::option()->set("Q", kQualityPct)->set("effort", kWebpEffort)->set("strip", true)));
  }
  if (format == "png") {
    return taken(picture.pngsave_buffer(
        VImage::option()->set("compression", kPngCompression)->set("strip", true)));
  }
  return taken(picture.jpegsave_buffer(VImage::option()
                                           ->set("Q", kQualityPct)
                                           ->set("optimize_coding", true)
                                           ->set("subsample_mode", VIPS_FOREIGN_SUBSAMPLE_ON)
                                           ->set("strip", true)));
}

double psnr_db(const Plane& a, const Plane& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.samples.size(); ++i) {
    const double difference = static_cast<double>(a.samples[i]) - b.samples[i];
    squares += difference * difference;
  }
  if (squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.samples.size()) / squares);
}

}  // namespace

Photo photo_of(std::string name, std::string file) {
  const VImage whole = decoded(file);
  const PictureSize size = small_size(size_of(whole));
  const VImage small = scaled(whole, size.width_px, size.height_px).copy_memory();
  Photo photo{std::move(name), {}};
  photo.files[SourceKind::Small] =
      taken(small.jpegsave_buffer(VImage::option()
                                      ->set("Q", kSmallQualityPct)
                                      ->set("subsample_mode", VIPS_FOREIGN_SUBSAMPLE_ON)
                                      ->set("strip", true)));
  photo.files[SourceKind::Png] = saved(small, "png");
  photo.files[SourceKind::Large] = std::move(file);
  return photo;
}

std::vector<std::string> photographs_in(const std::string& folder) {
  std::vector<std::pair<double, std::string>> found;  // how far from it, file
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string file = entry.path().string();
    const char* const loader = entry.is_regular_file() ? vips_foreign_find_load(file.c_str()) : "";
    if (loader == nullptr || std::string_view(loader) != "VipsForeignLoadJpegFile") continue;
    const VImage header = VImage::new_from_file(file.c_str());
    if (!is_srgb(header)) continue;
    const double pixels = static_cast<double>(header.width()) * header.height();
    found.emplace_back(std::abs(std::log(pixels / kLargePx)), file);
  }
  vips_error_clear();  // of the files that are no pictures
  std::ranges::sort(found);
  found.resize(std::min(found.size(), kPhotographs));
  std::vector<std::string> files;
  files.reserve(found.size());
  for (auto& [distance, file] : found) files.push_back(std::move(file));
  std::ranges::sort(files);
  return files;
}

VImage reference_of(const Operation& operation, const std::string& source) {
  const VImage whole = decoded(source);
  const PictureSize size = before_the_cut(operation, size_of(whole));
  return scaled(whole, size.width_px, size.height_px).copy_memory();
}

PictureSize size_asked(const Operation& operation, const std::string& source) {
  return result_size(operation, size_of(decoded(source)));
}

std::string vips_result(const Operation& operation, const std::string& source) {
  const Lent bytes(source);
  vips::VOption* const options =
      VImage::option()
          ->set("height", operation.covers() ? operation.height_px : VIPS_MAX_COORD)
          ->set("size", VIPS_SIZE_DOWN);
  if (operation.covers()) options->set("crop", VIPS_INTERESTING_CENTRE);
  return saved(VImage::thumbnail_buffer(bytes.get(), operation.width_px, options),
               operation.format);
}

Judged judge(const VImage& reference, const std::string& result) {
  const char* const loader = vips_foreign_find_load_buffer(result.data(), result.size());
  std::string format = loader == nullptr ? "none" : loader;  // VipsForeignLoadJpegBuffer
  for (const auto& [word, name] :
       {std::pair{"jpeg", "Jpeg"}, std::pair{"webp", "Webp"}, std::pair{"png", "Png"}}) {
    if (format.find(name) != std::string::npos) format = word;
  }
  if (loader == nullptr) {
    vips_error_clear();
    return {{}, format, {}};
  }
  const VImage picture = decoded(result);
  Judged judged{size_of(picture), format, {}};
  const int left = (reference.width() - picture.width()) / 2;
  const int top = (reference.height() - picture.height()) / 2;
  const Plane got = luma_of(picture);
  for (const int x : {left, left - 1, left + 1}) {
    for (const int y : {top, top - 1, top + 1}) {
      if (x < 0 || y < 0 || x + picture.width() > reference.width() ||
          y + picture.height() > reference.height()) {
        continue;
      }
      const Plane expected =
          luma_of(reference.extract_area(x, y, picture.width(), picture.height()).copy_memory());
      const double likeness = workers::image::ssim(expected, got).mean;
      if (likeness <= judged.likeness.ssim) continue;
      judged.likeness = {likeness, psnr_db(expected, got)};
    }
  }
  return judged;
}

}  // namespace millrace::bench::speed
