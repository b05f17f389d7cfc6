// SPDX-License-Identifier: Apache-2.0
#include "workers/image/palette.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace millrace::workers::image {
namespace {

using vips::VImage;

struct BlobRelease {
  void operator()(VipsBlob* blob) const { vips_area_unref(VIPS_AREA(blob)); }
};
using Blob = std::unique_ptr<VipsBlob, BlobRelease>;

using Color = std::array<std::uint8_t, 4>;

struct Cluster {
  std::array<double, 4> mean{};
  double pixels = 0;
  std::vector<Color> members;
};

std::uint32_t key_of(const Color& color) {
  std::uint32_t key = 0;
  std::memcpy(&key, color.data(), 4);
  return key;
}

double cost_of_joining(const Cluster& a, const Cluster& b) {
  double distance = 0;
  for (std::size_t i = 0; i < 4; ++i) distance += (a.mean[i] - b.mean[i]) * (a.mean[i] - b.mean[i]);
  return distance * a.pixels * b.pixels / (a.pixels + b.pixels);
}

void join(std::vector<Cluster>& clusters, std::size_t into, std::size_t from) {
  Cluster& a = clusters[into];
  Cluster& b = clusters[from];
  for (std::size_t i = 0; i < 4; ++i) {
    a.mean[i] = (a.mean[i] * a.pixels + b.mean[i] * b.pixels) / (a.pixels + b.pixels);
  }
  a.pixels += b.pixels;
  a.members.insert(a.members.end(), b.members.begin(), b.members.end());
  std::swap(b, clusters.back());
  clusters.pop_back();
}

void join_nearest(std::vector<Cluster>& clusters) {
  double least = std::numeric_limits<double>::infinity();
  std::size_t into = 0;
  std::size_t from = 1;
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    for (std::size_t k = i + 1; k < clusters.size(); ++k) {
      const double cost = cost_of_joining(clusters[i], clusters[k]);
      if (cost < least) {
        least = cost;
        into = i;
        from = k;
      }
    }
  }
  join(clusters, into, from);
}

// Calls `visit` with the first byte of each pixel of a 4-band picture in memory.
template <class Visit>
void for_each_pixel(const VImage& image, const Visit& visit) {
  for (int y = 0; y < image.height(); ++y) {
    auto* pixel = reinterpret_cast<std::uint8_t*>(VIPS_IMAGE_ADDR(image.get_image(), 0, y));
    for (int x = 0; x < image.width(); ++x, pixel += 4) visit(pixel);
  }
}

// In place.
void reduce_colors(const VImage& image, std::size_t colors_max) {
  std::unordered_map<std::uint32_t, Cluster> found;
  for_each_pixel(image, [&found](const std::uint8_t* pixel) {
    const Color color{pixel[0], pixel[1], pixel[2], pixel[3]};
    Cluster& cluster = found[key_of(color)];
    if (cluster.members.empty()) {
      cluster.members.push_back(color);
      for (std::size_t i = 0; i < 4; ++i) cluster.mean[i] = color[i];
    }
    cluster.pixels += 1;
  });
  std::vector<Cluster> clusters;
  clusters.reserve(found.size());
  for (auto& [key, cluster] : found) clusters.push_back(std::move(cluster));
  while (clusters.size() > colors_max) join_nearest(clusters);
  std::unordered_map<std::uint32_t, Color> becomes;
  for (const Cluster& cluster : clusters) {
    Color color;
    for (std::size_t i = 0; i < 4; ++i) {
      color[i] = static_cast<std::uint8_t>(std::lround(cluster.mean[i]));
    }
    for (const Color& member : cluster.members) becomes[key_of(member)] = color;
  }
  for_each_pixel(image, [&becomes](std::uint8_t* pixel) {
    const Color color = becomes[key_of({pixel[0], pixel[1], pixel[2], pixel[3]})];
    std::memcpy(pixel, color.data(), 4);
  });
}

int bits_for(int colors) {
  if (colors <= 2) return 1;
  if (colors <= 4) return 2;
  return colors <= 16 ? 4 : 8;
}

Blob saved(const VImage& image, const Encoding& encoding, bool strip, double dither) {
  return Blob(image.pngsave_buffer(VImage::option()
                                       ->set("palette", true)
                                       ->set("bitdepth", bits_for(encoding.colors))
                                       ->set("dither", dither)
                                       ->set("interlace", encoding.interlace)
                                       ->set("strip", strip)));
}

// The picture in the colours of `file`, four bands in memory of our own.
VImage read_back(const Blob& file) {
  VImage image = VImage::pngload_buffer(file.get());
  if (image.bands() < 3) image = image.colourspace(VIPS_INTERPRETATION_sRGB);
  if (!image.has_alpha()) image = image.bandjoin(255.0);
  return image.cast(VIPS_FORMAT_UCHAR).copy_memory();
}

}  // namespace

base::Result<void> save_palette_png(const VImage& image, const Encoding& encoding, bool keep_exif,
                                    const TakeFile& take) {
  Blob file = saved(image, encoding, !keep_exif, 1.0);
  if ((1 << bits_for(encoding.colors)) > encoding.colors) {
    const VImage reduced = read_back(file);
    reduce_colors(reduced, static_cast<std::size_t>(encoding.colors));
    file = saved(reduced, encoding, !keep_exif, 0.0);
  }
  std::size_t bytes = 0;
  const void* data = vips_blob_get(file.get(), &bytes);
  return take({static_cast<const std::byte*>(data), bytes});
}

}  // namespace millrace::workers::image
