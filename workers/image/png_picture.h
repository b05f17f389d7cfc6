// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vips/vips8>

#include "workers/image/source.h"

namespace millrace::workers::image {

// Whether our own decoder is for that picture, as far as its header tells. Costs what its header
// costs to read.
bool is_decoded_here(const Source& source);

// The picture that `library` is, which libvips has opened lazily from the same PNG, with all that
// is known of it, but decoded by our own decoder. Whatever that one leaves to others (what is
// damaged among it) is read from `library` after all, errors included. Lazy; the source's bytes
// outlive it. From the first pixel on it keeps the rows as they are stored, 64 MiB at most. Throws
// vips::VError.
vips::VImage decoded_here(const vips::VImage& library, InputBytes file);

}  // namespace millrace::workers::image
