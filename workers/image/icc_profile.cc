// SPDX-License-Identifier: Apache-2.0
#include "workers/image/icc_profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>

namespace millrace::workers::image {
namespace {

constexpr std::size_t kHeaderBytes = 128;
constexpr std::size_t kTagEntryBytes = 12;
constexpr std::uint32_t kTagsMax = 200;
// Columns of the matrix of sRGB, adapted to D50.
constexpr std::array<std::array<double, 3>, 3> kSrgbColumns = {
    {{0.4361, 0.2225, 0.0139}, {0.3851, 0.7169, 0.0971}, {0.1431, 0.0606, 0.7141}}};
constexpr double kColumnTolerance = 0.0015;
// In linear light, of 1; an eighth of a step of 8 bits in the middle tones.
constexpr double kCurveTolerance = 0.0012;

double srgb_to_linear(double v) {
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

class ProfileReader {
 public:
  explicit ProfileReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::uint32_t u32(std::size_t at) const {
    if (bytes_.size() < 4 || at > bytes_.size() - 4) return 0;
    return (static_cast<std::uint32_t>(bytes_[at]) << 24) |
           (static_cast<std::uint32_t>(bytes_[at + 1]) << 16) |
           (static_cast<std::uint32_t>(bytes_[at + 2]) << 8) | bytes_[at + 3];
  }
  [[nodiscard]] std::uint32_t u16(std::size_t at) const { return u32(at) >> 16; }
  [[nodiscard]] double fixed(std::size_t at) const {
    return static_cast<double>(static_cast<std::int32_t>(u32(at))) / 65536.0;
  }
  [[nodiscard]] bool has(std::size_t at, std::string_view signature) const {
    std::uint32_t wanted = 0;
    for (const char c : signature) wanted = (wanted << 8) | static_cast<std::uint8_t>(c);
    return u32(at) == wanted && at + 4 <= bytes_.size();
  }
  [[nodiscard]] std::uint32_t tags() const { return u32(kHeaderBytes); }
  [[nodiscard]] bool tags_are_inside() const {
    if (tags() == 0 || tags() > kTagsMax) return false;
    for (std::uint32_t i = 0; i < tags(); ++i) {
      const std::size_t entry = kHeaderBytes + 4 + i * kTagEntryBytes;
      const std::uint64_t end = std::uint64_t{u32(entry + 4)} + u32(entry + 8);
      if (entry + kTagEntryBytes > bytes_.size() || end > bytes_.size()) return false;
    }
    return true;
  }
  [[nodiscard]] std::optional<std::size_t> tag(std::string_view signature) const {
    for (std::uint32_t i = 0; i < tags(); ++i) {
      const std::size_t entry = kHeaderBytes + 4 + i * kTagEntryBytes;
      if (has(entry, signature)) return u32(entry + 4);
    }
    return std::nullopt;
  }
  // The value of a curve at x of 0..1, or nullopt for a type that is not known here.
  [[nodiscard]] std::optional<double> curve(std::size_t at, double x) const {
    if (has(at, "curv")) return sampled(at, x);
    if (has(at, "para")) return parametric(at, x);
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::optional<double> sampled(std::size_t at, double x) const {
    const std::uint32_t count = u32(at + 8);
    if (count == 0) return x;
    if (count == 1) return std::pow(x, u16(at + 12) / 256.0);
    if (count > 65536 || at + 12 + std::size_t{count} * 2 > bytes_.size()) return std::nullopt;
    const double place = x * (count - 1);
    const auto low = static_cast<std::size_t>(place);
    const std::size_t high = std::min<std::size_t>(low + 1, count - 1);
    const double part = place - static_cast<double>(low);
    // The last value begins two bytes before the end, where u32 cannot read.
    const auto value = [this, at](std::size_t i) {
      const std::size_t p = at + 12 + i * 2;
      return ((bytes_[p] << 8) | bytes_[p + 1]) / 65535.0;
    };
    return value(low) * (1 - part) + value(high) * part;
  }
  [[nodiscard]] std::optional<double> parametric(std::size_t at, double x) const {
    // g, a, b, c, d of Y = (aX + b)^g for X >= d, cX below: type 3, which sRGB is written in.
    if (u16(at + 8) != 3) return std::nullopt;
    const double g = fixed(at + 12);
    const double a = fixed(at + 16);
    const double b = fixed(at + 20);
    const double c = fixed(at + 24);
    const double d = fixed(at + 28);
    return x >= d ? std::pow(a * x + b, g) : c * x;
  }

  std::span<const std::uint8_t> bytes_;
};

bool is_srgb(const ProfileReader& profile) {
  if (profile.tag("A2B0") || profile.tag("A2B1"))
    return false;  // a table would count, not the matrix
  constexpr std::array<std::string_view, 3> kColumns = {"rXYZ", "gXYZ", "bXYZ"};
  constexpr std::array<std::string_view, 3> kCurves = {"rTRC", "gTRC", "bTRC"};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto column = profile.tag(kColumns[i]);
    const auto curve = profile.tag(kCurves[i]);
    if (!column || !curve) return false;
    for (std::size_t k = 0; k < 3; ++k) {
      const double value = profile.fixed(*column + 8 + 4 * k);
      if (std::abs(value - kSrgbColumns[i][k]) > kColumnTolerance) return false;
    }
    for (int step = 0; step <= 32; ++step) {
      const double x = step / 32.0;
      const auto value = profile.curve(*curve, x);
      if (!value || std::abs(*value - srgb_to_linear(x)) > kCurveTolerance) return false;
    }
  }
  return true;
}

}  // namespace

IccFacts read_icc(std::span<const std::uint8_t> bytes) {
  IccFacts facts;
  const ProfileReader profile(bytes);
  if (bytes.size() < kHeaderBytes + 4 || !profile.has(36, "acsp") || !profile.tags_are_inside()) {
    return facts;
  }
  facts.readable = true;
  if (profile.has(16, "RGB ")) facts.space = IccSpace::Rgb;
  if (profile.has(16, "GRAY")) facts.space = IccSpace::Gray;
  if (profile.has(16, "CMYK")) facts.space = IccSpace::Cmyk;
  facts.is_srgb = facts.space == IccSpace::Rgb && is_srgb(profile);
  return facts;
}

}  // namespace millrace::workers::image
