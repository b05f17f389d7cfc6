// SPDX-License-Identifier: Apache-2.0

// libjpeg is what our pixels are held against: the same file, once by its own colour conversion and
// once by ours, in every set of instructions.
#include "codecs/rgb/rgb.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// jpeglib.h needs <cstdio> before it.
#include <jpeglib.h>

#include <gtest/gtest.h>

#include "codecs/encode/jpeg_encoder.h"
#include "tests/codecs/encode/raw_jpeg.h"
#include "tests/codecs/planes_of_tests.h"
#include "tests/codecs/simd_targets.h"

namespace millrace::codecs {
namespace {

struct Pixels {
  std::int32_t width;
  std::int32_t height;
  std::vector<std::uint8_t> samples;  // of its exact size, that a sanitizer sees a byte beyond

  [[nodiscard]] std::ptrdiff_t stride_bytes() const { return 3 * std::ptrdiff_t{width}; }
  [[nodiscard]] RgbView view() const { return {samples.data(), width, height, stride_bytes()}; }
};

Pixels no_pixels(std::int32_t width, std::int32_t height) {
  return {width, height,
          std::vector<std::uint8_t>(3 * static_cast<std::size_t>(width) *
                                    static_cast<std::size_t>(height))};
}

Pixels noise_pixels(std::int32_t width, std::int32_t height) {
  Pixels pixels = no_pixels(width, height);
  const Plane noise = noise_plane(3 * width, height, 17);
  for (std::int32_t y = 0; y < height; ++y) {
    std::copy_n(noise.row(y), 3 * width, pixels.samples.data() + y * pixels.stride_bytes());
  }
  return pixels;
}

Planes noise_planes(std::int32_t width, std::int32_t height, std::int32_t across,
                    std::int32_t down) {
  Planes planes;
  planes.chroma_across = across;
  planes.chroma_down = down;
  planes.components.push_back(noise_plane(width, height, 1));
  const std::int32_t chroma_width = (width + across - 1) / across;
  const std::int32_t chroma_height = (height + down - 1) / down;
  planes.components.push_back(noise_plane(chroma_width, chroma_height, 2));
  planes.components.push_back(noise_plane(chroma_width, chroma_height, 3));
  return planes;
}

Pixels pixels_of(const Planes& planes) {
  Pixels pixels = no_pixels(planes.width(), planes.height());
  to_rgb(planes, pixels.samples.data(), pixels.stride_bytes());
  return pixels;
}

Pixels decoded_by_libjpeg(const std::vector<std::byte>& file) {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  Pixels pixels = no_pixels(static_cast<std::int32_t>(info.output_width),
                            static_cast<std::int32_t>(info.output_height));
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = pixels.samples.data() + info.output_scanline * pixels.stride_bytes();
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return pixels;
}

std::vector<std::byte> encoded_by_libjpeg(const Pixels& pixels, int across, int down) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size_bytes = 0;
  jpeg_mem_dest(&info, &bytes, &size_bytes);
  info.image_width = static_cast<JDIMENSION>(pixels.width);
  info.image_height = static_cast<JDIMENSION>(pixels.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  info.comp_info[0].h_samp_factor = across;
  info.comp_info[0].v_samp_factor = down;
  info.optimize_coding = TRUE;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row =
        const_cast<JSAMPROW>(pixels.samples.data() + info.next_scanline * pixels.stride_bytes());
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const auto* first = reinterpret_cast<const std::byte*>(bytes);
  std::vector<std::byte> file(first, first + size_bytes);
  std::free(bytes);
  return file;
}

struct Factors {
  std::int32_t across;
  std::int32_t down;
};
constexpr Factors kFactors[] = {{1, 1}, {2, 1}, {2, 2}, {1, 2}};

struct Sides {
  std::int32_t width;
  std::int32_t height;
};
constexpr Sides kSides[] = {{1, 1},   {2, 3},   {3, 2},    {4, 4},   {5, 7},   {16, 16},
                            {31, 33}, {47, 65}, {64, 128}, {130, 9}, {257, 40}};

class RgbTest : public testing::TestWithParam<std::string> {
 private:
  OnlyTarget only_{GetParam()};
};

TEST_P(RgbTest, PixelsAreThoseOfLibjpeg) {
  for (const auto& [across, down] : kFactors) {
    for (const auto& [width, height] : kSides) {
      Planes planes = noise_planes(width, height, across, down);
      const auto file = encode_jpeg(planes, {.quality_pct = 100});
      ASSERT_TRUE(file);
      EXPECT_EQ(pixels_of(raw_planes_of_jpeg(*file)).samples, decoded_by_libjpeg(*file).samples)
          << width << "x" << height << " " << across << down;
    }
  }
}

TEST_P(RgbTest, PlanesAreThoseThatLibjpegEncodes) {
  for (const auto& [across, down] : kFactors) {
    // Whole MCUs: libjpeg completes others from pixels, not from samples.
    for (const auto& [width, height] : {Sides{16, 16}, Sides{160, 48}, Sides{272, 32}}) {
      const Pixels pixels = noise_pixels(width, height);
      Planes planes = from_rgb(pixels.view(), across, down);
      const auto file = encode_jpeg(planes, {.quality_pct = 100});
      ASSERT_TRUE(file);
      EXPECT_EQ(*file, encoded_by_libjpeg(pixels, across, down)) << across << down;
    }
  }
}

TEST_P(RgbTest, PlanesAreTheMeansOfTheirPixels) {
  for (const auto& [across, down] : kFactors) {
    for (const auto& [width, height] : kSides) {
      const Pixels pixels = noise_pixels(width, height);
      const Planes planes = from_rgb(pixels.view(), across, down);
      // A channel of the pixel, with the edges repeated.
      const auto at = [&](std::int32_t x, std::int32_t y, int channel) {
        const std::ptrdiff_t column = 3 * std::ptrdiff_t{std::min(x, width - 1)};
        const std::ptrdiff_t row = std::min(y, height - 1) * pixels.stride_bytes();
        return static_cast<double>(
            pixels.samples[static_cast<std::size_t>(row + column + channel)]);
      };
      for (std::int32_t y = 0; y < height; ++y) {
        for (std::int32_t x = 0; x < width; ++x) {
          const double luma = 0.299 * at(x, y, 0) + 0.587 * at(x, y, 1) + 0.114 * at(x, y, 2);
          ASSERT_NEAR(planes.components[0].row(y)[x], luma, 0.51);
        }
      }
      for (std::int32_t y = 0; y < planes.components[1].height(); ++y) {
        for (std::int32_t x = 0; x < planes.components[1].width(); ++x) {
          double blue = 0;
          double red = 0;
          for (int i = 0; i < across * down; ++i) {
            const std::int32_t px = x * across + i % across;
            const std::int32_t py = y * down + i / across;
            blue += 128 - 0.168736 * at(px, py, 0) - 0.331264 * at(px, py, 1) + 0.5 * at(px, py, 2);
            red += 128 + 0.5 * at(px, py, 0) - 0.418688 * at(px, py, 1) - 0.081312 * at(px, py, 2);
          }
          ASSERT_NEAR(planes.components[1].row(y)[x], blue / (across * down), 1.01);
          ASSERT_NEAR(planes.components[2].row(y)[x], red / (across * down), 1.01);
        }
      }
    }
  }
}

TEST_P(RgbTest, GreyIsThreeEqualBytes) {
  for (const auto& [width, height] : kSides) {
    Planes planes;
    planes.components.push_back(noise_plane(width, height, 2));
    const Pixels pixels = pixels_of(planes);
    for (std::int32_t y = 0; y < height; ++y) {
      for (std::int32_t x = 0; x < 3 * width; ++x) {
        ASSERT_EQ(pixels.samples[static_cast<std::size_t>(y * pixels.stride_bytes() + x)],
                  planes.components[0].row(y)[x / 3]);
      }
    }
  }
}

// 4:1:1 and coarser: a ramp of chroma comes out as a ramp in its place.
TEST_P(RgbTest, CoarseChromaIsSpreadEvenly) {
  for (const auto& [across, down] : {Factors{4, 1}, Factors{4, 2}, Factors{1, 4}}) {
    Planes planes;
    planes.chroma_across = across;
    planes.chroma_down = down;
    planes.components.push_back(constant_plane(120, 121, 128));
    const std::int32_t width = (120 + across - 1) / across;
    const std::int32_t height = (121 + down - 1) / down;
    const Plane ramp = plane_of(width, height, [&](int x, int y) {
      return std::lround(68 + ((x + 0.5) * across + (y + 0.5) * down) / 2);
    });
    planes.components.push_back(constant_plane(width, height, 128));
    planes.components.push_back(ramp);
    const Pixels pixels = pixels_of(planes);
    for (std::int32_t y = 8; y < 112; ++y) {
      for (std::int32_t x = 8; x < 112; ++x) {
        const double cr = 68 + (x + 0.5 + y + 0.5) / 2;
        const double red = 128 + 1.402 * (cr - 128);
        ASSERT_NEAR(pixels.samples[static_cast<std::size_t>(y * pixels.stride_bytes() +
                                                            3 * std::ptrdiff_t{x})],
                    red, 2.2);
      }
    }
  }
}

// All colours of a cube, there and back in full resolution.
TEST_P(RgbTest, ColorsSurviveTheWayBack) {
  constexpr std::size_t kSteps = 18;  // of 15
  Pixels cube =
      no_pixels(static_cast<std::int32_t>(kSteps * kSteps), static_cast<std::int32_t>(kSteps));
  for (std::size_t i = 0; i < cube.samples.size() / 3; ++i) {
    cube.samples[3 * i] = static_cast<std::uint8_t>(i % kSteps * 15);
    cube.samples[3 * i + 1] = static_cast<std::uint8_t>(i / kSteps % kSteps * 15);
    cube.samples[3 * i + 2] = static_cast<std::uint8_t>(i / (kSteps * kSteps) * 15);
  }
  const Pixels back = pixels_of(from_rgb(cube.view(), 1, 1));
  for (std::size_t i = 0; i < cube.samples.size(); ++i) {
    ASSERT_NEAR(back.samples[i], cube.samples[i], 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, RgbTest, testing::ValuesIn(simd_targets()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace millrace::codecs
