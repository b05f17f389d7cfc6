// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::codecs {

// Rows of 8-bit samples in memory of somebody else: `height` rows of `width` samples,
// `stride_bytes` from one to the next.
struct PlaneView {
  const std::uint8_t* samples = nullptr;
  std::int32_t width = 0;
  std::int32_t height = 0;
  std::ptrdiff_t stride_bytes = 0;

  [[nodiscard]] const std::uint8_t* row(std::int32_t y) const { return samples + y * stride_bytes; }
};

// One component of a picture: `height` rows of `width` 8-bit samples. Every row is followed by
// at least kSlackBytes that may be read and written and mean nothing, so that whole vectors may be
// loaded and stored at its end, and blocks completed.
class Plane {
 public:
  static constexpr std::int32_t kSlackBytes = 64;

  Plane() = default;
  // Both at least 1.
  Plane(std::int32_t width, std::int32_t height)
      : width_(width),
        height_(height),
        stride_bytes_(static_cast<std::ptrdiff_t>((width + 2 * kSlackBytes - 1) / kSlackBytes) *
                      kSlackBytes),
        samples_(static_cast<std::size_t>(stride_bytes_) * static_cast<std::size_t>(height)) {}

  [[nodiscard]] std::int32_t width() const { return width_; }
  [[nodiscard]] std::int32_t height() const { return height_; }
  [[nodiscard]] std::ptrdiff_t stride_bytes() const { return stride_bytes_; }
  [[nodiscard]] std::uint8_t* row(std::int32_t y) { return samples_.data() + y * stride_bytes_; }
  [[nodiscard]] const std::uint8_t* row(std::int32_t y) const {
    return samples_.data() + y * stride_bytes_;
  }
  [[nodiscard]] PlaneView view() const { return {samples_.data(), width_, height_, stride_bytes_}; }

 private:
  std::int32_t width_ = 0;
  std::int32_t height_ = 0;
  std::ptrdiff_t stride_bytes_ = 0;
  std::vector<std::uint8_t> samples_;
};

// A picture as JPEG stores it: 8-bit full-range Y, Cb, Cr (BT.601, JFIF), or Y alone. Chroma may be
// coarser than luma; each of its samples lies in the middle of the luma samples that it stands for
// (JFIF's siting), so that plane k spans the same picture as luma whatever its size. The chroma
// planes are ceil(luma / chroma_across) x ceil(luma / chroma_down) samples.
struct Planes {
  std::vector<Plane> components;  // 1 or 3
  std::int32_t chroma_across = 1;
  std::int32_t chroma_down = 1;

  [[nodiscard]] std::int32_t width() const { return components.front().width(); }
  [[nodiscard]] std::int32_t height() const { return components.front().height(); }
  [[nodiscard]] bool grey() const { return components.size() == 1; }
};

}  // namespace millrace::codecs
