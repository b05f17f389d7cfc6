// SPDX-License-Identifier: Apache-2.0
// What is content and what is border, as libvips' find_trim decides it: a pixel is content when the
// median of the nine around it differs from the border's colour by more than the threshold, in any
// band. No median need be taken for that: it lies above a bound exactly when at least five of the
// nine do, and below one alike. So each row is compared with two bounds, and what is beyond them is
// counted: additions of bytes that a compiler makes vectors of, and rows and columns that lie
// within what is already known to be kept are not read at all.
#include "workers/image/content_area.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace millrace::workers::image {
namespace {

using pipeline::Color;
using vips::VImage;

constexpr int kMedianPx = 3;
constexpr int kMajority = kMedianPx * kMedianPx / 2 + 1;

Color corner_of(const VImage& frame) {
  const std::vector<double> point = frame.getpoint(0, 0);
  const auto band = [&point](std::size_t i) {
    return static_cast<std::uint8_t>(std::lround(point.at(i)));
  };
  const bool grey = frame.bands() < 3;
  Color color{band(0), band(grey ? 0 : 1), band(grey ? 0 : 2), 255};
  if (frame.has_alpha()) color.alpha = band(point.size() - 1);
  return color;
}

// Three bands, without alpha.
VImage opaque_on(const VImage& frame, const std::vector<double>& rgb) {
  const VImage color = frame.bands() < 3 ? frame.colourspace(VIPS_INTERPRETATION_sRGB) : frame;
  return color.has_alpha() ? color.flatten(VImage::option()->set("background", rgb)) : color;
}

// Bytes that are 1 or 0, or counts of such.
using Row = std::vector<std::uint8_t>;

// Columns [first, end).
struct Columns {
  int first;
  int end;
};

class ContentFinder {
 public:
  // `picture` is of bytes and in memory; `border` has a value for each band.
  ContentFinder(const VImage& picture, const std::vector<double>& border, int threshold)
      : pixels_(static_cast<const std::uint8_t*>(picture.data())),
        width_(picture.width()),
        height_(picture.height()),
        bands_(picture.bands()) {
    const std::size_t row_bytes = bytes(width_);
    lowest_.resize(row_bytes);
    highest_.resize(row_bytes);
    for (std::size_t i = 0; i < row_bytes; ++i) {
      const int value = static_cast<int>(border.at(i % border.size()));
      lowest_[i] = static_cast<std::uint8_t>(std::max(value - threshold, 0));
      highest_[i] = static_cast<std::uint8_t>(std::min(value + threshold, 255));
    }
    below_.resize(bytes(width_ + 2));
    above_.resize(bytes(width_ + 2));
    content_.resize(row_bytes);
  }

  std::optional<Area> find() {
    const Columns all{0, width_};
    int top = 0;
    while (top < height_ && first_content(top, all) == all.end) ++top;
    if (top == height_) return std::nullopt;
    int bottom = height_ - 1;
    while (first_content(bottom, all) == all.end) --bottom;
    int left = width_;
    int right = -1;
    for (int y = top; y <= bottom; ++y) {
      left = std::min(left, first_content(y, {0, left}));
      right = std::max(right, last_content(y, {right + 1, width_}));
    }
    return Area{left, top, right - left + 1, bottom - top + 1};
  }

 private:
  [[nodiscard]] std::size_t bytes(int columns) const {
    return static_cast<std::size_t>(columns) * static_cast<std::size_t>(bands_);
  }
  // Above the first row and below the last lies what lies in them.
  [[nodiscard]] const std::uint8_t* row(int y) const {
    return pixels_ + static_cast<std::size_t>(std::clamp(y, 0, height_ - 1)) * bytes(width_);
  }

  // Of each band of each of these columns, how many of the three rows around `y` lie beyond the
  // bounds. The counts lie one column further on, with one more column at either end.
  void count_rows(int y, Columns columns) {
    const std::uint8_t* const rows[kMedianPx] = {row(y - 1), row(y), row(y + 1)};
    const Columns around{std::max(columns.first - 1, 0), std::min(columns.end + 1, width_)};
    std::uint8_t* const below = below_.data() + bytes(1);
    std::uint8_t* const above = above_.data() + bytes(1);
    for (std::size_t i = bytes(around.first); i < bytes(around.end); ++i) {
      below[i] = static_cast<std::uint8_t>((rows[0][i] < lowest_[i]) + (rows[1][i] < lowest_[i]) +
                                           (rows[2][i] < lowest_[i]));
      above[i] = static_cast<std::uint8_t>((rows[0][i] > highest_[i]) + (rows[1][i] > highest_[i]) +
                                           (rows[2][i] > highest_[i]));
    }
    for (Row* counts : {&below_, &above_}) {
      std::copy_n(counts->data() + bytes(1), bands_, counts->data());
      std::copy_n(counts->data() + bytes(width_), bands_, counts->data() + bytes(width_ + 1));
    }
  }

  void mark_content(int y, Columns columns) {
    count_rows(y, columns);
    const std::size_t next = bytes(1);
    for (std::size_t i = bytes(columns.first); i < bytes(columns.end); ++i) {
      const int below = below_[i] + below_[i + next] + below_[i + 2 * next];
      const int above = above_[i] + above_[i + next] + above_[i + 2 * next];
      content_[i] = static_cast<std::uint8_t>((below >= kMajority) | (above >= kMajority));
    }
  }

  // The end of the columns when there is none.
  int first_content(int y, Columns columns) {
    if (columns.first >= columns.end) return columns.end;
    mark_content(y, columns);
    const auto begin = content_.begin();
    const auto found = std::find(begin + static_cast<std::ptrdiff_t>(bytes(columns.first)),
                                 begin + static_cast<std::ptrdiff_t>(bytes(columns.end)), 1);
    return static_cast<int>(found - begin) / bands_;
  }
  // -1 when there is none.
  int last_content(int y, Columns columns) {
    if (columns.first >= columns.end) return -1;
    mark_content(y, columns);
    for (std::size_t i = bytes(columns.end); i > bytes(columns.first); --i) {
      if (content_[i - 1] != 0) return static_cast<int>(i - 1) / bands_;
    }
    return -1;
  }

  const std::uint8_t* pixels_;
  int width_;
  int height_;
  int bands_;
  Row lowest_;
  Row highest_;
  Row below_;
  Row above_;
  Row content_;
};

}  // namespace

std::optional<Area> content_area(const VImage& frame, const std::optional<Color>& border,
                                 int threshold) {
  if (frame.width() < kMedianPx || frame.height() < kMedianPx) {
    return Area{0, 0, frame.width(), frame.height()};
  }
  const Color color = border ? *border : corner_of(frame);
  if (color.alpha == 0 && frame.has_alpha()) {
    const VImage alpha = frame.extract_band(frame.bands() - 1).copy_memory();
    return ContentFinder(alpha, {0}, threshold).find();
  }
  const std::vector<double> rgb = {static_cast<double>(color.red), static_cast<double>(color.green),
                                   static_cast<double>(color.blue)};
  const VImage opaque = opaque_on(frame, rgb).copy_memory();
  return ContentFinder(opaque, rgb, threshold).find();
}

}  // namespace millrace::workers::image
