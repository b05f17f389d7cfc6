// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include <vips/vips8>

#include "base/result.h"
#include "workers/image/encoding.h"
#include "workers/image/geometry.h"
#include "workers/image/ssim.h"
#include "workers/image/watch.h"

namespace millrace::workers::image {

// A picture that stands for another one while formats and qualities are tried: the picture itself
// where that is small, else squares out of it, spread evenly and put side by side. Squares at full
// size, and not the whole at a smaller one: what encoders do to a pixel depends on its neighbours.
class Proxy {
 public:
  // `picture` is in memory: 8 bits, sRGB or grey, with straight alpha or without. Throws
  // vips::VError.
  static base::Result<Proxy> of(const vips::VImage& picture, const TaskWatch& watch);

  struct Trial {
    std::size_t bytes = 0;  // of the proxy's file
    double ssim = 1;        // of its luma, on white: encoded and decoded again
  };
  // What becomes of it in that encoding. One encode and one decode; a format that loses nothing is
  // not decoded. Throws vips::VError.
  [[nodiscard]] base::Result<Trial> tried(const Encoding& encoding, const TaskWatch& watch) const;

  [[nodiscard]] Size size() const { return {pixels_.width(), pixels_.height()}; }

 private:
  Proxy(vips::VImage pixels, std::vector<Area> parts);
  [[nodiscard]] double likeness_of(const Plane& luma) const;

  vips::VImage pixels_;
  Plane luma_;
  int webp_effort_ = 0;      // of the picture that this stands for
  std::vector<Area> parts_;  // the squares in it; what lies across their edges is not compared
};

// Where the squares are: on a grid over the picture, at even multiples of what encoders take as a
// block. One area that is all of it where the picture is small. Pure.
std::vector<Area> proxy_areas(Size picture);

}  // namespace millrace::workers::image
