// SPDX-License-Identifier: Apache-2.0
//
// A JPEG is a table of steps for each component, and how many steps each cosine coefficient is. To
// make it smaller, coarser tables are chosen and the numbers rounded to them: pixels are computed
// only to see what that does. The search looks at some bands of a large picture, and what it found
// is held against the whole before it counts.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numbers>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "codecs/encode/jpeg_output.h"
#include "workers/image/bytes.h"
#include "workers/image/exif.h"
#include "workers/image/icc_profile.h"
#include "workers/image/jpeg_header.h"
#include "workers/image/slim.h"
#include "workers/image/ssim.h"

namespace millrace::workers::image {
namespace {

using namespace std::string_view_literals;

// Below it, colours bleed and blocks show before the luma tells.
constexpr int kQualityPctMin = 55;
constexpr int kQualityPctMax = 95;
constexpr int kQualityStep = 3;  // up, when the whole is worse than its bands
// A band is a row of tiles.
constexpr int kBandBlockRows = kSsimTilePx / DCTSIZE;
constexpr std::int64_t kSearchPx = 1'000'000;
// Up to here the baseline form may be smaller than the progressive one, with its many headers.
constexpr std::int64_t kSmallPx = 250'000;
constexpr std::string_view kIccPrefix = "ICC_PROFILE\0"sv;
constexpr std::size_t kIccHeaderBytes = 14;  // the prefix, number and count

using Steps = std::array<std::uint16_t, DCTSIZE2>;  // in rows, not zigzag

struct Component {
  int width = 0;  // samples that are shown
  int height = 0;
  int blocks_across = 0;
  int blocks_down = 0;
  int table = 0;  // which of the file's tables of steps
  bool scored = false;
  Steps steps{};
  std::vector<std::int16_t> values;  // block by block, row by row
};

// In steps of `to`, rounded, halves away from zero.
int requantised(int value, int from, int to) {
  const int scaled = value * from;
  return (scaled >= 0 ? scaled + to / 2 : scaled - to / 2) / to;
}

// basis[k][x]: the k-th cosine of eight places, as the inverse transform weighs it.
std::array<std::array<float, DCTSIZE>, DCTSIZE> make_basis() {
  std::array<std::array<float, DCTSIZE>, DCTSIZE> basis{};
  for (std::size_t k = 0; k < DCTSIZE; ++k) {
    for (std::size_t x = 0; x < DCTSIZE; ++x) {
      const double scale = k == 0 ? std::numbers::sqrt2 / 4 : 0.5;
      const double angle = (2.0 * static_cast<double>(x) + 1) * static_cast<double>(k) *
                           std::numbers::pi / (2 * DCTSIZE);
      basis[k][x] = static_cast<float>(scale * std::cos(angle));
    }
  }
  return basis;
}

using Samples = std::array<std::array<float, DCTSIZE>, DCTSIZE>;

// The inverse cosine transform (ITU-T T.81, A.3.3) of what is left of a block in coarser steps.
void inverse_transform(const std::int16_t* block, const Steps& from, const Steps& to,
                       Samples& samples) {
  static const auto kBasis = make_basis();
  samples = {};
  for (std::size_t v = 0; v < DCTSIZE; ++v) {
    std::array<float, DCTSIZE> line{};
    bool any = false;
    for (std::size_t u = 0; u < DCTSIZE; ++u) {
      const std::size_t k = v * DCTSIZE + u;
      if (block[k] == 0) continue;
      const auto value = static_cast<float>(requantised(block[k], from[k], to[k]) * to[k]);
      if (value == 0) continue;
      any = true;
      for (std::size_t x = 0; x < DCTSIZE; ++x) line[x] += value * kBasis[u][x];
    }
    if (!any) continue;
    for (std::size_t y = 0; y < DCTSIZE; ++y) {
      for (std::size_t x = 0; x < DCTSIZE; ++x) samples[y][x] += line[x] * kBasis[v][y];
    }
  }
}

// The samples of those bands, one below the other.
Plane plane_of(const Component& component, const Steps& steps, std::span<const int> bands) {
  Plane plane{component.width, 0, {}};
  const auto width = static_cast<std::size_t>(component.width);
  Samples samples{};
  for (const int band : bands) {
    const int end = std::min((band + 1) * kBandBlockRows, component.blocks_down);
    for (int row = band * kBandBlockRows; row < end; ++row) {
      const int lines = std::min<int>(DCTSIZE, component.height - row * DCTSIZE);
      if (lines <= 0) break;
      const std::size_t first = plane.samples.size();
      plane.samples.resize(first + static_cast<std::size_t>(lines) * width);
      plane.height += lines;
      for (int column = 0; column < component.blocks_across; ++column) {
        const auto index =
            static_cast<std::size_t>(row) * static_cast<std::size_t>(component.blocks_across) +
            static_cast<std::size_t>(column);
        inverse_transform(&component.values[index * DCTSIZE2], component.steps, steps, samples);
        const std::size_t left = static_cast<std::size_t>(column) * DCTSIZE;
        const std::size_t count = std::min<std::size_t>(DCTSIZE, width - std::min(width, left));
        for (std::size_t y = 0; y < static_cast<std::size_t>(lines); ++y) {
          std::uint8_t* to = &plane.samples[first + y * width + left];
          for (std::size_t x = 0; x < count; ++x) {
            to[x] = static_cast<std::uint8_t>(std::clamp(samples[y][x] + 128.5F, 0.0F, 255.0F));
          }
        }
      }
    }
  }
  return plane;
}

// One table of steps for each of the file's tables.
using Tables = std::array<Steps, NUM_QUANT_TBLS>;

// A JPEG file's coefficients, and files made of them. Every function that calls libjpeg may be left
// by a jump, and says so by false.
class JpegRecoder {
 public:
  explicit JpegRecoder(InputBytes file) : file_(file) { source_.err = errors_.use(); }
  JpegRecoder(const JpegRecoder&) = delete;
  JpegRecoder& operator=(const JpegRecoder&) = delete;
  ~JpegRecoder() { jpeg_destroy_decompress(&source_); }

  // False: it cannot be read whole.
  bool read();
  [[nodiscard]] const std::vector<Component>& components() const { return components_; }
  [[nodiscard]] std::int64_t pixels() const {
    return static_cast<std::int64_t>(source_.image_width) * source_.image_height;
  }
  [[nodiscard]] bool out_of_memory() const {
    return errors_.failure("").value().reason == base::Reason::TaskTooExpensive;
  }

  // The steps of that quality, but none finer than the file has; its own for nullopt.
  [[nodiscard]] Tables tables_of(std::optional<int> quality_pct);
  // The file with these steps.
  std::optional<std::string> write(const Tables& tables, bool progressive,
                                   std::span<const std::uint8_t> exif);

 private:
  bool open();
  bool copy_component(int index);
  bool set_component(int index, Component& component) const;
  bool standard_steps(int quality_pct, Tables& tables);
  bool put_component(int index, const Tables& tables);
  bool compress(jpeg_compress_struct& target, codecs::JpegDestination& destination,
                const Tables& tables, bool progressive, std::span<const std::uint8_t> exif);
  void write_profile(jpeg_compress_struct& target) const;
  [[nodiscard]] bool keeps_profile() const;
  [[nodiscard]] bool is_scored(int index) const;

  InputBytes file_;
  codecs::JpegErrors errors_;
  jpeg_decompress_struct source_{};
  jvirt_barray_ptr* arrays_ = nullptr;  // owned by source_
  std::vector<Component> components_;
};

bool JpegRecoder::open() {
  if (setjmp(errors_.where) != 0) return false;
  jpeg_create_decompress(&source_);
  jpeg_save_markers(&source_, JPEG_APP0 + 2, 0xFFFF);
  jpeg_mem_src(&source_, reinterpret_cast<const unsigned char*>(file_.data()), file_.size());
  if (jpeg_read_header(&source_, TRUE) != JPEG_HEADER_OK) return false;
  arrays_ = jpeg_read_coefficients(&source_);
  // What is missing was filled with grey, and libjpeg only mumbled.
  return errors_.methods.num_warnings == 0;
}

bool JpegRecoder::read() {
  if (!open()) return false;
  components_.resize(static_cast<std::size_t>(source_.num_components));
  for (int i = 0; i < source_.num_components; ++i) {
    if (!set_component(i, components_[static_cast<std::size_t>(i)])) return false;
    if (!copy_component(i)) return false;
  }
  return true;
}

// In YCbCr and YCCK the luma (and the black) tell; elsewhere every component may.
bool JpegRecoder::is_scored(int index) const {
  const bool has_chroma =
      source_.jpeg_color_space == JCS_YCbCr || source_.jpeg_color_space == JCS_YCCK;
  return !has_chroma || index == 0 || index == 3;
}

// False: no scan has it, or its steps are nothing.
bool JpegRecoder::set_component(int index, Component& component) const {
  const jpeg_component_info& info = source_.comp_info[index];
  if (info.quant_table == nullptr) return false;
  const auto samples = [](JDIMENSION pixels, int factor, int factor_max) {
    return static_cast<int>((static_cast<std::int64_t>(pixels) * factor + factor_max - 1) /
                            factor_max);
  };
  component.width = samples(source_.image_width, info.h_samp_factor, source_.max_h_samp_factor);
  component.height = samples(source_.image_height, info.v_samp_factor, source_.max_v_samp_factor);
  component.blocks_across = static_cast<int>(info.width_in_blocks);
  component.blocks_down = static_cast<int>(info.height_in_blocks);
  component.table = info.quant_tbl_no;
  component.scored = is_scored(index);
  std::copy_n(info.quant_table->quantval, DCTSIZE2, component.steps.begin());
  component.values.resize(static_cast<std::size_t>(component.blocks_across) *
                          static_cast<std::size_t>(component.blocks_down) * DCTSIZE2);
  return std::ranges::find(component.steps, 0) == component.steps.end();
}

bool JpegRecoder::copy_component(int index) {
  Component& component = components_[static_cast<std::size_t>(index)];
  std::int16_t* to = component.values.data();
  const auto count = static_cast<std::size_t>(component.blocks_across) * DCTSIZE2;
  if (setjmp(errors_.where) != 0) return false;
  for (int row = 0; row < component.blocks_down; ++row) {
    JBLOCKARRAY lines =
        (*source_.mem->access_virt_barray)(reinterpret_cast<j_common_ptr>(&source_), arrays_[index],
                                           static_cast<JDIMENSION>(row), 1, FALSE);
    std::copy_n(&lines[0][0][0], count, to + static_cast<std::size_t>(row) * count);
  }
  return true;
}

// What libjpeg takes for that quality: table 0 is for luma, table 1 for chroma.
bool JpegRecoder::standard_steps(int quality_pct, Tables& tables) {
  jpeg_compress_struct scratch{};
  scratch.err = &errors_.methods;
  if (setjmp(errors_.where) != 0) {
    jpeg_destroy_compress(&scratch);
    return false;
  }
  jpeg_create_compress(&scratch);
  jpeg_set_quality(&scratch, quality_pct, TRUE);
  for (std::size_t i = 0; i < 2; ++i) {
    std::copy_n(scratch.quant_tbl_ptrs[i]->quantval, DCTSIZE2, tables[i].begin());
  }
  jpeg_destroy_compress(&scratch);
  return true;
}

Tables JpegRecoder::tables_of(std::optional<int> quality_pct) {
  Tables tables{};
  for (Steps& steps : tables) steps.fill(1);
  Tables standard{};
  const bool coarser = quality_pct && standard_steps(*quality_pct, standard);
  // Backwards, so that a table that several share is the first one's.
  for (std::size_t i = components_.size(); i-- > 0;) {
    const Component& component = components_[i];
    Steps& steps = tables[static_cast<std::size_t>(component.table)];
    steps = component.steps;
    if (!coarser) continue;
    const Steps& wanted = standard[component.scored ? 0 : 1];
    for (std::size_t k = 0; k < DCTSIZE2; ++k) steps[k] = std::max(steps[k], wanted[k]);
  }
  return tables;
}

bool JpegRecoder::put_component(int index, const Tables& tables) {
  const Component& component = components_[static_cast<std::size_t>(index)];
  const Steps& steps = tables[static_cast<std::size_t>(component.table)];
  const std::int16_t* from = component.values.data();
  const auto count = static_cast<std::size_t>(component.blocks_across) * DCTSIZE2;
  if (setjmp(errors_.where) != 0) return false;
  for (int row = 0; row < component.blocks_down; ++row) {
    JBLOCKARRAY lines =
        (*source_.mem->access_virt_barray)(reinterpret_cast<j_common_ptr>(&source_), arrays_[index],
                                           static_cast<JDIMENSION>(row), 1, TRUE);
    JCOEF* to = &lines[0][0][0];
    for (std::size_t i = 0; i < count; ++i, ++from) {
      const std::size_t k = i % DCTSIZE2;
      to[i] = static_cast<JCOEF>(*from == 0 ? 0 : requantised(*from, component.steps[k], steps[k]));
    }
  }
  return true;
}

// A profile that says sRGB says what everybody takes for granted.
bool JpegRecoder::keeps_profile() const {
  std::vector<std::uint8_t> profile;
  for (jpeg_saved_marker_ptr marker = source_.marker_list; marker != nullptr;
       marker = marker->next) {
    const ByteSpan body(marker->data, marker->data_length);
    if (!has_bytes(body, 0, kIccPrefix) || body.size() < kIccHeaderBytes) continue;
    profile.insert(profile.end(), body.begin() + kIccHeaderBytes, body.end());
  }
  return !profile.empty() && !read_icc(profile).is_srgb;
}

void JpegRecoder::write_profile(jpeg_compress_struct& target) const {
  for (jpeg_saved_marker_ptr marker = source_.marker_list; marker != nullptr;
       marker = marker->next) {
    const ByteSpan body(marker->data, marker->data_length);
    if (!has_bytes(body, 0, kIccPrefix)) continue;
    jpeg_write_marker(&target, marker->marker, marker->data, marker->data_length);
  }
}

bool JpegRecoder::compress(jpeg_compress_struct& target, codecs::JpegDestination& destination,
                           const Tables& tables, bool progressive,
                           std::span<const std::uint8_t> exif) {
  const bool with_profile = keeps_profile();
  target.err = &errors_.methods;
  if (setjmp(errors_.where) != 0) return false;
  jpeg_create_compress(&target);
  destination.attach(target);
  jpeg_copy_critical_parameters(&source_, &target);
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (target.quant_tbl_ptrs[i] == nullptr) continue;
    std::copy_n(tables[i].begin(), DCTSIZE2, target.quant_tbl_ptrs[i]->quantval);
  }
  target.optimize_coding = TRUE;
  if (progressive) jpeg_simple_progression(&target);
  jpeg_write_coefficients(&target, arrays_);
  if (!exif.empty()) {
    jpeg_write_marker(&target, JPEG_APP0 + 1, exif.data(), static_cast<unsigned>(exif.size()));
  }
  if (with_profile) write_profile(target);
  jpeg_finish_compress(&target);
  return true;
}

std::optional<std::string> JpegRecoder::write(const Tables& tables, bool progressive,
                                              std::span<const std::uint8_t> exif) {
  for (int i = 0; i < source_.num_components; ++i) {
    if (!put_component(i, tables)) return std::nullopt;
  }
  jpeg_compress_struct target{};
  codecs::JpegDestination destination;
  const bool done = compress(target, destination, tables, progressive, exif);
  std::optional<std::string> file;
  if (done) {
    const auto bytes = destination.bytes();
    file.emplace(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  jpeg_destroy_compress(&target);
  return file;
}

// How a file with coarser steps looks beside the one that it is made of.
class Scorer {
 public:
  Scorer(const std::vector<Component>& components, std::vector<int> bands)
      : components_(components), bands_(std::move(bands)) {
    for (const Component& component : components_) {
      if (component.scored) references_.push_back(plane_of(component, component.steps, bands_));
    }
  }
  // The worst of the components that tell.
  [[nodiscard]] SsimScore score(const Tables& tables) const {
    SsimScore worst;
    std::size_t index = 0;
    for (const Component& component : components_) {
      if (!component.scored) continue;
      const Steps& steps = tables[static_cast<std::size_t>(component.table)];
      const SsimScore score = ssim(references_[index++], plane_of(component, steps, bands_));
      worst.mean = std::min(worst.mean, score.mean);
      worst.lowest_tile = std::min(worst.lowest_tile, score.lowest_tile);
    }
    return worst;
  }

 private:
  const std::vector<Component>& components_;
  std::vector<int> bands_;
  std::vector<Plane> references_;
};

bool is_enough(const SsimScore& score) {
  return score.mean >= kSlimSsimMin && score.lowest_tile >= kSlimTileSsimMin;
}

int band_count(const std::vector<Component>& components) {
  int rows = 1;
  for (const Component& component : components) rows = std::max(rows, component.blocks_down);
  return (rows + kBandBlockRows - 1) / kBandBlockRows;
}

// Bands spread evenly over the picture, as many as make about kSearchPx.
std::vector<int> bands_to_search(int count, std::int64_t pixels) {
  const int wanted = std::clamp<int>(
      static_cast<int>(kSearchPx * count / std::max<std::int64_t>(1, pixels)), 1, count);
  std::vector<int> bands;
  for (int i = 0; i < wanted; ++i) bands.push_back((2 * i + 1) * count / (2 * wanted));
  return bands;
}

struct Found {
  Tables tables;
  double ssim = 1;
};

// The coarsest steps that the bounds allow; nullopt where that is the file's own.
base::Result<std::optional<Found>> search(JpegRecoder& recoder, int quality_pct_max,
                                          const TaskWatch& watch) {
  const int bands = band_count(recoder.components());
  std::vector<int> some = bands_to_search(bands, recoder.pixels());
  int quality = quality_pct_max + 1;
  {
    const Scorer scorer(recoder.components(), std::move(some));
    int low = kQualityPctMin;
    while (low < quality) {
      if (auto still = watch.check(); !still) return base::fail(std::move(still.error()));
      const int middle = low + (quality - low) / 2;
      if (is_enough(scorer.score(recoder.tables_of(middle)))) {
        quality = middle;
      } else {
        low = middle + 1;
      }
    }
  }
  if (quality > quality_pct_max) return std::nullopt;
  std::vector<int> all(static_cast<std::size_t>(bands));
  for (int i = 0; i < bands; ++i) all[static_cast<std::size_t>(i)] = i;
  const Scorer scorer(recoder.components(), std::move(all));
  for (; quality <= quality_pct_max; quality += kQualityStep) {
    if (auto still = watch.check(); !still) return base::fail(std::move(still.error()));
    const Tables tables = recoder.tables_of(quality);
    const SsimScore score = scorer.score(tables);
    if (is_enough(score)) return Found{tables, score.mean};
  }
  return std::nullopt;
}

}  // namespace

base::Result<std::optional<Slimmed>> slim_jpeg(InputBytes file, const TaskWatch& watch) {
  const auto header =
      read_jpeg_header({reinterpret_cast<const std::uint8_t*>(file.data()), file.size()});
  if (!header) return std::nullopt;
  JpegRecoder recoder(file);
  if (!recoder.read()) {
    if (recoder.out_of_memory()) {
      return base::fail(base::Reason::TaskTooExpensive,
                        "The task needs more memory than one task may use.");
    }
    return std::nullopt;
  }
  const int quality_max = std::min(header->quality_pct.value_or(0) - 1, kQualityPctMax);
  auto found = search(recoder, quality_max, watch);
  if (!found) return base::fail(std::move(found.error()));

  const std::vector<std::uint8_t> exif = exif_with(header->orientation, header->copyright);
  std::optional<Slimmed> best;
  const auto consider = [&](const Tables& tables, double ssim, bool progressive) {
    auto made = recoder.write(tables, progressive, exif);
    const std::size_t least = best ? best->file.size() : file.size();
    if (made && made->size() < least) best = Slimmed{std::move(*made), ssim};
  };
  const auto consider_both = [&](const Tables& tables, double ssim) {
    consider(tables, ssim, true);
    if (recoder.pixels() <= kSmallPx) consider(tables, ssim, false);
  };
  if (*found) consider_both((*found)->tables, (*found)->ssim);
  if (!best) consider_both(recoder.tables_of(std::nullopt), 1);
  return best;
}

}  // namespace millrace::workers::image
