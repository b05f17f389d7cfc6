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
constexpr std::size_t kSpaceAt = 16;  // bytes into the header
constexpr std::size_t kConnectionSpaceAt = 20;
constexpr std::size_t kSignatureAt = 36;
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
  [[nodiscard]] std::uint32_t u16(std::size_t at) const {
    if (bytes_.size() < 2 || at > bytes_.size() - 2) return 0;
    return (static_cast<std::uint32_t>(bytes_[at]) << 8) | bytes_[at + 1];
  }
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
    if (count > 65536 || at + 12 + std::size_t{count} * 2 > bytes_.size()) return std::nullopt;
    if (count == 1) return std::pow(x, u16(at + 12) / 256.0);
    const double place = x * (count - 1);
    const auto low = static_cast<std::size_t>(place);
    const std::size_t high = std::min<std::size_t>(low + 1, count - 1);
    const double part = place - static_cast<double>(low);
    const auto value = [this, at](std::size_t i) { return u16(at + 12 + i * 2) / 65535.0; };
    return value(low) * (1 - part) + value(high) * part;
  }
  // ICC.1:2022, 10.18: each function is the last one's with more parameters.
  [[nodiscard]] std::optional<double> parametric(std::size_t at, double x) const {
    constexpr std::array<std::size_t, 5> kParameters = {1, 3, 4, 5, 7};
    const std::uint32_t function = u16(at + 8);
    if (function >= kParameters.size()) return std::nullopt;
    const std::size_t count = kParameters[function];
    if (at + 12 + 4 * count > bytes_.size()) return std::nullopt;
    const auto parameter = [this, at](std::size_t i) { return fixed(at + 12 + 4 * i); };
    const double g = parameter(0);
    if (function == 0) return std::pow(x, g);
    const double a = parameter(1);
    const double b = parameter(2);
    if (function < 3) {  // from -b/a on, and flat before
      const double c = function == 2 ? parameter(3) : 0;
      return a * x + b >= 0 ? std::pow(a * x + b, g) + c : c;
    }
    const double c = parameter(3);
    const double d = parameter(4);
    const double e = function == 4 ? parameter(5) : 0;
    const double f = function == 4 ? parameter(6) : 0;
    return x >= d ? std::pow(std::max(a * x + b, 0.0), g) + e : c * x + f;
  }

  std::span<const std::uint8_t> bytes_;
};

// Of a profile of RGB.
struct MatrixProfile {
  std::array<std::array<double, 3>, 3> columns{};
  std::array<std::size_t, 3> curves{};  // where they stand
};

std::optional<MatrixProfile> matrix_profile(const ProfileReader& profile) {
  // A table would count, not the matrix.
  for (const std::string_view table : {"A2B0", "A2B1", "D2B0", "D2B1"}) {
    if (profile.tag(table)) return std::nullopt;
  }
  if (!profile.has(kConnectionSpaceAt, "XYZ ")) return std::nullopt;
  constexpr std::array<std::string_view, 3> kColumns = {"rXYZ", "gXYZ", "bXYZ"};
  constexpr std::array<std::string_view, 3> kCurves = {"rTRC", "gTRC", "bTRC"};
  MatrixProfile found;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto column = profile.tag(kColumns[i]);
    const auto curve = profile.tag(kCurves[i]);
    if (!column || !curve) return std::nullopt;
    for (std::size_t k = 0; k < 3; ++k) found.columns[i][k] = profile.fixed(*column + 8 + 4 * k);
    found.curves[i] = *curve;
  }
  return found;
}

bool is_srgb(const ProfileReader& profile) {
  const auto matrix = matrix_profile(profile);
  if (!matrix) return false;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      if (std::abs(matrix->columns[i][k] - kSrgbColumns[i][k]) > kColumnTolerance) return false;
    }
    for (int step = 0; step <= 32; ++step) {
      const double x = step / 32.0;
      const auto value = profile.curve(matrix->curves[i], x);
      if (!value || std::abs(*value - srgb_to_linear(x)) > kCurveTolerance) return false;
    }
  }
  return true;
}

bool is_readable(const ProfileReader& profile) {
  return profile.has(kSignatureAt, "acsp") && profile.tags_are_inside();
}

}  // namespace

IccFacts read_icc(std::span<const std::uint8_t> bytes) {
  IccFacts facts;
  const ProfileReader profile(bytes);
  if (!is_readable(profile)) return facts;
  facts.readable = true;
  if (profile.has(kSpaceAt, "RGB ")) facts.space = IccSpace::Rgb;
  if (profile.has(kSpaceAt, "GRAY")) facts.space = IccSpace::Gray;
  if (profile.has(kSpaceAt, "CMYK")) facts.space = IccSpace::Cmyk;
  facts.is_srgb = facts.space == IccSpace::Rgb && is_srgb(profile);
  return facts;
}

std::optional<codecs::DeviceRgb> device_rgb(std::span<const std::uint8_t> bytes) {
  const ProfileReader profile(bytes);
  if (!is_readable(profile) || !profile.has(kSpaceAt, "RGB ")) return std::nullopt;
  const auto matrix = matrix_profile(profile);
  if (!matrix) return std::nullopt;
  codecs::DeviceRgb device;
  device.colorants = matrix->columns;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t value = 0; value < 256; ++value) {
      const auto light = profile.curve(matrix->curves[i], static_cast<double>(value) / 255);
      if (!light) return std::nullopt;
      device.light[i][value] = std::clamp(*light, 0.0, 1.0);
    }
  }
  return device;
}

}  // namespace millrace::workers::image
