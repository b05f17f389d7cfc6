// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vips/vips8>

namespace millrace::workers::image {

// Before the resampler: a picture in the space of a device (grey, RGB or CMYK, 8 or 16 bits, with
// or without alpha). Spaces that no profile describes (Lab, float, …) become sRGB here. Lazy;
// throws vips::VError.
vips::VImage to_device_space(vips::VImage image);

// After it, when fewer pixels are left: 8-bit sRGB, or grey where the source was grey, straight
// alpha kept, without a profile. The embedded profile is applied (relative colorimetric); CMYK
// without one is taken for a common press profile. `profile_ignored` becomes true when the profile
// is broken or of another kind of picture. Lazy; throws vips::VError.
vips::VImage to_srgb(vips::VImage image, bool& profile_ignored);

// The same for a file that is to keep the colours that it came with: 8 bits, but in the space of
// the embedded profile, which stays with the picture. Converted all the same is CMYK, and what
// needs no profile because it is sRGB.
vips::VImage in_own_space(const vips::VImage& image, bool& profile_ignored);

// Whether in_own_space() has left a profile with it.
bool has_profile(const vips::VImage& image);

}  // namespace millrace::workers::image
