// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What is asked of every server and of the image worker, and what is promised of it.
namespace millrace::bench::speed {

// The files that are made of one photograph: itself, and two megapixels of it as JPEG and as PNG.
enum class SourceKind { Large, Small, Png };
std::string_view word_of(SourceKind kind);  // large | small | png

inline constexpr int kQualityPct = 80;

struct Operation {
  int number;             // of the table: op 1, op 2, …
  std::string_view name;  // "12 MP JPEG to 800 wide JPEG"
  SourceKind source;
  int width_px;
  int height_px;            // 0: follows; else the picture covers width x height, cut to it
  std::string_view format;  // jpeg | webp | png
  double requests_x_min;    // asked: requests a second, over those of the best other server
  double bytes_x_max;       // asked: bytes, over those of libvips
  [[nodiscard]] bool covers() const { return height_px > 0; }
};
std::span<const Operation> operations();
// "1,4": those, in that order; empty: all. Empty result: some word is none of them.
std::vector<Operation> operations_of(std::string_view numbers);

struct PictureSize {
  int width_px = 0;
  int height_px = 0;
  friend bool operator==(const PictureSize&, const PictureSize&) = default;
};
// What comes of a picture of that size: nothing is enlarged, sides are rounded, at least 1.
PictureSize result_size(const Operation& operation, PictureSize source);
// How large a picture of two megapixels is that is shaped like `source`; never larger than it.
PictureSize small_size(PictureSize source);

// "imageView2/1/w/200/h/200/format/jpeg/q/80!": the quality is forced, so that it is the same for
// all, whatever the source's own quality was.
std::string millrace_pipeline(const Operation& operation);

}  // namespace millrace::bench::speed
