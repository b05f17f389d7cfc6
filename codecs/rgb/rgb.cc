// SPDX-License-Identifier: Apache-2.0

// Row by row, so that what is between planes and pixels stays in the first cache.
#include "codecs/rgb/rgb.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "codecs/rgb/rows.h"

namespace millrace::codecs {
namespace {

// libjpeg widens planes of one or two samples by repeating them.
constexpr std::int32_t kTriangleWidthMin = 3;

// A row that may be read before its first sample and far behind its last one.
template <class Sample>
class Row {
 public:
  explicit Row(std::int32_t width)
      : values_(static_cast<std::size_t>(width) + 2 * std::size_t{kRgbRowSlack}) {}

  [[nodiscard]] Sample* begin() { return values_.data() + kRgbRowSlack; }
  void repeat_edges(std::int32_t width) {
    begin()[-1] = begin()[0];
    begin()[width] = begin()[width - 1];
  }

 private:
  std::vector<Sample> values_;
};

// Rows of a chroma plane, twice as many in the directions that ask for it.
class FinerRows {
 public:
  FinerRows(const Plane& plane, bool across, bool down)
      : plane_(plane),
        across_(across),
        down_(down),
        samples_(plane.width()),
        sums_(plane.width()),
        finer_(2 * plane.width()) {}

  // Row y of the finer plane; until the next call.
  const std::uint8_t* row(std::int32_t y) {
    const std::int32_t width = plane_.width();
    const std::int32_t near = down_ ? y / 2 : y;
    if (!across_ && !down_) return plane_.row(near);
    const bool below = y % 2 != 0;
    const std::int32_t far = std::clamp(below ? near + 1 : near - 1, 0, plane_.height() - 1);
    const std::uint8_t* rows[] = {plane_.row(near), plane_.row(far)};
    if (!across_) {
      mix_down(rows[0], rows[1], width, below ? 2 : 1, finer_.begin());
    } else if (width < kTriangleWidthMin) {
      for (std::int32_t x = 0; x < 2 * width; ++x) finer_.begin()[x] = rows[0][x / 2];
    } else if (down_) {
      mix_sums(rows[0], rows[1], width, sums_.begin());
      sums_.repeat_edges(width);
      double_sums_across(sums_.begin(), width, finer_.begin());
    } else {
      std::memcpy(samples_.begin(), rows[0], static_cast<std::size_t>(width));
      samples_.repeat_edges(width);
      double_across(samples_.begin(), width, finer_.begin());
    }
    return finer_.begin();
  }

 private:
  const Plane& plane_;
  bool across_;
  bool down_;
  Row<std::uint8_t> samples_;
  Row<std::int16_t> sums_;
  Row<std::uint8_t> finer_;
};

// A plane for half the factor.
Plane doubled(const Plane& plane, bool across, bool down) {
  Plane finer(plane.width() * (across ? 2 : 1), plane.height() * (down ? 2 : 1));
  FinerRows rows(plane, across, down);
  for (std::int32_t y = 0; y < finer.height(); ++y) {
    std::memcpy(finer.row(y), rows.row(y), static_cast<std::size_t>(finer.width()));
  }
  return finer;
}

void ycc_to_rgb(const Plane& y, const Plane& cb, const Plane& cr, bool across, bool down,
                std::uint8_t* out, std::ptrdiff_t stride_bytes) {
  FinerRows cb_rows(cb, across, down);
  FinerRows cr_rows(cr, across, down);
  for (std::int32_t row = 0; row < y.height(); ++row) {
    pixels_of_ycc({y.row(row), cb_rows.row(row), cr_rows.row(row)}, y.width(),
                  out + row * stride_bytes);
  }
}

// One row of MCUs on the way back: as many rows of pixels as one of chroma stands for, completed at
// the right edge and below by what is there.
class CoarserRows {
 public:
  CoarserRows(const RgbView& pixels, std::int32_t across, std::int32_t down)
      : pixels_(pixels), across_(across), down_(down) {
    for (auto& row : cb_) row = Row<std::uint8_t>(pixels.width + 1);
    for (auto& row : cr_) row = Row<std::uint8_t>(pixels.width + 1);
  }

  void convert(std::int32_t chroma_row, Planes& planes) {
    for (std::int32_t i = 0; i < down_; ++i) {
      const auto place = static_cast<std::size_t>(i);
      const std::int32_t row = chroma_row * down_ + i;
      if (row >= pixels_.height) {
        cb_[place] = cb_[0];
        cr_[place] = cr_[0];
        continue;
      }
      ycc_of_pixels(pixels_.samples + row * pixels_.stride_bytes, pixels_.width,
                    {planes.components[0].row(row), cb_[place].begin(), cr_[place].begin()});
      cb_[place].repeat_edges(pixels_.width);
      cr_[place].repeat_edges(pixels_.width);
    }
    mean(cb_, planes.components[1].width(), planes.components[1].row(chroma_row));
    mean(cr_, planes.components[2].width(), planes.components[2].row(chroma_row));
  }

 private:
  void mean(std::array<Row<std::uint8_t>, 2>& rows, std::int32_t width, std::uint8_t* out) const {
    if (across_ == 2 && down_ == 2) {
      halve_both(rows[0].begin(), rows[1].begin(), width, out);
    } else if (across_ == 2) {
      halve_across(rows[0].begin(), width, out);
    } else if (down_ == 2) {
      mean_down(rows[0].begin(), rows[1].begin(), width, out);
    } else {
      std::memcpy(out, rows[0].begin(), static_cast<std::size_t>(width));
    }
  }

  RgbView pixels_;
  std::int32_t across_;
  std::int32_t down_;
  std::array<Row<std::uint8_t>, 2> cb_{Row<std::uint8_t>(1), Row<std::uint8_t>(1)};
  std::array<Row<std::uint8_t>, 2> cr_{Row<std::uint8_t>(1), Row<std::uint8_t>(1)};
};

}  // namespace

void to_rgb(const Planes& planes, std::uint8_t* out, std::ptrdiff_t stride_bytes) {
  const Plane& y = planes.components[0];
  if (planes.grey()) {
    for (std::int32_t row = 0; row < y.height(); ++row) {
      pixels_of_grey(y.row(row), y.width(), out + row * stride_bytes);
    }
    return;
  }
  const bool across = planes.chroma_across > 1;
  const bool down = planes.chroma_down > 1;
  if (planes.chroma_across <= 2 && planes.chroma_down <= 2) {
    ycc_to_rgb(y, planes.components[1], planes.components[2], across, down, out, stride_bytes);
    return;
  }
  const auto halved = [&](const Plane& plane) {
    return doubled(plane, planes.chroma_across > 2, planes.chroma_down > 2);
  };
  ycc_to_rgb(y, halved(planes.components[1]), halved(planes.components[2]), across, down, out,
             stride_bytes);
}

Planes from_rgb(const RgbView& pixels, std::int32_t chroma_across, std::int32_t chroma_down) {
  const std::int32_t width = (pixels.width + chroma_across - 1) / chroma_across;
  const std::int32_t height = (pixels.height + chroma_down - 1) / chroma_down;
  Planes planes;
  planes.chroma_across = chroma_across;
  planes.chroma_down = chroma_down;
  planes.components.emplace_back(pixels.width, pixels.height);
  planes.components.emplace_back(width, height);
  planes.components.emplace_back(width, height);
  CoarserRows rows(pixels, chroma_across, chroma_down);
  for (std::int32_t y = 0; y < height; ++y) rows.convert(y, planes);
  return planes;
}

}  // namespace millrace::codecs
