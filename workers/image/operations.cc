// SPDX-License-Identifier: Apache-2.0
#include "workers/image/operations.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "codecs/convolution/symmetric_kernel.h"
#include "workers/image/pixels.h"

namespace millrace::workers::image {
namespace {

using pipeline::Color;
using vips::VImage;

constexpr double kOpaque = 255;

Size size_of(const VImage& frame) { return {frame.width(), frame.height()}; }

VImage to_8_bit(const VImage& frame) {
  if (frame.format() == VIPS_FORMAT_UCHAR) return frame;
  return frame.linear(1.0, 0.5).cast(VIPS_FORMAT_UCHAR);
}

bool is_grey(const Color& color) { return color.red == color.green && color.red == color.blue; }

// With as many bands as that colour needs.
VImage with_room_for(const VImage& frame, const Color& color) {
  VImage roomy = frame;
  if (roomy.bands() < 3 && !is_grey(color)) roomy = roomy.colourspace(VIPS_INTERPRETATION_sRGB);
  if (color.alpha != 255 && !roomy.has_alpha()) roomy = roomy.bandjoin(kOpaque);
  return roomy;
}

// The colour in the bands of `frame`.
std::vector<double> ink_of(const VImage& frame, const Color& color) {
  std::vector<double> ink = {static_cast<double>(color.red)};
  if (frame.bands() > 2) {
    ink.push_back(color.green);
    ink.push_back(color.blue);
  }
  if (frame.has_alpha()) ink.push_back(color.alpha);
  return ink;
}

// What of the picture is on the canvas; nothing: width or height below 1.
Area visible_part(Size picture, const Canvas& canvas) {
  const std::int64_t left = std::max<std::int64_t>(0, -canvas.picture.x);
  const std::int64_t top = std::max<std::int64_t>(0, -canvas.picture.y);
  return {left, top, std::min(picture.width, canvas.size.width - canvas.picture.x) - left,
          std::min(picture.height, canvas.size.height - canvas.picture.y) - top};
}

// A picture of one colour that has the bands of `frame`.
VImage of_one_color(const VImage& frame, Size size, const std::vector<double>& ink) {
  const VImage point = VImage::black(1, 1).linear(std::vector<double>(ink.size(), 1.0), ink);
  return point.cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", frame.interpretation()))
      .embed(0, 0, static_cast<int>(size.width), static_cast<int>(size.height),
             VImage::option()->set("extend", VIPS_EXTEND_COPY));
}

// The weights of a bell from its middle outwards. Each is the mean of three samples across its
// pixel, as ImageMagick takes it: a narrow bell would come out too pointed.
std::vector<double> half_bell(int radius_px, double sigma_px) {
  std::vector<double> weights;
  for (int i = 0; i <= radius_px; ++i) {
    double weight = 0;
    for (const double part : {-1.0 / 3, 0.0, 1.0 / 3}) {
      const double away = (i + part) / sigma_px;
      weight += std::exp(-away * away / 2);
    }
    weights.push_back(weight);
  }
  return weights;
}

// A kernel whose sum counts as 1.
VImage mask_of(int width, int height, std::vector<double> weights) {
  VImage mask = VImage::new_matrix(width, height, weights.data(), static_cast<int>(weights.size()));
  mask.set("scale", std::accumulate(weights.begin(), weights.end(), 0.0));
  return mask;
}

// Of a picture in memory, with what is known of it.
VImage convolved(const VImage& frame, std::span<const double> half_kernel) {
  const VImage made = memory_like(frame, frame.width(), frame.height());
  const auto row_bytes = static_cast<std::ptrdiff_t>(VIPS_IMAGE_SIZEOF_LINE(made.get_image()));
  codecs::convolve({static_cast<const std::uint8_t*>(frame.data()),
                    static_cast<std::int32_t>(row_bytes), frame.height(), row_bytes},
                   frame.bands(), half_kernel, VIPS_IMAGE_ADDR(made.get_image(), 0, 0), row_bytes);
  return made;
}

}  // namespace

VImage resized(const VImage& frame, Size wanted) {
  if (size_of(frame) == wanted) return frame;
  const double across = static_cast<double>(wanted.width) / frame.width();
  const double down = static_cast<double>(wanted.height) / frame.height();
  const auto resize = [&](const VImage& from) {
    return from.resize(across, VImage::option()->set("vscale", down));
  };
  if (!frame.has_alpha()) return resize(frame);
  return resize(frame.premultiply().cast(frame.format())).unpremultiply().cast(frame.format());
}

VImage cropped(const VImage& frame, const Area& kept) {
  if (kept == Area{0, 0, frame.width(), frame.height()}) return frame;
  return frame.extract_area(static_cast<int>(kept.left), static_cast<int>(kept.top),
                            static_cast<int>(kept.width), static_cast<int>(kept.height));
}

VImage upright(const VImage& frame, int orientation) {
  switch (orientation) {
    case 2:
      return frame.fliphor();
    case 3:
      return frame.rot180();
    case 4:
      return frame.flipver();
    case 5:
      return frame.rot90().fliphor();
    case 6:
      return frame.rot90();
    case 7:
      return frame.rot270().fliphor();
    case 8:
      return frame.rot270();
    default:
      return frame;
  }
}

VImage turned(const VImage& frame, int degrees, const Color& fill) {
  switch (degrees % 360) {
    case 0:
      return frame;
    case 90:
      return frame.rot90();
    case 180:
      return frame.rot180();
    case 270:
      return frame.rot270();
    default:
      break;
  }
  const double angle = degrees * std::numbers::pi / 180;
  const double cosine = std::cos(angle);
  const double sine = std::sin(angle);
  const Size canvas = turned_size(size_of(frame), degrees);
  // The middle stays the middle; whole numbers are the middles of pixels.
  const double x = (frame.width() - 1) / 2.0;
  const double y = (frame.height() - 1) / 2.0;
  const double to_x = static_cast<double>(canvas.width - 1) / 2 - (cosine * x - sine * y);
  const double to_y = static_cast<double>(canvas.height - 1) / 2 - (sine * x + cosine * y);

  const VImage roomy = with_room_for(frame, fill);
  std::vector<double> ink = ink_of(roomy, fill);
  if (roomy.has_alpha()) {
    for (std::size_t i = 0; i + 1 < ink.size(); ++i) ink[i] *= ink.back() / kOpaque;
  }
  const bool has_alpha = roomy.has_alpha();
  const VImage askew =
      (has_alpha ? roomy.premultiply() : roomy)
          .affine({cosine, -sine, sine, cosine},
                  VImage::option()
                      ->set("interpolate", vips::VInterpolate::new_from_name("bicubic"))
                      ->set("oarea", std::vector<int>{0, 0, static_cast<int>(canvas.width),
                                                      static_cast<int>(canvas.height)})
                      ->set("odx", to_x)
                      ->set("ody", to_y)
                      ->set("extend", VIPS_EXTEND_BACKGROUND)
                      ->set("background", ink)
                      ->set("premultiplied", true));
  return to_8_bit(has_alpha ? askew.unpremultiply() : askew);
}

VImage on_canvas(const VImage& frame, const Canvas& canvas, const Color& fill) {
  VImage picture = with_room_for(frame, fill);
  const std::vector<double> ink = ink_of(picture, fill);
  const Area part = visible_part(size_of(picture), canvas);
  if (part.width < 1 || part.height < 1) return of_one_color(picture, canvas.size, ink);
  picture = cropped(picture, part);
  const bool shows_through = picture.has_alpha() && fill.alpha > 0;
  if (shows_through) {
    const VImage below = of_one_color(picture, size_of(picture), ink);
    picture = to_8_bit(below.composite2(picture, VIPS_BLEND_MODE_OVER))
                  .copy(VImage::option()->set("interpretation", picture.interpretation()));
  }
  return picture.embed(
      static_cast<int>(std::max<std::int64_t>(0, canvas.picture.x)),
      static_cast<int>(std::max<std::int64_t>(0, canvas.picture.y)),
      static_cast<int>(canvas.size.width), static_cast<int>(canvas.size.height),
      VImage::option()->set("extend", VIPS_EXTEND_BACKGROUND)->set("background", ink));
}

VImage blurred(const VImage& frame, int radius_px, double sigma_px) {
  if (sigma_px <= 0) return frame;
  const std::vector<double> half = half_bell(radius_px, sigma_px);
  if (!frame.has_alpha()) return convolved(frame, half);
  // Colours that alpha has weighed are no whole numbers.
  std::vector<double> weights(half.rbegin(), half.rend() - 1);
  weights.insert(weights.end(), half.begin(), half.end());
  const auto width = static_cast<int>(weights.size());
  const VImage mask = mask_of(width, 1, std::move(weights));
  return to_8_bit(frame.premultiply()
                      .convsep(mask, VImage::option()->set("precision", VIPS_PRECISION_FLOAT))
                      .unpremultiply());
}

VImage sharpened(const VImage& frame) {
  std::vector<double> weights;
  double sum = 0;
  for (int y = -1; y <= 1; ++y) {
    for (int x = -1; x <= 1; ++x) {
      weights.push_back(-std::exp(-(x * x + y * y) / 2.0));
      sum += weights.back();
    }
  }
  // The middle gives twice what all of them take.
  const double peak = -2 * sum;
  weights[4] = peak;
  if (frame.has_alpha()) {
    const VImage mask = mask_of(3, 3, std::move(weights));
    return to_8_bit(frame.premultiply()
                        .conv(mask, VImage::option()->set("precision", VIPS_PRECISION_FLOAT))
                        .unpremultiply());
  }
  // In whole numbers: several times as fast, and off by a third of a step of 255 in the mean.
  for (double& weight : weights) weight = std::round(weight * 255 / peak);
  return frame.conv(mask_of(3, 3, std::move(weights)),
                    VImage::option()->set("precision", VIPS_PRECISION_INTEGER));
}

VImage greyed(const VImage& frame) {
  return frame.bands() < 3 ? frame : frame.colourspace(VIPS_INTERPRETATION_B_W);
}

VImage on_white(const VImage& frame) {
  if (!frame.has_alpha()) return frame;
  const std::vector<double> white(static_cast<std::size_t>(frame.bands()) - 1, kOpaque);
  return frame.flatten(VImage::option()->set("background", white));
}

}  // namespace millrace::workers::image
