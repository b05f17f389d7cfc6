// SPDX-License-Identifier: Apache-2.0

// What decoding a JPEG to planes costs at each scale: our decoder beside libjpeg-turbo's raw planes
// (accurate transform; at scales below one it keeps chroma finer) and libvips' jpegload to RGB.
// Processor time, medians of alternating rounds in one run.
//
//   jpeg_decode [--rounds N] [--out FILE.json] PHOTO...
#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <jpeglib.h>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vips/vips8>

#include "codecs/jpeg/decoder.h"

namespace {

using namespace millrace;
using vips::VImage;
using Bytes = std::vector<std::byte>;

constexpr std::array<int, 4> kScales = {1, 2, 4, 8};

double cpu_ms_now() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void decode_here(const Bytes& file, int eighths) {
  const auto header = codecs::read_jpeg_header(file);
  if (!header) std::abort();
  const auto outcome =
      codecs::decode_jpeg(file, *header, {.eighths = eighths, .region = {}},
                          [](const codecs::JpegBand&) -> base::Result<void> { return {}; });
  if (!outcome || *outcome != codecs::JpegOutcome::Delivered) std::abort();
}

void decode_by_turbo(const Bytes& file, int eighths) {
  jpeg_decompress_struct cinfo{};
  jpeg_error_mgr errors{};
  cinfo.err = jpeg_std_error(&errors);  // which ends the program
  jpeg_create_decompress(&cinfo);
  jpeg_mem_src(&cinfo, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_read_header(&cinfo, TRUE);
  cinfo.scale_num = static_cast<unsigned>(eighths);
  cinfo.scale_denom = 8;
  cinfo.raw_data_out = TRUE;
  cinfo.do_fancy_upsampling = FALSE;
  cinfo.out_color_space = cinfo.jpeg_color_space;
  jpeg_start_decompress(&cinfo);
  const auto components = static_cast<std::size_t>(cinfo.num_components);
  const std::size_t stride = cinfo.image_width + 128;
  constexpr std::size_t kLinesMax = 32;
  std::vector<std::vector<unsigned char>> memory(components,
                                                 std::vector<unsigned char>(stride * kLinesMax));
  std::vector<std::vector<JSAMPROW>> rows(components);
  std::vector<JSAMPARRAY> image;
  for (std::size_t c = 0; c < components; ++c) {
    for (std::size_t y = 0; y < kLinesMax; ++y) rows[c].push_back(memory[c].data() + y * stride);
    image.push_back(rows[c].data());
  }
  const auto lines = static_cast<JDIMENSION>(cinfo.max_v_samp_factor * eighths);
  while (cinfo.output_scanline < cinfo.output_height) {
    jpeg_read_raw_data(&cinfo, image.data(), lines);
  }
  jpeg_destroy_decompress(&cinfo);
}

void decode_by_vips(const Bytes& file, int eighths) {
  VipsBlob* blob = vips_blob_new(nullptr, file.data(), file.size());
  const VImage picture = VImage::jpegload_buffer(
      blob, VImage::option()->set("shrink", 8 / eighths)->set("access", VIPS_ACCESS_SEQUENTIAL));
  vips_area_unref(VIPS_AREA(blob));
  // Band after band, as its own operations take them.
  const auto region = std::unique_ptr<VipsRegion, decltype(&g_object_unref)>(
      vips_region_new(picture.get_image()), g_object_unref);
  for (int y = 0; y < picture.height(); y += 16) {
    const VipsRect rect{0, y, picture.width(), std::min(16, picture.height() - y)};
    if (vips_region_prepare(region.get(), &rect) != 0) std::abort();
  }
}

struct Way {
  std::string name;
  std::function<void(const Bytes&, int)> decode;
  std::vector<double> cpu_ms{};
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

nlohmann::json measured(const Bytes& file, int eighths, int rounds) {
  std::vector<Way> ways = {
      {"millrace", decode_here}, {"libjpeg_turbo", decode_by_turbo}, {"libvips", decode_by_vips}};
  for (const Way& way : ways) way.decode(file, eighths);
  for (int round = 0; round < rounds; ++round) {
    for (Way& way : ways) {
      const double before = cpu_ms_now();
      way.decode(file, eighths);
      way.cpu_ms.push_back(cpu_ms_now() - before);
    }
  }
  nlohmann::json result{{"eighths", eighths}};
  for (const Way& way : ways) {
    result[way.name + "_cpu_ms"] = std::stod(fmt::format("{:.3f}", median(way.cpu_ms)));
  }
  const double ours = median(ways[0].cpu_ms);
  result["libjpeg_turbo_by_ours"] = std::stod(fmt::format("{:.2f}", median(ways[1].cpu_ms) / ours));
  result["libvips_by_ours"] = std::stod(fmt::format("{:.2f}", median(ways[2].cpu_ms) / ours));
  return result;
}

std::string word_of(codecs::JpegProcess process) {
  return process == codecs::JpegProcess::Progressive ? "progressive" : "sequential";
}

nlohmann::json describe(const std::string& path, const codecs::JpegHeader& header,
                        std::size_t bytes) {
  const auto layout = *codecs::layout_of(header, {});
  return {{"photo", path.substr(path.rfind('/') + 1)},
          {"width_px", header.width_px},
          {"height_px", header.height_px},
          {"bytes", bytes},
          {"chroma", fmt::format("1/{} x 1/{}", layout.chroma_across, layout.chroma_down)},
          {"process", word_of(header.process)}};
}

}  // namespace

int main(int argc, char** argv) try {
  int rounds = 15;
  std::string out;
  std::vector<std::string> photos;
  CLI::App app("Processor time of decoding JPEG files");
  app.add_option("--rounds", rounds);
  app.add_option("--out", out);
  app.add_option("photos", photos)->required();
  CLI11_PARSE(app, argc, argv);
  if (VIPS_INIT(argv[0]) != 0) return 1;
  vips_concurrency_set(1);
  vips_cache_set_max(0);

  nlohmann::json all = nlohmann::json::array();
  for (const std::string& path : photos) {
    const Bytes file = read_file(path);
    const auto header = codecs::read_jpeg_header(file);
    if (!header || !codecs::layout_of(*header, {})) continue;
    nlohmann::json photo = describe(path, *header, file.size());
    for (const int eighths : kScales) {
      photo["scales"].push_back(measured(file, eighths, rounds));
      fmt::print("{} {}\n", photo["photo"].get<std::string>(), photo["scales"].back().dump());
      std::fflush(stdout);
    }
    all.push_back(std::move(photo));
  }
  if (!out.empty()) std::ofstream(out) << nlohmann::json{{"photos", all}}.dump(2) << "\n";
  return 0;
} catch (const std::exception& error) {
  std::fputs(error.what(), stderr);
  return 1;
}
