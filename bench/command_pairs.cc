// SPDX-License-Identifier: Apache-2.0

// The calls are what somebody writes who knows libvips: a thumbnail with shrink-on-load where the
// picture gets smaller, and the saver with the worker's settings. What the worker answers in JSON
// is compared with the picture that it has to look at.
#include "bench/command_pairs.h"

#include <cmath>
#include <memory>
#include <utility>

namespace millrace::bench {
namespace {

using vips::VImage;
using vips::VOption;

constexpr int kNoLimitPx = 10'000'000;
constexpr int kQuality = 75;      // the worker's default, and libvips'
constexpr int kAvifQuality = 50;  // likewise
constexpr int kAvifEffort = 2;    // the worker's; libvips' is 4
constexpr double kAmplitudeAt12 =
    0.0112;                           // what a Gaussian of 4 px has at 12 px: blur/12x4 ends there
constexpr int kDetectorSidePx = 960;  // what the face model is shown

struct Unref {
  void operator()(VipsBlob* blob) const { vips_area_unref(VIPS_AREA(blob)); }
};
using Blob = std::unique_ptr<VipsBlob, Unref>;

Blob blob_of(const std::string& file) {
  return Blob(vips_blob_new(nullptr, file.data(), file.size()));
}

VImage thumbnail(const std::string& file, int width, VOption* options) {
  const Blob blob = blob_of(file);
  return VImage::thumbnail_buffer(blob.get(), width, options->set("size", VIPS_SIZE_DOWN));
}
VImage fitted(const std::string& file, int width) {
  return thumbnail(file, width, VImage::option()->set("height", kNoLimitPx));
}
VImage inside(const std::string& file, int side) {
  return thumbnail(file, side, VImage::option()->set("height", side));
}
VImage covered(const std::string& file, int width, int height, VipsInteresting crop) {
  return thumbnail(file, width, VImage::option()->set("height", height)->set("crop", crop));
}
VImage whole(const std::string& file) {
  return VImage::new_from_buffer(file.data(), file.size(), "",
                                 VImage::option()->set("access", VIPS_ACCESS_SEQUENTIAL));
}

std::string jpeg(const VImage& image) {
  return file_of(image.jpegsave_buffer(VImage::option()->set("Q", kQuality)->set("strip", true)));
}
std::string png(const VImage& image) {
  return file_of(image.pngsave_buffer(VImage::option()->set("strip", true)));
}
std::string webp(const VImage& image) {
  return file_of(image.webpsave_buffer(VImage::option()->set("Q", kQuality)->set("strip", true)));
}
std::string avif(const VImage& image) {
  return file_of(image.heifsave_buffer(VImage::option()
                                           ->set("Q", kAvifQuality)
                                           ->set("compression", VIPS_FOREIGN_HEIF_COMPRESSION_AV1)
                                           ->set("bitdepth", 8)
                                           ->set("effort", kAvifEffort)
                                           ->set("strip", true)));
}
// For whoever only looks.
std::string looked_at(const VImage& image) {
  image.copy_memory();
  return "";
}

// White in an ellipse that fills the square, soft over a pixel.
VImage ellipse(int side) {
  const double radius = side / 2.0;
  const VImage at = VImage::xyz(side, side) + (0.5 - radius);
  const VImage from_middle =
      (at.extract_band(0) * at.extract_band(0) + at.extract_band(1) * at.extract_band(1)).pow(0.5);
  return ((radius - from_middle + 0.5) * 255).cast(VIPS_FORMAT_UCHAR);
}

VImage trimmed(const VImage& image) {
  int top = 0;
  int width = 0;
  int height = 0;
  const int left = image.find_trim(&top, &width, &height);
  return image.extract_area(left, top, width, height);
}

std::string compared(const std::string& file) {
  const VImage small = fitted(file, 800).copy_memory();
  const std::string made = jpeg(small);
  return looked_at(whole(made));
}

void add_view_and_mogr(std::vector<CommandPair>& pairs) {
  const auto add = [&pairs](std::string command, std::string pipeline, std::string calls,
                            std::function<std::string(const std::string&)> bare) {
    pairs.push_back({std::move(command), std::move(pipeline), PairSource::Photo, true,
                     std::move(calls), std::move(bare)});
  };
  add("imageView2", "imageView2/1/w/200/h/200", "thumbnail_buffer (crop centre), jpegsave_buffer",
      [](const auto& f) { return jpeg(covered(f, 200, 200, VIPS_INTERESTING_CENTRE)); });
  add("imageView2", "imageView2/2/w/800", "thumbnail_buffer, jpegsave_buffer",
      [](const auto& f) { return jpeg(fitted(f, 800)); });
  add("imageView2", "imageView2/2/w/800/format/webp", "thumbnail_buffer, webpsave_buffer",
      [](const auto& f) { return webp(fitted(f, 800)); });
  add("imageView2", "imageView2/2/w/800/format/png", "thumbnail_buffer, pngsave_buffer",
      [](const auto& f) { return png(fitted(f, 800)); });
  add("imageView2", "imageView2/2/w/800/format/avif",
      "thumbnail_buffer, heifsave_buffer (effort 2)",
      [](const auto& f) { return avif(fitted(f, 800)); });
  add("imageView", "imageView/2/w/800/q/75", "thumbnail_buffer, jpegsave_buffer",
      [](const auto& f) { return jpeg(fitted(f, 800)); });
  const std::string mogr = "imageMogr2/auto-orient/thumbnail/800x";
  add("imageMogr2", mogr, "thumbnail_buffer, jpegsave_buffer",
      [](const auto& f) { return jpeg(fitted(f, 800)); });
  add("imageMogr2", "imageMogr2/auto-orient/thumbnail/!400x400r/gravity/Center/crop/400x400",
      "thumbnail_buffer (crop centre), jpegsave_buffer",
      [](const auto& f) { return jpeg(covered(f, 400, 400, VIPS_INTERESTING_CENTRE)); });
  add("imageMogr2", mogr + "/rotate/90", "thumbnail_buffer, rot90, jpegsave_buffer",
      [](const auto& f) { return jpeg(fitted(f, 800).copy_memory().rot90()); });
  add("imageMogr2", mogr + "/blur/12x4", "thumbnail_buffer, gaussblur, jpegsave_buffer",
      [](const auto& f) {
        return jpeg(fitted(f, 800).gaussblur(4, VImage::option()->set("min_ampl", kAmplitudeAt12)));
      });
  add("imageMogr2", mogr + "/extent/800x800/background/cmVk",
      "thumbnail_buffer, gravity, jpegsave_buffer", [](const auto& f) {
        return jpeg(
            fitted(f, 800).gravity(VIPS_COMPASS_DIRECTION_NORTH_WEST, 800, 800,
                                   VImage::option()
                                       ->set("extend", VIPS_EXTEND_BACKGROUND)
                                       ->set("background", std::vector<double>{255, 0, 0})));
      });
  add("imageMogr2", mogr + "/colorspace/gray", "thumbnail_buffer, colourspace, jpegsave_buffer",
      [](const auto& f) { return jpeg(fitted(f, 800).colourspace(VIPS_INTERPRETATION_B_W)); });
}

void add_shapes(std::vector<CommandPair>& pairs) {
  pairs.push_back({"smartcrop", "smartcrop/200x200", PairSource::Photo, true,
                   "thumbnail_buffer (crop attention), jpegsave_buffer", [](const auto& f) {
                     return jpeg(covered(f, 200, 200, VIPS_INTERESTING_ATTENTION));
                   }});
  pairs.push_back({"trim", "trim", PairSource::Framed, true,
                   "new_from_buffer, find_trim, extract_area, jpegsave_buffer",
                   [](const auto& f) { return jpeg(trimmed(whole(f).copy_memory())); }});
  pairs.push_back(
      {"roundPic", "imageView2/1/w/400/h/400|roundPic/radius/!50p", PairSource::Photo, true,
       "thumbnail_buffer (crop centre), bandjoin with a mask, pngsave_buffer", [](const auto& f) {
         return png(covered(f, 400, 400, VIPS_INTERESTING_CENTRE).bandjoin(ellipse(400)));
       }});
  pairs.push_back(
      {"page", "page/100|imageView2/2/w/100", PairSource::Animation, true,
       "thumbnail_buffer (page), gifsave_buffer", [](const auto& f) {
         // A GIF of a GIF has 128 colours.
         return file_of(
             thumbnail(
                 f, 100,
                 VImage::option()->set("height", kNoLimitPx)->set("option_string", "[page=99]"))
                 .gifsave_buffer(VImage::option()->set("bitdepth", 7)));
       }});
  pairs.push_back(
      {"imageView2", "imageView2/2/w/120/format/webp", PairSource::Animation, true,
       "thumbnail_buffer of all frames, webpsave_buffer", [](const auto& f) {
         return webp(thumbnail(
             f, 120, VImage::option()->set("height", kNoLimitPx)->set("option_string", "[n=-1]")));
       }});
  pairs.push_back({"imageView2", "imageView2/0/format/webp", PairSource::Animation, true,
                   "gifload_buffer of all frames, webpsave_buffer", [](const auto& f) {
                     const Blob blob = blob_of(f);
                     return webp(
                         VImage::gifload_buffer(blob.get(), VImage::option()->set("n", -1)));
                   }});
}

std::string sheet_of_three(const std::string& file) {
  std::vector<VImage> cells;
  cells.reserve(3);
  for (int i = 0; i < 3; ++i) {
    cells.push_back(inside(file, 200).gravity(VIPS_COMPASS_DIRECTION_CENTRE, 200, 200,
                                              VImage::option()->set("extend", VIPS_EXTEND_WHITE)));
  }
  return jpeg(
      VImage::arrayjoin(cells, VImage::option()
                                   ->set("across", 2)
                                   ->set("shim", 4)
                                   ->set("background", std::vector<double>{255, 255, 255})));
}

std::string gif_of_three(const std::string& file) {
  const std::vector<VImage> frames = {whole(file), whole(file), whole(file)};
  VImage roll = VImage::arrayjoin(frames, VImage::option()->set("across", 1)).copy_memory().copy();
  roll.set(VIPS_META_PAGE_HEIGHT, roll.height() / 3);
  roll.set("delay", std::vector<int>{500, 500, 500});
  return file_of(roll.gifsave_buffer());
}

void add_sheets(std::vector<CommandPair>& pairs) {
  pairs.push_back({"montage",
                   "montage/key/a29kbzovL2IvYQ==/key/a29kbzovL2IvYQ==", PairSource::Photo, true,
                   "three thumbnail_buffer, gravity, arrayjoin, jpegsave_buffer", sheet_of_three});
  pairs.push_back({"animate", "animate/duration/50/merge/key/a29kbzovL2IvYQ==/key/a29kbzovL2IvYQ==",
                   PairSource::Thumbnail, true, "three new_from_buffer, arrayjoin, gifsave_buffer",
                   gif_of_three});
}

std::string marked_with_text(const std::string& file) {
  const VImage photo = fitted(file, 800);
  const VImage letters =
      VImage::text("Millrace", VImage::option()->set("font", "DejaVu Sans 40px")->set("dpi", 72));
  const VImage mark = (letters.new_from_image({255, 255, 255})
                           .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB)))
                          .bandjoin(letters);
  return jpeg(photo
                  .composite2(mark, VIPS_BLEND_MODE_OVER,
                              VImage::option()
                                  ->set("x", photo.width() - mark.width() - 10)
                                  ->set("y", photo.height() - mark.height() - 10))
                  .flatten());
}

std::string marked_with_picture(const std::string& file) {
  const VImage photo = fitted(file, 800);
  const VImage mark = inside(file, 160).bandjoin(204);
  return jpeg(photo
                  .composite2(mark, VIPS_BLEND_MODE_OVER,
                              VImage::option()
                                  ->set("x", photo.width() - mark.width() - 10)
                                  ->set("y", photo.height() - mark.height() - 10))
                  .flatten());
}

void add_marks(std::vector<CommandPair>& pairs) {
  pairs.push_back({"watermark", "imageView2/2/w/800|watermark/2/text/TWlsbHJhY2U=/fontsize/800",
                   PairSource::Photo, true,
                   "thumbnail_buffer, text, composite2, flatten, jpegsave_buffer",
                   marked_with_text});
  pairs.push_back(
      {"watermark", "imageView2/2/w/800|watermark/1/image/a29kbzovL2IvYQ==/ws/0.2/dissolve/80",
       PairSource::Photo, true, "two thumbnail_buffer, composite2, flatten, jpegsave_buffer",
       marked_with_picture});
}

// What has no counterpart in libvips.
void add_nearest(std::vector<CommandPair>& pairs) {
  const auto add = [&pairs](std::string command, std::string pipeline, std::string calls,
                            std::function<std::string(const std::string&)> bare) {
    pairs.push_back({std::move(command), std::move(pipeline), PairSource::Photo, false,
                     std::move(calls), std::move(bare)});
  };
  add("facecrop", "facecrop/200x200",
      "thumbnail_buffer to what is looked at, thumbnail_buffer (crop centre), jpegsave_buffer; no "
      "detector",
      [](const auto& f) {
        looked_at(inside(f, kDetectorSidePx));
        return jpeg(covered(f, 200, 200, VIPS_INTERESTING_CENTRE));
      });
  add("faces", "faces", "thumbnail_buffer to what is looked at; no detector",
      [](const auto& f) { return looked_at(inside(f, kDetectorSidePx)); });
  add("redact", "redact/faces",
      "thumbnail_buffer to what is looked at, new_from_buffer, jpegsave_buffer; no detector",
      [](const auto& f) {
        looked_at(inside(f, kDetectorSidePx));
        return jpeg(whole(f));
      });
  add("imageslim", "imageslim", "new_from_buffer, jpegsave_buffer; no search for the likeness",
      [](const auto& f) { return jpeg(whole(f)); });
  add("imageInfo", "imageInfo", "new_from_buffer, which reads the header; no JSON",
      [](const auto& f) {
        whole(f);
        return std::string();
      });
  add("exif", "exif", "new_from_buffer, which reads the tags; no JSON", [](const auto& f) {
    whole(f);
    return std::string();
  });
  add("imageAve", "imageAve", "thumbnail_buffer, avg; no JSON", [](const auto& f) {
    inside(f, 256).stats();
    return std::string();
  });
  add("palette", "palette", "thumbnail_buffer to what is looked at; no clustering",
      [](const auto& f) { return looked_at(inside(f, 160)); });
  add("phash", "phash", "thumbnail_buffer to what is looked at; no transform",
      [](const auto& f) { return looked_at(inside(f, 256)); });
  add("blurhash", "blurhash", "thumbnail_buffer to what is looked at; no transform",
      [](const auto& f) { return looked_at(inside(f, 64)); });
  add("thumbhash", "thumbhash", "thumbnail_buffer to what is looked at; no transform",
      [](const auto& f) { return looked_at(inside(f, 100)); });
  add("compare", "imageView2/2/w/800|compare",
      "thumbnail_buffer, jpegsave_buffer, new_from_buffer; no SSIM", compared);
  pairs.push_back({"qrcode", "qrcode/1/level/M", PairSource::Text, false,
                   "a plain picture of that size, pngsave_buffer; no code",
                   [](const auto&) { return png(VImage::black(300, 300)); }});
}

}  // namespace

std::string file_of(VipsBlob* blob) {
  const Blob owned(blob);
  std::size_t bytes = 0;
  const auto* data = static_cast<const char*>(vips_blob_get(blob, &bytes));
  return {data, bytes};
}

std::string moving_gif(const VImage& picture, int frames, int width, int height) {
  std::vector<VImage> all;
  for (int i = 0; i < frames; ++i) {
    // There and back again in a long round.
    const double turn = 2 * std::acos(-1.0) * i / frames;
    const int left = static_cast<int>((1 + std::cos(turn)) / 2 * (picture.width() - width));
    const int top = static_cast<int>((1 + std::sin(turn)) / 2 * (picture.height() - height));
    all.push_back(picture.extract_area(left, top, width, height));
  }
  VImage roll = VImage::arrayjoin(all, VImage::option()->set("across", 1)).copy_memory().copy();
  roll.set(VIPS_META_PAGE_HEIGHT, height);
  roll.set("delay", std::vector<int>(static_cast<std::size_t>(frames), 50));
  roll.set("loop", 0);
  return file_of(roll.gifsave_buffer());
}

std::vector<CommandPair> command_pairs() {
  std::vector<CommandPair> pairs;
  add_view_and_mogr(pairs);
  add_shapes(pairs);
  add_sheets(pairs);
  add_marks(pairs);
  add_nearest(pairs);
  return pairs;
}

}  // namespace millrace::bench
