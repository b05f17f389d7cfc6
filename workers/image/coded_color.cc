// SPDX-License-Identifier: Apache-2.0
#include "workers/image/coded_color.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace millrace::workers::image {
namespace {

// A 2.2 curve and sRGB's differ by less than what an eye sees, and millions of files say the one
// and mean the other.
constexpr double kGammaTolerance = 0.1;
constexpr double kChromaticityTolerance = 0.004;
constexpr double kGammaMin = 0.3;
constexpr double kGammaMax = 4;
constexpr int kBoxesMax = 1000;

bool is_near(const Chromaticity& a, const Chromaticity& b) {
  return std::abs(a.x - b.x) < kChromaticityTolerance &&
         std::abs(a.y - b.y) < kChromaticityTolerance;
}

bool is_srgb(const CodedColor& color) {
  const CodedColor srgb;
  return color.transfer == Transfer::Srgb &&
         std::ranges::equal(color.primaries, srgb.primaries, is_near);
}

std::optional<CodedColor> unless_srgb(const CodedColor& color) {
  if (is_srgb(color)) return std::nullopt;
  return color;
}

// Some corner of the diagram; on one line or outside of it nothing could be computed.
bool is_possible(const std::array<Chromaticity, 4>& primaries) {
  for (const Chromaticity& c : primaries) {
    if (c.x < 0 || c.y < 0.001 || c.x + c.y > 1.0001) return false;
  }
  const auto& [red, green, blue, white] = primaries;
  const double area = (green.x - red.x) * (blue.y - red.y) - (blue.x - red.x) * (green.y - red.y);
  return std::abs(area) > 0.01;
}

// --- PNG ---

constexpr double kPngUnit = 100'000;

struct PngChunks {
  ByteSpan cicp;
  ByteSpan gama;
  ByteSpan chrm;
  bool has_profile = false;
  bool is_srgb = false;
};

PngChunks chunks_of(ByteSpan file) {
  PngChunks chunks;
  constexpr std::size_t kSignatureBytes = 8;
  for (std::size_t at = kSignatureBytes; at + 12 <= file.size();) {
    const std::size_t bytes = big_endian(file, at, 4);
    if (bytes > file.size() - at - 12 || has_bytes(file, at + 4, "IDAT")) break;
    const ByteSpan body = file.subspan(at + 8, bytes);
    if (has_bytes(file, at + 4, "cICP") && bytes == 4) chunks.cicp = body;
    if (has_bytes(file, at + 4, "gAMA") && bytes == 4) chunks.gama = body;
    if (has_bytes(file, at + 4, "cHRM") && bytes == 32) chunks.chrm = body;
    if (has_bytes(file, at + 4, "iCCP")) chunks.has_profile = true;
    if (has_bytes(file, at + 4, "sRGB")) chunks.is_srgb = true;
    at += 12 + bytes;
  }
  return chunks;
}

void read_gamma(ByteSpan body, CodedColor& color) {
  const double encoding = big_endian(body, 0, 4) / kPngUnit;
  if (encoding <= 0) return;
  const double gamma = 1 / encoding;
  if (gamma < kGammaMin || gamma > kGammaMax || std::abs(gamma - 2.2) < kGammaTolerance) return;
  color.transfer = Transfer::Gamma;
  color.gamma = gamma;
}

void read_chromaticities(ByteSpan body, CodedColor& color) {
  const auto at = [&body](std::size_t i) {
    return Chromaticity{big_endian(body, 8 * i, 4) / kPngUnit,
                        big_endian(body, 8 * i + 4, 4) / kPngUnit};
  };
  // White stands first in the file.
  const std::array<Chromaticity, 4> primaries = {at(1), at(2), at(3), at(0)};
  if (is_possible(primaries)) color.primaries = primaries;
}

// --- AVIF and HEIC ---

// The body of the first box of that type among those that `bytes` consists of.
template <class Visit>
void for_each_box(ByteSpan bytes, const Visit& visit) {
  std::size_t at = 0;
  for (int i = 0; i < kBoxesMax && at + 8 <= bytes.size(); ++i) {
    const std::size_t length = big_endian(bytes, at, 4);
    if (length < 8 || length > bytes.size() - at) return;
    visit(std::string_view(reinterpret_cast<const char*>(&bytes[at + 4]), 4),
          bytes.subspan(at + 8, length - 8));
    at += length;
  }
}

ByteSpan box_of(ByteSpan bytes, std::string_view type) {
  ByteSpan found;
  for_each_box(bytes, [&](std::string_view seen, ByteSpan body) {
    if (seen == type && found.empty()) found = body;
  });
  return found;
}

// --- curves and matrices ---

using Vector = std::array<double, 3>;
using Matrix = std::array<Vector, 3>;  // rows

Vector times(const Matrix& m, const Vector& v) {
  Vector out{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 3; ++k) out.at(i) += m.at(i).at(k) * v.at(k);
  }
  return out;
}

Matrix times(const Matrix& a, const Matrix& b) {
  Matrix out{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t j = 0; j < 3; ++j) out.at(i).at(k) += a.at(i).at(j) * b.at(j).at(k);
    }
  }
  return out;
}

Matrix inverse(const Matrix& m) {
  const auto minor = [&m](std::size_t row, std::size_t column) {
    const std::size_t r0 = (row + 1) % 3;
    const std::size_t r1 = (row + 2) % 3;
    const std::size_t c0 = (column + 1) % 3;
    const std::size_t c1 = (column + 2) % 3;
    return m.at(r0).at(c0) * m.at(r1).at(c1) - m.at(r0).at(c1) * m.at(r1).at(c0);
  };
  const double determinant = m[0][0] * minor(0, 0) + m[0][1] * minor(0, 1) + m[0][2] * minor(0, 2);
  Matrix out{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 3; ++k) out.at(i).at(k) = minor(k, i) / determinant;
  }
  return out;
}

Vector xyz_of(const Chromaticity& c) { return {c.x / c.y, 1, (1 - c.x - c.y) / c.y}; }

// Bradford's, from that white to D50 (ICC.1:2022, annex E).
Matrix adaptation_from(const Chromaticity& white) {
  constexpr Matrix kCone = {
      {{0.8951, 0.2664, -0.1614}, {-0.7502, 1.7135, 0.0367}, {0.0389, -0.0685, 1.0296}}};
  constexpr Vector kD50 = {0.9642, 1.0, 0.8249};
  const Vector from = times(kCone, xyz_of(white));
  const Vector to = times(kCone, kD50);
  Matrix scale{};
  for (std::size_t i = 0; i < 3; ++i) scale.at(i).at(i) = to.at(i) / from.at(i);
  return times(inverse(kCone), times(scale, kCone));
}

// Its columns are red, green and blue in XYZ under that white.
Matrix to_xyz(const std::array<Chromaticity, 4>& primaries) {
  Matrix colors{};
  for (std::size_t i = 0; i < 3; ++i) {
    const Vector xyz = xyz_of(primaries.at(i));
    for (std::size_t k = 0; k < 3; ++k) colors.at(k).at(i) = xyz.at(k);
  }
  const Vector weights = times(inverse(colors), xyz_of(primaries[3]));
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 3; ++k) colors.at(k).at(i) *= weights.at(i);
  }
  return colors;
}

constexpr double kWhiteNits = 203;  // ITU-R BT.2408, reference white

// SMPTE ST 2084.
double pq_nits(double value) {
  const double p = std::pow(value, 1 / 78.84375);
  const double light = std::max(p - 0.8359375, 0.0) / (18.8515625 - 18.6875 * p);
  return 10'000 * std::pow(light, 1 / 0.1593017578125);
}

// ITU-R BT.2100, on a display of 1000 cd/m2; its gamma is taken by channel.
double hlg_nits(double value) {
  constexpr double kA = 0.17883277;
  constexpr double kB = 1 - 4 * kA;
  const double c = 0.5 - kA * std::log(4 * kA);
  const double scene = value <= 0.5 ? value * value / 3 : (std::exp((value - c) / kA) + kB) / 12;
  return 1000 * std::pow(scene, 1.2);
}

// --- ICC.1:2022 ---

class IccWriter {
 public:
  void number(std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = bytes; i > 0; --i) {
      bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * (i - 1))));
    }
  }
  void zeros(std::size_t count) { bytes_.insert(bytes_.end(), count, 0); }
  void word(std::string_view four) { bytes_.insert(bytes_.end(), four.begin(), four.end()); }
  void fixed(double value) {
    number(static_cast<std::uint32_t>(static_cast<std::int32_t>(std::lround(value * 65536))), 4);
  }
  void pad() {
    while (bytes_.size() % 4 != 0) bytes_.push_back(0);
  }
  [[nodiscard]] std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

using Tag = std::vector<std::uint8_t>;

Tag text_tag(std::string_view text) {
  IccWriter tag;
  tag.word("mluc");
  tag.number(0, 4);
  tag.number(1, 4);
  tag.number(12, 4);
  tag.word("enUS");
  tag.number(2 * text.size(), 4);
  tag.number(28, 4);
  for (const char c : text) tag.number(static_cast<std::uint8_t>(c), 2);
  tag.pad();
  return tag.take();
}

Tag xyz_tag(const Vector& xyz) {
  IccWriter tag;
  tag.word("XYZ ");
  tag.number(0, 4);
  for (const double value : xyz) tag.fixed(value);
  return tag.take();
}

Tag matrix_tag(const Matrix& matrix) {
  IccWriter tag;
  tag.word("sf32");
  tag.number(0, 4);
  for (const Vector& row : matrix) {
    for (const double value : row) tag.fixed(value);
  }
  return tag.take();
}

Tag table_tag(double (*nits)(double)) {
  constexpr std::uint64_t kEntries = 4096;
  IccWriter tag;
  tag.word("curv");
  tag.number(0, 4);
  tag.number(kEntries, 4);
  for (std::uint64_t i = 0; i < kEntries; ++i) {
    const double light = nits(static_cast<double>(i) / (kEntries - 1)) / kWhiteNits;
    tag.number(static_cast<std::uint64_t>(std::lround(std::min(light, 1.0) * 65535)), 2);
  }
  return tag.take();
}

Tag curve_tag(const CodedColor& color) {
  if (color.transfer == Transfer::Pq) return table_tag(pq_nits);
  if (color.transfer == Transfer::Hlg) return table_tag(hlg_nits);
  IccWriter tag;
  tag.word("para");
  tag.number(0, 4);
  if (color.transfer == Transfer::Gamma) {
    tag.number(0, 4);  // Y = X^g
    tag.fixed(color.gamma);
    return tag.take();
  }
  tag.number(3, 2);
  tag.number(0, 2);
  for (const double value : {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045}) tag.fixed(value);
  return tag.take();
}

struct NamedTag {
  std::string_view name;
  std::size_t body;  // which of the bodies
};

std::vector<std::uint8_t> profile_of(std::string_view space, const std::vector<NamedTag>& names,
                                     const std::vector<Tag>& bodies) {
  constexpr std::size_t kHeaderBytes = 128;
  std::vector<std::size_t> starts;
  std::size_t at = kHeaderBytes + 4 + 12 * names.size();
  for (const Tag& body : bodies) {
    starts.push_back(at);
    at += body.size();
  }
  IccWriter icc;
  icc.number(at, 4);
  icc.number(0, 4);
  icc.number(0x04400000, 4);
  icc.word("mntr");
  icc.word(space);
  icc.word("XYZ ");
  // No date: equal pictures have equal bytes.
  for (int i = 0; i < 6; ++i) icc.number(i == 1 || i == 2 ? 1 : 0, 2);
  icc.word("acsp");
  icc.zeros(24);
  icc.number(1, 4);  // relative colorimetric
  for (const double value : {0.9642, 1.0, 0.8249}) icc.fixed(value);
  icc.zeros(48);
  icc.number(names.size(), 4);
  for (const NamedTag& tag : names) {
    icc.word(tag.name);
    icc.number(starts.at(tag.body), 4);
    icc.number(bodies.at(tag.body).size(), 4);
  }
  std::vector<std::uint8_t> profile = icc.take();
  for (const Tag& body : bodies) profile.insert(profile.end(), body.begin(), body.end());
  return profile;
}

}  // namespace

std::optional<CodedColor> color_of_numbers(std::uint32_t primaries, std::uint32_t transfer) {
  constexpr Chromaticity kD65 = {0.3127, 0.3290};
  CodedColor color;
  switch (primaries) {
    case 5:  // PAL
      color.primaries = {{{0.64, 0.33}, {0.29, 0.60}, {0.15, 0.06}, kD65}};
      break;
    case 6:
    case 7:  // NTSC
      color.primaries = {{{0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}, kD65}};
      break;
    case 9:  // BT.2020
      color.primaries = {{{0.708, 0.292}, {0.170, 0.797}, {0.131, 0.046}, kD65}};
      break;
    case 11:  // DCI-P3
      color.primaries = {{{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}, {0.314, 0.351}}};
      break;
    case 12:  // Display P3
      color.primaries = {{{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}, kD65}};
      break;
    case 1:
      break;
    default:
      return std::nullopt;
  }
  switch (transfer) {
    case 4:
      color.transfer = Transfer::Gamma;
      color.gamma = 2.2;
      break;
    case 5:
      color.transfer = Transfer::Gamma;
      color.gamma = 2.8;
      break;
    case 8:
      color.transfer = Transfer::Gamma;
      color.gamma = 1;
      break;
    case 16:
      color.transfer = Transfer::Pq;
      break;
    case 18:
      color.transfer = Transfer::Hlg;
      break;
    default:
      break;
  }
  return unless_srgb(color);
}

std::optional<CodedColor> png_color(ByteSpan file) {
  const PngChunks chunks = chunks_of(file);
  if (chunks.has_profile) return std::nullopt;
  if (!chunks.cicp.empty()) return color_of_numbers(chunks.cicp[0], chunks.cicp[1]);
  if (chunks.is_srgb) return std::nullopt;
  CodedColor color;
  read_gamma(chunks.gama, color);
  if (!chunks.chrm.empty()) read_chromaticities(chunks.chrm, color);
  return unless_srgb(color);
}

std::optional<CodedColor> heif_color(ByteSpan file) {
  // meta has a version and flags in front of its boxes.
  const ByteSpan properties = box_of(box_of(slice(box_of(file, "meta"), 4), "iprp"), "ipco");
  std::optional<std::uint32_t> seen;
  bool agree = true;
  for_each_box(properties, [&](std::string_view type, ByteSpan body) {
    if (type != "colr" || !has_bytes(body, 0, "nclx") || body.size() < 8) return;
    constexpr std::uint32_t kUnspecified = 2;
    if (big_endian(body, 4, 2) == kUnspecified) return;
    const std::uint32_t numbers = big_endian(body, 4, 4);
    agree = agree && seen.value_or(numbers) == numbers;
    seen = numbers;
  });
  if (!seen || !agree) return std::nullopt;
  return color_of_numbers(*seen >> 16, *seen & 0xFFFF);
}

std::vector<std::uint8_t> icc_of(const CodedColor& color, bool grey) {
  std::vector<Tag> bodies = {text_tag("as the file says"), text_tag("CC0"),
                             xyz_tag({0.9642, 1.0, 0.8249}), curve_tag(color)};
  std::vector<NamedTag> names = {{"desc", 0}, {"cprt", 1}, {"wtpt", 2}};
  if (grey) {
    names.push_back({"kTRC", 3});
    return profile_of("GRAY", names, bodies);
  }
  const Matrix adaptation = adaptation_from(color.primaries[3]);
  const Matrix colorants = times(adaptation, to_xyz(color.primaries));
  bodies.push_back(matrix_tag(adaptation));
  names.push_back({"chad", 4});
  constexpr std::array<std::string_view, 3> kColumns = {"rXYZ", "gXYZ", "bXYZ"};
  constexpr std::array<std::string_view, 3> kCurves = {"rTRC", "gTRC", "bTRC"};
  for (std::size_t i = 0; i < 3; ++i) {
    bodies.push_back(xyz_tag({colorants[0].at(i), colorants[1].at(i), colorants[2].at(i)}));
    names.push_back({kColumns.at(i), bodies.size() - 1});
    names.push_back({kCurves.at(i), 3});
  }
  return profile_of("RGB ", names, bodies);
}

}  // namespace millrace::workers::image
