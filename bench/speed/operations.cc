// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/operations.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace millrace::bench::speed {
namespace {

constexpr double kSmallPx = 2e6;

constexpr std::array kOperations = {
    Operation{1, "12 MP JPEG to 800 wide JPEG", SourceKind::Large, 800, 0, "jpeg", 1.6, 1.02},
    Operation{2, "12 MP JPEG to 200x200 JPEG", SourceKind::Large, 200, 200, "jpeg", 2.2, 1.02},
    Operation{3, "2 MP JPEG to 200x200 JPEG", SourceKind::Small, 200, 200, "jpeg", 2.2, 1.02},
    Operation{4, "12 MP JPEG to 800 wide WebP", SourceKind::Large, 800, 0, "webp", 1.5, 1.04},
    Operation{5, "2 MP PNG to 300 wide WebP", SourceKind::Png, 300, 0, "webp", 1.1, 1.02},
    Operation{6, "2 MP PNG to 300 wide PNG", SourceKind::Png, 300, 0, "png", 1.1, 1.02},
};

int scaled(int side_px, double scale) {
  return std::max(1, static_cast<int>(std::lround(side_px * scale)));
}

}  // namespace

std::string_view word_of(SourceKind kind) {
  if (kind == SourceKind::Large) return "large";
  return kind == SourceKind::Small ? "small" : "png";
}

std::span<const Operation> operations() { return kOperations; }

std::vector<Operation> operations_of(std::string_view numbers) {
  if (numbers.empty()) return {kOperations.begin(), kOperations.end()};
  std::vector<Operation> found;
  while (true) {
    const std::string_view word = numbers.substr(0, numbers.find(','));
    int number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    const auto* const known = std::ranges::find(kOperations, number, &Operation::number);
    const bool whole = error == std::errc{} && end == word.data() + word.size();
    if (!whole || known == kOperations.end()) return {};
    found.push_back(*known);
    if (word.size() == numbers.size()) return found;
    numbers.remove_prefix(word.size() + 1);
  }
}

PictureSize result_size(const Operation& operation, PictureSize source) {
  const double across = static_cast<double>(operation.width_px) / source.width_px;
  if (!operation.covers()) {
    const double scale = std::min(1.0, across);
    return {scaled(source.width_px, scale), scaled(source.height_px, scale)};
  }
  const double down = static_cast<double>(operation.height_px) / source.height_px;
  const double scale = std::min(1.0, std::max(across, down));
  return {std::min(operation.width_px, scaled(source.width_px, scale)),
          std::min(operation.height_px, scaled(source.height_px, scale))};
}

PictureSize small_size(PictureSize source) {
  const double pixels = static_cast<double>(source.width_px) * source.height_px;
  const double scale = std::min(1.0, std::sqrt(kSmallPx / pixels));
  return {scaled(source.width_px, scale), scaled(source.height_px, scale)};
}

std::string millrace_pipeline(const Operation& operation) {
  std::string pipeline =
      fmt::format("imageView2/{}/w/{}", operation.covers() ? 1 : 2, operation.width_px);
  if (operation.covers()) pipeline += fmt::format("/h/{}", operation.height_px);
  return pipeline + fmt::format("/format/{}/q/{}!", operation.format, kQualityPct);
}

}  // namespace millrace::bench::speed
