// SPDX-License-Identifier: Apache-2.0
#include "workers/image/encoding.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace millrace::workers::image {
namespace {

// Above this, q0 itself tells that the source was saved with care, and the cap falls away.
constexpr double kCorrectedQualityMax = 90;

int default_quality(OutputFormat format) {
  if (format == OutputFormat::Avif) return 50;
  return format == OutputFormat::Heic ? 35 : 75;
}

struct SourceRow {
  SourceFormat format;
  std::string_view word;
  std::string_view media_type;
  std::optional<OutputFormat> same;
  std::optional<OutputFormat> stands;  // nullopt: jpeg, or png with transparency
};

constexpr std::array kSources = {
    SourceRow{SourceFormat::Jpeg, "jpeg", "image/jpeg", OutputFormat::Jpeg, OutputFormat::Jpeg},
    SourceRow{SourceFormat::Png, "png", "image/png", OutputFormat::Png, OutputFormat::Png},
    SourceRow{SourceFormat::Webp, "webp", "image/webp", OutputFormat::Webp, OutputFormat::Webp},
    SourceRow{SourceFormat::Gif, "gif", "image/gif", OutputFormat::Gif, OutputFormat::Gif},
    SourceRow{SourceFormat::Tiff, "tiff", "image/tiff", OutputFormat::Tiff, std::nullopt},
    // The reference says jpeg of these two, whatever they hold.
    SourceRow{SourceFormat::Avif, "avif", "image/avif", OutputFormat::Avif, OutputFormat::Jpeg},
    SourceRow{SourceFormat::Heic, "heic", "image/heic", OutputFormat::Heic, OutputFormat::Jpeg},
    SourceRow{SourceFormat::Jxl, "jxl", "image/jxl", OutputFormat::Jxl, std::nullopt},
    SourceRow{SourceFormat::Jp2, "jp2", "image/jp2", std::nullopt, std::nullopt},
    SourceRow{SourceFormat::Bmp, "bmp", "image/bmp", OutputFormat::Bmp, std::nullopt},
    SourceRow{SourceFormat::Ico, "ico", "image/vnd.microsoft.icon", std::nullopt,
              OutputFormat::Png},
    SourceRow{SourceFormat::Psd, "psd", "image/vnd.adobe.photoshop", std::nullopt, std::nullopt},
    SourceRow{SourceFormat::Svg, "svg", "image/svg+xml", std::nullopt, OutputFormat::Png},
    SourceRow{SourceFormat::Pdf, "pdf", "application/pdf", std::nullopt, std::nullopt},
};

struct OutputRow {
  OutputFormat format;
  std::string_view word;
  std::string_view media_type;
};

constexpr std::array kOutputs = {
    OutputRow{OutputFormat::Jpeg, "jpeg", "image/jpeg"},
    OutputRow{OutputFormat::Png, "png", "image/png"},
    OutputRow{OutputFormat::Webp, "webp", "image/webp"},
    OutputRow{OutputFormat::Gif, "gif", "image/gif"},
    OutputRow{OutputFormat::Avif, "avif", "image/avif"},
    OutputRow{OutputFormat::Heic, "heic", "image/heic"},
    OutputRow{OutputFormat::Jxl, "jxl", "image/jxl"},
    OutputRow{OutputFormat::Tiff, "tiff", "image/tiff"},
    OutputRow{OutputFormat::Bmp, "bmp", "image/bmp"},
};

// The rows stand in the order of the enumerators; encoding_test says so.
const SourceRow& row_of(SourceFormat format) {
  return kSources.at(static_cast<std::size_t>(format));
}
const OutputRow& row_of(OutputFormat format) {
  return kOutputs.at(static_cast<std::size_t>(format));
}

bool is_heif(OutputFormat format) {
  return format == OutputFormat::Avif || format == OutputFormat::Heic;
}

}  // namespace

std::string_view word_of(SourceFormat format) { return row_of(format).word; }
std::string_view word_of(OutputFormat format) { return row_of(format).word; }
std::string_view media_type_of(SourceFormat format) { return row_of(format).media_type; }
std::string_view media_type_of(OutputFormat format) { return row_of(format).media_type; }

std::optional<OutputFormat> output_format_from_word(std::string_view word) {
  if (word == "jpg") return OutputFormat::Jpeg;
  for (const OutputRow& row : kOutputs) {
    if (word == row.word) return row.format;
  }
  return std::nullopt;
}

OutputFormat format_that_stands_for(SourceFormat format, bool has_alpha) {
  return row_of(format).stands.value_or(has_alpha ? OutputFormat::Png : OutputFormat::Jpeg);
}

std::optional<OutputFormat> same_format(SourceFormat format) { return row_of(format).same; }

bool is_document(SourceFormat format) {
  return format == SourceFormat::Svg || format == SourceFormat::Pdf;
}

bool holds_alpha(OutputFormat format) { return format != OutputFormat::Jpeg; }

bool holds_profile(OutputFormat format) { return format != OutputFormat::Gif; }

bool holds_animation(OutputFormat format) {
  return format == OutputFormat::Gif || format == OutputFormat::Webp;
}

bool has_quality(OutputFormat format) {
  switch (format) {
    case OutputFormat::Jpeg:
    case OutputFormat::Webp:
    case OutputFormat::Avif:
    case OutputFormat::Heic:
    case OutputFormat::Jxl:
      return true;
    case OutputFormat::Png:
    case OutputFormat::Gif:
    case OutputFormat::Tiff:
    case OutputFormat::Bmp:
      break;
  }
  return false;
}

bool may_be_lossless(OutputFormat format) {
  return format == OutputFormat::Webp || format == OutputFormat::Jxl;
}

bool holds_size(OutputFormat format, Size size) {
  if (format == OutputFormat::Webp) {
    return size.width <= kWebpSidePxMax && size.height <= kWebpSidePxMax;
  }
  return !is_heif(format) || size.width * size.height <= kHeifPxMax;
}

int effective_quality(OutputFormat format, std::optional<pipeline::QualityValue> requested,
                      const QualityFacts& facts) {
  const int wanted = requested ? static_cast<int>(requested->percent) : default_quality(format);
  const bool forced = requested && requested->forced;
  if (forced || !facts.source_jpeg_quality_pct) return std::clamp(wanted, 1, 100);
  const double source_px = static_cast<double>(facts.source.width * facts.source.height);
  const double result_px = static_cast<double>(facts.result.width * facts.result.height);
  const double q0 = *facts.source_jpeg_quality_pct;
  double corrected = q0 * std::sqrt(source_px / std::max(1.0, result_px));
  if (q0 <= kCorrectedQualityMax) corrected = std::min(kCorrectedQualityMax, corrected);
  return std::clamp(static_cast<int>(std::lround(std::min<double>(wanted, corrected))), 1, 100);
}

int webp_effort_for(Size size) {
  constexpr std::int64_t kSmallPxMax = 200'000;
  return size.width * size.height <= kSmallPxMax ? 4 : 2;
}

}  // namespace millrace::workers::image
