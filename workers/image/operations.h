// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vips/vips8>

#include "pipeline/color.h"
#include "workers/image/geometry.h"
#include "workers/image/magick_geometry.h"

namespace millrace::workers::image {

// What is done to pixels. A frame is 8-bit sRGB or grey, with straight alpha or without, and so is
// what comes out. Pure and lazy: each may be applied to every frame of an animation. They read from
// top to bottom unless it is said that they need the frame in memory. All throw vips::VError.

// To exactly that size, without regard to the proportions. Alpha weighs the colours meanwhile, or
// the colours of what cannot be seen would bleed into what can.
vips::VImage resized(const vips::VImage& frame, Size wanted);

vips::VImage cropped(const vips::VImage& frame, const Area& kept);

// What has to be done to a stored picture (EXIF 2.32, 4.6.4 A, tag Orientation, 1..8) to see it
// upright. Above 2: needs the frame in memory.
vips::VImage upright(const vips::VImage& frame, int orientation);

// Clockwise about the middle, onto a canvas of turned_size(). Needs the frame in memory.
vips::VImage turned(const vips::VImage& frame, int degrees, const pipeline::Color& fill);

// The picture on a canvas: where it is transparent the canvas shows, as ImageMagick has it. A
// colour makes a grey picture coloured; one that is not opaque gives it an alpha channel.
vips::VImage on_canvas(const vips::VImage& frame, const Canvas& canvas,
                       const pipeline::Color& fill);

// ImageMagick's -blur <radius>x<sigma>: a Gaussian bell of `sigma` px, cut off `radius_px` from its
// middle. Sigma 0 does nothing. Needs the frame in memory.
vips::VImage blurred(const vips::VImage& frame, int radius_px, double sigma_px);

// ImageMagick's -sharpen 1: a 3x3 kernel, sigma 1.
vips::VImage sharpened(const vips::VImage& frame);

vips::VImage greyed(const vips::VImage& frame);

// Without alpha, on white.
vips::VImage on_white(const vips::VImage& frame);

}  // namespace millrace::workers::image
