// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <vips/vips8>

namespace millrace::workers::image {

// What another process makes of a file, with every loader that it has (the vips program, and
// ImageMagick through it), which this process may have blocked. Throws std::runtime_error when it
// cannot read the file. `suffix` is the file's own (".bmp").
vips::VImage decode_elsewhere(const std::string& file, const std::string& suffix);

}  // namespace millrace::workers::image
