// SPDX-License-Identifier: Apache-2.0
#include "tests/codecs/jpeg/made_jpeg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <jpeglib.h>
#include <random>

namespace millrace::codecs::test {
namespace {

using Pixels = std::vector<unsigned char>;

unsigned char clamped(double value) {
  return static_cast<unsigned char>(std::clamp(std::lround(value), 0L, 255L));
}

// Slopes, a disc with a hard edge, and fine stripes in one corner; flat in another.
Pixels paint(const Recipe& recipe) {
  Pixels pixels;
  std::minstd_rand random(recipe.seed.value_or(1));
  std::uniform_int_distribution<int> noise(recipe.seed ? -90 : -4, recipe.seed ? 90 : 4);
  for (int y = 0; y < recipe.height; ++y) {
    for (int x = 0; x < recipe.width; ++x) {
      const double across = static_cast<double>(x) / recipe.width;
      const double down = static_cast<double>(y) / recipe.height;
      const bool disc = std::hypot(across - 0.5, down - 0.4) < 0.3;
      const bool stripes = across > 0.7 && down > 0.6 && (x + y / 2) % 3 == 0;
      const bool flat = across < 0.3 && down > 0.7;
      for (int c = 0; c < recipe.components; ++c) {
        const double slope = c == 0 ? across : c == 1 ? down : 1.0 - across;
        const double value = flat ? 90.0 : 40 + 170 * slope + (disc ? 60 : 0) - (stripes ? 90 : 0);
        pixels.push_back(clamped(flat ? value : value + noise(random)));
      }
    }
  }
  return pixels;
}

void write_scan_each(jpeg_compress_struct& cinfo, std::vector<jpeg_scan_info>& script) {
  for (int i = 0; i < cinfo.num_components; ++i) {
    jpeg_scan_info scan{};
    scan.comps_in_scan = 1;
    scan.component_index[0] = i;
    scan.Se = 63;
    script.push_back(scan);
  }
  cinfo.scan_info = script.data();
  cinfo.num_scans = static_cast<int>(script.size());
}

J_COLOR_SPACE color_of(const Recipe& recipe) {
  if (recipe.components == 1) return JCS_GRAYSCALE;
  return recipe.components == 3 ? JCS_RGB : JCS_CMYK;
}

void set_up(jpeg_compress_struct& cinfo, const Recipe& recipe) {
  cinfo.image_width = static_cast<JDIMENSION>(recipe.width);
  cinfo.image_height = static_cast<JDIMENSION>(recipe.height);
  cinfo.input_components = recipe.components;
  cinfo.in_color_space = color_of(recipe);
  jpeg_set_defaults(&cinfo);
  if (recipe.rgb) jpeg_set_colorspace(&cinfo, JCS_RGB);
  jpeg_set_quality(&cinfo, recipe.quality_pct, TRUE);
  for (int i = 0; i < cinfo.num_components; ++i) {
    cinfo.comp_info[i].h_samp_factor = i == 0 ? recipe.luma_across : recipe.chroma_across;
    cinfo.comp_info[i].v_samp_factor = i == 0 ? recipe.luma_down : recipe.chroma_down;
  }
  cinfo.restart_interval = static_cast<unsigned>(recipe.restart_interval_mcus);
  cinfo.arith_code = recipe.arithmetic ? TRUE : FALSE;
  cinfo.optimize_coding = recipe.optimised ? TRUE : FALSE;
  if (recipe.progressive) jpeg_simple_progression(&cinfo);
}

}  // namespace

Bytes make_jpeg(const Recipe& recipe) {
  Pixels pixels = paint(recipe);
  jpeg_compress_struct cinfo{};
  jpeg_error_mgr errors{};
  cinfo.err = jpeg_std_error(&errors);  // which ends the program: a recipe that cannot be is a bug
  jpeg_create_compress(&cinfo);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&cinfo, &memory, &size);
  set_up(cinfo, recipe);
  std::vector<jpeg_scan_info> script;
  if (recipe.one_scan_each) write_scan_each(cinfo, script);
  jpeg_start_compress(&cinfo, TRUE);
  for (int y = 0; y < recipe.height; ++y) {
    JSAMPROW row =
        pixels.data() + static_cast<std::ptrdiff_t>(y) * recipe.width * recipe.components;
    jpeg_write_scanlines(&cinfo, &row, 1);
  }
  jpeg_finish_compress(&cinfo);
  jpeg_destroy_compress(&cinfo);
  const auto* bytes = reinterpret_cast<const std::byte*>(memory);
  Bytes file(bytes, bytes + size);
  std::free(memory);
  return file;
}

const std::vector<Sampling>& samplings() {
  static const std::vector<Sampling> all = {
      {"420", 3, 2, 2, 1, 1},  {"444", 3, 1, 1, 1, 1},    {"422", 3, 2, 1, 1, 1},
      {"440", 3, 1, 2, 1, 1},  {"411", 3, 4, 1, 1, 1},    {"410", 3, 4, 2, 1, 1},
      {"441", 3, 1, 4, 1, 1},  {"444x2", 3, 2, 1, 2, 1},  {"422x2", 3, 2, 2, 1, 2},
      {"grey", 1, 1, 1, 1, 1}, {"grey2x2", 1, 2, 2, 1, 1}};
  return all;
}

Recipe recipe_of(const Sampling& sampling) {
  Recipe recipe;
  recipe.components = sampling.components;
  recipe.luma_across = sampling.luma_across;
  recipe.luma_down = sampling.luma_down;
  recipe.chroma_across = sampling.chroma_across;
  recipe.chroma_down = sampling.chroma_down;
  return recipe;
}

std::vector<std::size_t> segments(std::span<const std::byte> file, int marker) {
  const auto at = [&file](std::size_t i) { return std::to_integer<std::size_t>(file[i]); };
  std::vector<std::size_t> found;
  for (std::size_t i = 2; i + 4 <= file.size() && at(i) == 0xFF;) {
    if (at(i + 1) == static_cast<std::size_t>(marker)) found.push_back(i);
    if (at(i + 1) == 0xDA) break;
    i += 2 + (at(i + 2) << 8 | at(i + 3));
  }
  return found;
}

}  // namespace millrace::codecs::test
