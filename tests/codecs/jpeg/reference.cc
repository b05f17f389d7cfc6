// SPDX-License-Identifier: Apache-2.0
#include "tests/codecs/jpeg/reference.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <jpeglib.h>
#include <numbers>
#include <vector>

namespace millrace::codecs::test {
namespace {

// libjpeg leaves by longjmp: what calls it holds its objects here.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> file) {
    cinfo_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr cinfo) {
      std::longjmp(static_cast<Reader*>(cinfo->client_data)->where_, 1);
    };
    errors_.output_message = [](j_common_ptr) {};
    errors_.emit_message = [](j_common_ptr cinfo, int level) {
      if (level < 0) ++cinfo->err->num_warnings;
    };
    cinfo_.client_data = this;
    jpeg_create_decompress(&cinfo_);
    jpeg_mem_src(&cinfo_, reinterpret_cast<const unsigned char*>(file.data()),
                 static_cast<unsigned long>(file.size()));
    fill_ = cinfo_.src->fill_input_buffer;
    cinfo_.src->fill_input_buffer = [](j_decompress_ptr cinfo) {
      auto& reader = *static_cast<Reader*>(cinfo->client_data);
      reader.truncated_ = true;
      return reader.fill_(cinfo);
    };
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { jpeg_destroy_decompress(&cinfo_); }

  bool open() {
    if (setjmp(where_) != 0) return false;
    jpeg_read_header(&cinfo_, TRUE);
    return true;
  }

  bool start_raw() {
    if (setjmp(where_) != 0) return false;
    cinfo_.raw_data_out = TRUE;
    cinfo_.do_fancy_upsampling = FALSE;
    cinfo_.do_block_smoothing = FALSE;
    cinfo_.dct_method = JDCT_ISLOW;
    cinfo_.out_color_space = cinfo_.jpeg_color_space;
    jpeg_start_decompress(&cinfo_);
    return true;
  }

  // One row of MCUs into rows that were prepared.
  bool read_raw(JSAMPIMAGE rows, JDIMENSION lines) {
    if (setjmp(where_) != 0) return false;
    jpeg_read_raw_data(&cinfo_, rows, lines);
    return true;
  }

  // Where the first scan has all components, no further than that, as when it reads samples.
  jvirt_barray_ptr* coefficients() {
    if (setjmp(where_) != 0) return nullptr;
    progress_.progress_monitor = [](j_common_ptr common) {
      auto* cinfo = reinterpret_cast<j_decompress_ptr>(common);
      if (cinfo->input_iMCU_row >= cinfo->total_iMCU_rows) cinfo->unread_marker = JPEG_EOI;
    };
    if (cinfo_.progressive_mode == 0 && cinfo_.comps_in_scan == cinfo_.num_components) {
      cinfo_.progress = &progress_;
    }
    return jpeg_read_coefficients(&cinfo_);
  }

  [[nodiscard]] bool is_decoded_here() const {
    return cinfo_.data_precision == 8 &&
           (cinfo_.jpeg_color_space == JCS_YCbCr || cinfo_.jpeg_color_space == JCS_GRAYSCALE);
  }

  jpeg_decompress_struct& cinfo() { return cinfo_; }
  [[nodiscard]] bool truncated() const { return truncated_; }

 private:
  jpeg_decompress_struct cinfo_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf where_{};
  boolean (*fill_)(j_decompress_ptr) = nullptr;
  bool truncated_ = false;
};

struct Block {
  int component;
  int column;
  int row;
  std::array<double, 64> coefficients;  // times their steps, in rows
};

// Every block of a sound file to `use`.
template <class Use>
bool for_each_block(Reader& reader, Use use) {
  jvirt_barray_ptr* arrays = reader.coefficients();
  if (arrays == nullptr) return false;
  jpeg_decompress_struct& cinfo = reader.cinfo();
  for (int c = 0; c < cinfo.num_components; ++c) {
    const jpeg_component_info& component = cinfo.comp_info[c];
    for (JDIMENSION row = 0; row < component.height_in_blocks; ++row) {
      JBLOCKARRAY blocks = cinfo.mem->access_virt_barray(reinterpret_cast<j_common_ptr>(&cinfo),
                                                         arrays[c], row, 1, FALSE);
      for (JDIMENSION column = 0; column < component.width_in_blocks; ++column) {
        Block block{c, static_cast<int>(column), static_cast<int>(row), {}};
        for (std::size_t k = 0; k < 64; ++k) {
          const int step = component.quant_table ? component.quant_table->quantval[k] : 0;
          block.coefficients[k] = double{1} * blocks[0][column][k] * step;
        }
        use(block);
      }
    }
  }
  return true;
}

// Sample (x, y) of the n x n low frequencies, by the definition.
double sample_of(const Block& block, int n, int x, int y) {
  double sum = 0;
  for (int v = 0; v < n; ++v) {
    for (int u = 0; u < n; ++u) {
      const double across = std::cos((2 * x + 1) * u * std::numbers::pi / (2 * n));
      const double down = std::cos((2 * y + 1) * v * std::numbers::pi / (2 * n));
      const double norm = (u == 0 ? std::sqrt(1.0 / n) : std::sqrt(2.0 / n)) *
                          (v == 0 ? std::sqrt(1.0 / n) : std::sqrt(2.0 / n));
      const auto k = static_cast<std::size_t>(v) * 8 + static_cast<std::size_t>(u);
      sum += norm * block.coefficients[k] * across * down;
    }
  }
  return 128 + sum * n / 8;
}

void set_up_planes(jpeg_decompress_struct& cinfo, int eighths, Planes& planes) {
  const auto scaled = [eighths](long long side, int factor, int factor_max) {
    const long long unit = 8LL * factor_max;
    return static_cast<std::int32_t>((side * factor * eighths + unit - 1) / unit);
  };
  for (int c = 0; c < cinfo.num_components; ++c) {
    const jpeg_component_info& component = cinfo.comp_info[c];
    planes.components.emplace_back(
        scaled(cinfo.image_width, component.h_samp_factor, cinfo.max_h_samp_factor),
        scaled(cinfo.image_height, component.v_samp_factor, cinfo.max_v_samp_factor));
  }
  if (cinfo.num_components == 3) {
    planes.chroma_across = cinfo.comp_info[0].h_samp_factor / cinfo.comp_info[1].h_samp_factor;
    planes.chroma_down = cinfo.comp_info[0].v_samp_factor / cinfo.comp_info[1].v_samp_factor;
  }
}

// Rows of a plane, and a row to throw away where libjpeg writes below it.
bool read_planes(Reader& reader, Planes& planes) {
  const jpeg_decompress_struct& cinfo = reader.cinfo();
  const int lines = cinfo.max_v_samp_factor * DCTSIZE;
  const auto components = static_cast<std::size_t>(cinfo.num_components);
  const std::size_t stride = (cinfo.image_width + 4 * DCTSIZE) / (4 * DCTSIZE) * (4 * DCTSIZE) + 64;
  std::vector<std::vector<unsigned char>> memory(
      components, std::vector<unsigned char>(stride * static_cast<std::size_t>(lines)));
  std::vector<std::vector<JSAMPROW>> rows(components);
  std::vector<JSAMPARRAY> image(components);
  for (std::size_t c = 0; c < components; ++c) {
    for (std::size_t y = 0; y < static_cast<std::size_t>(lines); ++y) {
      rows[c].push_back(memory[c].data() + y * stride);
    }
    image[c] = rows[c].data();
  }
  for (std::int32_t mcu_row = 0; cinfo.output_scanline < cinfo.output_height; ++mcu_row) {
    if (!reader.read_raw(image.data(), static_cast<JDIMENSION>(lines))) return false;
    for (std::size_t c = 0; c < components; ++c) {
      Plane& plane = planes.components[c];
      const int height = cinfo.comp_info[c].v_samp_factor * DCTSIZE;
      for (std::int32_t y = 0; y < height && mcu_row * height + y < plane.height(); ++y) {
        std::copy_n(rows[c][static_cast<std::size_t>(y)], plane.width(),
                    plane.row(mcu_row * height + y));
      }
    }
  }
  return true;
}

}  // namespace

std::optional<Reading> read_by_libjpeg(std::span<const std::byte> file, std::size_t px_max) {
  Reader reader(file);
  if (!reader.open() || !reader.is_decoded_here()) return std::nullopt;
  if (std::size_t{reader.cinfo().image_width} * reader.cinfo().image_height > px_max) {
    return std::nullopt;
  }
  if (!reader.start_raw()) return std::nullopt;
  Reading reading;
  set_up_planes(reader.cinfo(), 8, reading.planes);
  if (!read_planes(reader, reading.planes)) return std::nullopt;
  reading.warnings = reader.cinfo().err->num_warnings;
  reading.truncated = reader.truncated();
  return reading;
}

Planes transform_by_definition(std::span<const std::byte> file, int eighths) {
  Reader reader(file);
  if (!reader.open()) std::abort();
  Planes planes;
  set_up_planes(reader.cinfo(), eighths, planes);
  const bool done = for_each_block(reader, [&planes, eighths](const Block& block) {
    Plane& plane = planes.components[static_cast<std::size_t>(block.component)];
    for (int y = 0; y < eighths; ++y) {
      for (int x = 0; x < eighths; ++x) {
        const int column = block.column * eighths + x;
        const int row = block.row * eighths + y;
        if (column >= plane.width() || row >= plane.height()) continue;
        const double sample = std::clamp(sample_of(block, eighths, x, y), 0.0, 255.0);
        plane.row(row)[column] = static_cast<std::uint8_t>(std::lround(sample));
      }
    }
  });
  if (!done) std::abort();
  return planes;
}

bool has_wild_coefficients(std::span<const std::byte> file) {
  // The first pass makes up to 5.6 times as much of it (two bits of fraction), and the second adds
  // two of those in 16 bits.
  constexpr double kSaneMax = 2900;
  Reader reader(file);
  if (!reader.open()) return false;
  bool wild = false;
  for_each_block(reader, [&wild](const Block& block) {
    for (std::size_t column = 0; column < 8; ++column) {
      double sum = 0;
      for (std::size_t k = column; k < 64; k += 8) sum += std::abs(block.coefficients[k]);
      wild = wild || sum > kSaneMax;
    }
  });
  return wild;
}

int greatest_difference(const Planes& a, const Planes& b) {
  constexpr int kNotAlike = 256;
  if (a.components.size() != b.components.size()) return kNotAlike;
  int greatest = 0;
  for (std::size_t c = 0; c < a.components.size(); ++c) {
    const Plane& one = a.components[c];
    const Plane& other = b.components[c];
    if (one.width() != other.width() || one.height() != other.height()) return kNotAlike;
    for (std::int32_t y = 0; y < one.height(); ++y) {
      for (std::int32_t x = 0; x < one.width(); ++x) {
        greatest = std::max(greatest, std::abs(one.row(y)[x] - other.row(y)[x]));
      }
    }
  }
  return greatest;
}

Planes cropped(const Planes& whole, const JpegLayout& layout) {
  Planes part;
  part.chroma_across = whole.chroma_across;
  part.chroma_down = whole.chroma_down;
  for (std::size_t c = 0; c < whole.components.size(); ++c) {
    const JpegComponentLayout& place = layout.components[c];
    Plane plane(place.columns, place.rows);
    for (std::int32_t y = 0; y < place.rows; ++y) {
      std::copy_n(whole.components[c].row(place.first_row + y) + place.first_column, place.columns,
                  plane.row(y));
    }
    part.components.push_back(std::move(plane));
  }
  return part;
}

}  // namespace millrace::codecs::test
