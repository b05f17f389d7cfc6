// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "codecs/planes.h"

namespace millrace::codecs {

// The planes of a JPEG as libjpeg decodes them. A file that it cannot decode ends the test program.
Planes raw_planes_of_jpeg(std::span<const std::byte> file);

}  // namespace millrace::codecs
