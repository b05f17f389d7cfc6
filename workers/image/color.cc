// SPDX-License-Identifier: Apache-2.0
#include "workers/image/color.h"

#include <cstdint>
#include <span>

#include "workers/image/icc_profile.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

bool is_grey(const VImage& image) { return image.bands() < 3; }
bool is_cmyk(const VImage& image) { return image.interpretation() == VIPS_INTERPRETATION_CMYK; }
bool is_16_bit(const VImage& image) { return image.format() == VIPS_FORMAT_USHORT; }

VImage marked(const VImage& image, VipsInterpretation interpretation) {
  return image.copy(VImage::option()->set("interpretation", interpretation));
}

// 65535 is 255: to divide by 257 and to round, where a shift would darken every sixteen-bit picture
// by half a step.
VImage to_8_bit(const VImage& image) {
  if (image.format() == VIPS_FORMAT_UCHAR) return image;
  const VImage scaled = image.linear(1.0 / 257.0, 0.5);
  return marked(scaled.cast(VIPS_FORMAT_UCHAR),
                is_grey(image) ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB);
}

VImage without_profile(const VImage& image) {
  VImage bare = image.copy();
  bare.remove(VIPS_META_ICC_NAME);
  return bare;
}

IccFacts profile_of(const VImage& image) {
  std::size_t bytes = 0;
  const void* data = image.get_blob(VIPS_META_ICC_NAME, &bytes);
  return read_icc({static_cast<const std::uint8_t*>(data), bytes});
}

bool fits(const IccFacts& profile, const VImage& image) {
  if (!profile.readable) return false;
  switch (profile.space) {
    case IccSpace::Rgb:
      return !is_grey(image) && !is_cmyk(image);
    case IccSpace::Gray:
      return is_grey(image);
    case IccSpace::Cmyk:
      return is_cmyk(image);
    case IccSpace::Other:
      break;
  }
  return false;
}

// Alpha goes around the conversion: libvips 8.14 would cut sixteen bits of it off at 255.
VImage transformed(const VImage& image) {
  const bool alpha = image.has_alpha();
  const int bands = alpha ? image.bands() - 1 : image.bands();
  const VImage color = alpha ? image.extract_band(0, VImage::option()->set("n", bands)) : image;
  VImage converted = color.icc_transform("srgb", VImage::option()
                                                     ->set("embedded", true)
                                                     ->set("intent", VIPS_INTENT_RELATIVE)
                                                     ->set("depth", 8));
  if (!alpha) return converted;
  const VImage last = image.extract_band(bands);
  return converted.bandjoin(is_16_bit(image) ? last.linear(1.0 / 257.0, 0.5).cast(VIPS_FORMAT_UCHAR)
                                             : last);
}

// Grey through a profile comes back as three equal bands.
VImage grey_again(const VImage& image) {
  VImage grey = image.extract_band(0);
  if (image.bands() == 4) grey = grey.bandjoin(image.extract_band(3));
  return marked(grey, VIPS_INTERPRETATION_B_W);
}

}  // namespace

VImage to_device_space(VImage image) {
  const bool integer = image.format() == VIPS_FORMAT_UCHAR || is_16_bit(image);
  switch (image.guess_interpretation()) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
    case VIPS_INTERPRETATION_GREY16:
    case VIPS_INTERPRETATION_CMYK:
      if (integer) return image;
      break;
    default:
      break;
  }
  return image.colourspace(is_grey(image) ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB);
}

VImage to_srgb(VImage image, bool& profile_ignored) {
  profile_ignored = false;
  if (has_profile(image)) {
    const IccFacts profile = profile_of(image);
    profile_ignored = !fits(profile, image);
    if (!profile_ignored && !profile.is_srgb) {
      const bool grey = is_grey(image);
      const VImage srgb = without_profile(transformed(image));
      return grey ? grey_again(srgb) : srgb;
    }
    image = without_profile(image);
  }
  // Without a profile of its own CMYK is read through the one that libvips brings along.
  if (is_cmyk(image)) return without_profile(transformed(image));
  return to_8_bit(image);
}

VImage in_own_space(const VImage& image, bool& profile_ignored) {
  profile_ignored = false;
  if (!has_profile(image)) return to_srgb(image, profile_ignored);
  const IccFacts profile = profile_of(image);
  const bool keeps = fits(profile, image) && !profile.is_srgb && !is_cmyk(image);
  return keeps ? to_8_bit(image) : to_srgb(image, profile_ignored);
}

bool has_profile(const VImage& image) { return image.get_typeof(VIPS_META_ICC_NAME) != 0; }

}  // namespace millrace::workers::image
