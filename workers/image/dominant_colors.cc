// SPDX-License-Identifier: Apache-2.0
#include "workers/image/dominant_colors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace millrace::workers::image {
namespace {

// Below it two colours look alike when they are not side by side: about 2 in CIE76.
constexpr double kAlike = 0.02;
constexpr int kRoundsMax = 24;
constexpr std::size_t kCells = std::size_t{1} << 15;

// Lightness, green-red, blue-yellow.
using Oklab = std::array<double, 3>;

double linear_of(double value) {
  const double v = value / 255.0;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

std::uint8_t srgb_of(double linear) {
  const double v = std::clamp(linear, 0.0, 1.0);
  const double encoded = v <= 0.0031308 ? v * 12.92 : 1.055 * std::pow(v, 1 / 2.4) - 0.055;
  return static_cast<std::uint8_t>(std::lround(encoded * 255));
}

// The matrices are those of Ottosson's definition, of 2021-01-25.
Oklab oklab_of(const std::array<double, 3>& rgb) {
  const double r = linear_of(rgb[0]);
  const double g = linear_of(rgb[1]);
  const double b = linear_of(rgb[2]);
  const double l = std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const double m = std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const double s = std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
          1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
          0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

std::array<std::uint8_t, 3> rgb_of(const Oklab& lab) {
  const auto cubed = [](double v) { return v * v * v; };
  const double l = cubed(lab[0] + 0.3963377774 * lab[1] + 0.2158037573 * lab[2]);
  const double m = cubed(lab[0] - 0.1055613458 * lab[1] - 0.0638541728 * lab[2]);
  const double s = cubed(lab[0] - 0.0894841775 * lab[1] - 1.2914855480 * lab[2]);
  return {srgb_of(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          srgb_of(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          srgb_of(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

double squared_distance(const Oklab& a, const Oklab& b) {
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// Colours that share the upper five bits of each band, by their mean.
struct Cell {
  Oklab color{};
  double weight = 0;
};

std::vector<Cell> cells_of(std::span<const std::uint8_t> rgba) {
  struct Sum {
    std::array<std::uint64_t, 3> bands{};
    std::uint64_t alpha = 0;
  };
  std::vector<Sum> sums(kCells);
  for (std::size_t i = 0; i + 3 < rgba.size(); i += 4) {
    const std::uint64_t alpha = rgba[i + 3];
    Sum& sum = sums[static_cast<std::size_t>(((rgba[i] >> 3) << 10) | ((rgba[i + 1] >> 3) << 5) |
                                             (rgba[i + 2] >> 3))];
    for (std::size_t band = 0; band < 3; ++band) sum.bands[band] += alpha * rgba[i + band];
    sum.alpha += alpha;
  }
  std::vector<Cell> cells;
  for (const Sum& sum : sums) {
    if (sum.alpha == 0) continue;
    const auto weight = static_cast<double>(sum.alpha);
    std::array<double, 3> mean{};
    for (std::size_t band = 0; band < 3; ++band) {
      mean[band] = static_cast<double>(sum.bands[band]) / weight;
    }
    cells.push_back({oklab_of(mean), weight});
  }
  return cells;
}

std::vector<Oklab> seeds_of(const std::vector<Cell>& cells, std::size_t count_max) {
  std::vector<Oklab> seeds = {std::ranges::max_element(cells, {}, &Cell::weight)->color};
  std::vector<double> away(cells.size(), std::numeric_limits<double>::infinity());
  while (seeds.size() < count_max) {
    double most = 0;
    std::size_t next = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      away[i] = std::min(away[i], squared_distance(cells[i].color, seeds.back()));
      if (cells[i].weight * away[i] <= most) continue;
      most = cells[i].weight * away[i];
      next = i;
    }
    if (most == 0) break;  // every cell is a seed
    seeds.push_back(cells[next].color);
  }
  return seeds;
}

struct Cluster {
  Oklab sum{};
  double weight = 0;
  [[nodiscard]] Oklab mean() const { return {sum[0] / weight, sum[1] / weight, sum[2] / weight}; }
  void add(const Oklab& color, double by) {
    for (std::size_t i = 0; i < 3; ++i) sum[i] += color[i] * by;
    weight += by;
  }
};

std::vector<Cluster> assigned(const std::vector<Cell>& cells, const std::vector<Oklab>& centres) {
  std::vector<Cluster> clusters(centres.size());
  for (const Cell& cell : cells) {
    std::size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < centres.size(); ++i) {
      const double distance = squared_distance(cell.color, centres[i]);
      if (distance >= least) continue;
      least = distance;
      nearest = i;
    }
    clusters[nearest].add(cell.color, cell.weight);
  }
  std::erase_if(clusters, [](const Cluster& cluster) { return cluster.weight == 0; });
  return clusters;
}

// Two that nobody can tell apart are one.
void join_alike(std::vector<Cluster>& clusters) {
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    for (std::size_t k = i + 1; k < clusters.size();) {
      if (squared_distance(clusters[i].mean(), clusters[k].mean()) >= kAlike * kAlike) {
        ++k;
        continue;
      }
      clusters[i].add(clusters[k].mean(), clusters[k].weight);
      clusters.erase(clusters.begin() + static_cast<std::ptrdiff_t>(k));
      k = i + 1;
    }
  }
}

}  // namespace

std::vector<DominantColor> dominant_colors(std::span<const std::uint8_t> rgba,
                                           std::size_t count_max) {
  const std::vector<Cell> cells = cells_of(rgba);
  if (cells.empty() || count_max == 0) return {};
  std::vector<Oklab> centres = seeds_of(cells, count_max);
  std::vector<Cluster> clusters;
  for (int round = 0; round < kRoundsMax; ++round) {
    clusters = assigned(cells, centres);
    std::vector<Oklab> moved;
    moved.reserve(clusters.size());
    for (const Cluster& cluster : clusters) moved.push_back(cluster.mean());
    if (moved == centres) break;
    centres = std::move(moved);
  }
  join_alike(clusters);
  std::ranges::sort(clusters, [](const Cluster& a, const Cluster& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.sum < b.sum;
  });
  double all = 0;
  for (const Cluster& cluster : clusters) all += cluster.weight;
  std::vector<DominantColor> colors;
  colors.reserve(clusters.size());
  for (const Cluster& cluster : clusters) {
    colors.push_back({rgb_of(cluster.mean()), cluster.weight / all});
  }
  return colors;
}

}  // namespace millrace::workers::image
