// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace millrace::codecs {

// The RGB of a device as an ICC profile of the matrix kind describes it (ICC.1:2022, F.3): each
// channel's value becomes light by a curve, and the sum of so much of each channel's colour is the
// colour that is meant.
struct DeviceRgb {
  std::array<std::array<double, 3>, 3> colorants{};  // of red, green, blue: XYZ relative to D50
  std::array<std::array<double, 256>, 3> light{};    // of each 8-bit value, 0..1
};

// 8-bit RGB of a device to 8-bit sRGB, relative colorimetric; colours that sRGB has not are cut off
// channel by channel. Within one step of exact arithmetic.
//
// Not a table of three dimensions, which is coarse where curves are steep and where colours are cut
// off: what a channel adds to each of sRGB's is looked up by its value, the three are summed, and
// the sum is looked up for its tone.
class RgbToSrgb {
 public:
  explicit RgbToSrgb(const DeviceRgb& device);

  // In place: `count` pixels of three bytes. O(count).
  void convert(std::uint8_t* pixels, std::size_t count) const;

 private:
  // What a value of a channel adds to the light of sRGB's three, in steps of the table of tones;
  // four numbers, so that they are one vector.
  using Light = std::array<float, 4>;
  struct alignas(64) Channels {
    std::array<std::array<Light, 256>, 3> of{};
  };
  std::unique_ptr<Channels> channels_;
};

}  // namespace millrace::codecs
