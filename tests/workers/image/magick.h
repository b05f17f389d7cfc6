// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <vips/vips8>

namespace millrace::workers::image {

// A second opinion: what ImageMagick's convert makes of a picture with these arguments, as PNG and
// back. A failure of the test, and an empty picture, when there is no such program or it fails.
vips::VImage by_magick(const vips::VImage& image, const std::vector<std::string>& arguments);

}  // namespace millrace::workers::image
