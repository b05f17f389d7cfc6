// SPDX-License-Identifier: Apache-2.0
#include "tests/codecs/encode/raw_jpeg.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

// jpeglib.h needs <cstdio> before it.
#include <jpeglib.h>

namespace millrace::codecs {

Planes raw_planes_of_jpeg(std::span<const std::byte> file) {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_read_header(&info, TRUE);
  info.raw_data_out = TRUE;
  info.out_color_space = info.jpeg_color_space;
  jpeg_start_decompress(&info);
  Planes planes;
  planes.chroma_across = info.max_h_samp_factor;
  planes.chroma_down = info.max_v_samp_factor;
  const auto components = static_cast<std::size_t>(info.num_components);
  std::array<std::vector<std::uint8_t>, 3> samples;  // all rows of an MCU
  std::array<std::array<JSAMPROW, 32>, 3> rows{};
  std::array<JSAMPARRAY, 3> arrays{};
  for (std::size_t i = 0; i < components; ++i) {
    const auto& component = info.comp_info[i];
    planes.components.emplace_back(static_cast<std::int32_t>(component.downsampled_width),
                                   static_cast<std::int32_t>(component.downsampled_height));
    const std::size_t stride = (std::size_t{component.width_in_blocks} + 8) * DCTSIZE;
    const auto height = static_cast<std::size_t>(component.v_samp_factor) * DCTSIZE;
    samples[i].resize(stride * height);
    for (std::size_t y = 0; y < height; ++y) rows[i][y] = samples[i].data() + y * stride;
    arrays[i] = rows[i].data();
  }
  for (std::int32_t band = 0; info.output_scanline < info.output_height; ++band) {
    jpeg_read_raw_data(&info, arrays.data(),
                       static_cast<JDIMENSION>(info.max_v_samp_factor * DCTSIZE));
    for (std::size_t i = 0; i < components; ++i) {
      Plane& plane = planes.components[i];
      const std::int32_t height = info.comp_info[i].v_samp_factor * DCTSIZE;
      for (std::int32_t y = 0; y < height && band * height + y < plane.height(); ++y) {
        std::memcpy(plane.row(band * height + y), rows[i][static_cast<std::size_t>(y)],
                    static_cast<std::size_t>(plane.width()));
      }
    }
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return planes;
}

}  // namespace millrace::codecs
