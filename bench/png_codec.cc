// SPDX-License-Identifier: Apache-2.0

// What PNG costs to read and to write: our decoder beside libpng and libvips' pngload, our encoder
// beside libvips' pngsave. Each photograph is read from two files of 2 megapixels, as libvips
// writes them (no filter) and with libpng's choice of filters, and written at 300 px across and at
// 2 megapixels. Processor time, medians of alternating rounds in one run.
//
//   png_codec [--rounds N] [--out FILE.json] PHOTO...
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <memory>
#include <png.h>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vips/vips8>

#include "codecs/png/decoder.h"
#include "codecs/png/encoder.h"

namespace {

using namespace millrace;
using vips::VImage;
using Json = nlohmann::ordered_json;

constexpr double kSourcePx = 2e6;
constexpr int kSmallWidthPx = 300;

double cpu_ms_now() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

std::string taken(VipsBlob* blob) {
  std::size_t bytes = 0;
  const auto* data = static_cast<const char*>(vips_blob_get(blob, &bytes));
  std::string file(data, bytes);
  vips_area_unref(VIPS_AREA(blob));
  return file;
}

std::string saved(const VImage& picture, int filter) {
  return taken(picture.pngsave_buffer(
      VImage::option()->set("compression", 6)->set("filter", filter)->set("strip", true)));
}

void decode_here(const std::string& file) {
  const auto bytes = std::as_bytes(std::span(file));
  const auto header = codecs::read_png_header(bytes);
  if (!header) std::abort();
  auto decoder = codecs::PngDecoder::open(bytes, *header);
  if (!decoder) std::abort();
  std::vector<std::uint8_t> row(static_cast<std::size_t>(header->width_px) * 4);
  for (std::int32_t y = 0; y < header->height_px; ++y) {
    decoder->read({y, 0, header->width_px}, row.data());
  }
}

void decode_by_libpng(const std::string& file) {
  struct Rest {
    const char* at;
  } rest{file.data()};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop facts = png_create_info_struct(png);
  png_set_read_fn(png, &rest, [](png_structp reader, png_bytep out, std::size_t bytes) {
    auto* from = static_cast<Rest*>(png_get_io_ptr(reader));
    std::memcpy(out, from->at, bytes);
    from->at += bytes;
  });
  png_read_info(png, facts);
  png_read_update_info(png, facts);
  std::vector<png_byte> row(png_get_rowbytes(png, facts));
  const png_uint_32 height = png_get_image_height(png, facts);
  for (png_uint_32 y = 0; y < height; ++y) png_read_row(png, row.data(), nullptr);
  png_read_end(png, nullptr);
  png_destroy_read_struct(&png, &facts, nullptr);
}

void decode_by_vips(const std::string& file) {
  VipsBlob* blob = vips_blob_new(nullptr, file.data(), file.size());
  const VImage picture =
      VImage::pngload_buffer(blob, VImage::option()->set("access", VIPS_ACCESS_SEQUENTIAL));
  vips_area_unref(VIPS_AREA(blob));
  // Band after band, as its own operations take them.
  const auto region = std::unique_ptr<VipsRegion, decltype(&g_object_unref)>(
      vips_region_new(picture.get_image()), g_object_unref);
  for (int y = 0; y < picture.height(); y += 16) {
    const VipsRect rect{0, y, picture.width(), std::min(16, picture.height() - y)};
    if (vips_region_prepare(region.get(), &rect) != 0) std::abort();
  }
}

std::size_t encode_here(const VImage& picture) {
  VipsImage* memory = picture.get_image();
  const codecs::PngPixels pixels{VIPS_IMAGE_ADDR(memory, 0, 0), picture.width(), picture.height(),
                                 picture.bands(),
                                 static_cast<std::ptrdiff_t>(VIPS_IMAGE_SIZEOF_LINE(memory))};
  const auto file = codecs::encode_png(pixels, {});
  if (!file) std::abort();
  return file->size();
}

struct Way {
  std::string name;
  std::function<std::size_t()> run;  // gives the bytes that it wrote
  std::size_t bytes = 0;
  std::vector<double> cpu_ms{};
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double rounded(double value, double places) { return std::round(value * places) / places; }

Json measured(std::vector<Way> ways, int rounds) {
  for (Way& way : ways) way.bytes = way.run();
  for (int round = 0; round < rounds; ++round) {
    for (Way& way : ways) {
      const double before = cpu_ms_now();
      way.run();
      way.cpu_ms.push_back(cpu_ms_now() - before);
    }
  }
  Json result = Json::object();
  const double ours = median(ways.front().cpu_ms);
  for (const Way& way : ways) {
    result[way.name + "_cpu_ms"] = rounded(median(way.cpu_ms), 1e3);
    if (way.bytes > 0) result[way.name + "_bytes"] = way.bytes;
  }
  for (const Way& way : std::span(ways).subspan(1)) {
    result[way.name + "_by_ours"] = rounded(median(way.cpu_ms) / ours, 100);
  }
  return result;
}

Json decoding(const std::string& file, int rounds) {
  const auto run = [&file](void (*decode)(const std::string&)) {
    return [&file, decode] {
      decode(file);
      return std::size_t{0};
    };
  };
  Json row = measured({{"millrace", run(decode_here)},
                       {"libpng", run(decode_by_libpng)},
                       {"libvips", run(decode_by_vips)}},
                      rounds);
  row["file_bytes"] = file.size();
  return row;
}

Json encoding(const VImage& picture, int rounds) {
  return measured(
      {{"millrace", [&picture] { return encode_here(picture); }},
       {"libvips", [&picture] { return saved(picture, VIPS_FOREIGN_PNG_FILTER_NONE).size(); }},
       {"libvips_all_filters",
        [&picture] { return saved(picture, VIPS_FOREIGN_PNG_FILTER_ALL).size(); }}},
      rounds);
}

}  // namespace

int main(int argc, char** argv) try {
  int rounds = 15;
  std::string out;
  std::vector<std::string> photos;
  CLI::App app("Processor time of reading and writing PNG files");
  app.add_option("--rounds", rounds);
  app.add_option("--out", out);
  app.add_option("photos", photos)->required();
  CLI11_PARSE(app, argc, argv);
  if (VIPS_INIT(argv[0]) != 0) return 1;
  vips_concurrency_set(1);
  vips_cache_set_max(0);

  Json all = Json::array();
  for (const std::string& path : photos) {
    const VImage photo = VImage::new_from_file(path.c_str()).copy_memory();
    const double px = static_cast<double>(photo.width()) * photo.height();
    const VImage source = photo.resize(std::min(1.0, std::sqrt(kSourcePx / px))).copy_memory();
    const VImage small =
        source.resize(static_cast<double>(kSmallWidthPx) / source.width()).copy_memory();
    Json row{{"photo", path.substr(path.rfind('/') + 1)},
             {"width_px", source.width()},
             {"height_px", source.height()},
             {"bands", source.bands()}};
    row["decode_without_filters"] = decoding(saved(source, VIPS_FOREIGN_PNG_FILTER_NONE), rounds);
    row["decode_all_filters"] = decoding(saved(source, VIPS_FOREIGN_PNG_FILTER_ALL), rounds);
    row["encode_300_wide"] = encoding(small, rounds);
    row["encode_whole"] = encoding(source, rounds);
    fmt::print("{}\n", row.dump(2));
    std::fflush(stdout);
    all.push_back(std::move(row));
  }
  if (!out.empty()) std::ofstream(out) << Json{{"photos", all}}.dump(2) << "\n";
  return 0;
} catch (const std::exception& error) {
  std::fputs(error.what(), stderr);
  return 1;
}
