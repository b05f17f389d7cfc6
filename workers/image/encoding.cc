// SPDX-License-Identifier: Apache-2.0
#include "workers/image/encoding.h"

#include <algorithm>
#include <cmath>

namespace millrace::workers::image {
namespace {

// Above this, q0 itself tells that the source was saved with care, and the cap falls away.
constexpr double kCorrectedQualityMax = 90;

int default_quality(OutputFormat format) { return format == OutputFormat::Avif ? 50 : 75; }

}  // namespace

std::string_view word_of(SourceFormat format) {
  switch (format) {
    case SourceFormat::Jpeg:
      return "jpeg";
    case SourceFormat::Png:
      return "png";
    case SourceFormat::Webp:
      return "webp";
    case SourceFormat::Gif:
      return "gif";
    case SourceFormat::Tiff:
      return "tiff";
    case SourceFormat::Avif:
      return "avif";
    case SourceFormat::Heic:
      return "heic";
  }
  return "";
}

std::string_view word_of(OutputFormat format) {
  switch (format) {
    case OutputFormat::Jpeg:
      return "jpeg";
    case OutputFormat::Png:
      return "png";
    case OutputFormat::Webp:
      return "webp";
    case OutputFormat::Gif:
      return "gif";
    case OutputFormat::Avif:
      return "avif";
  }
  return "";
}

std::string_view media_type_of(SourceFormat format) {
  switch (format) {
    case SourceFormat::Jpeg:
      return "image/jpeg";
    case SourceFormat::Png:
      return "image/png";
    case SourceFormat::Webp:
      return "image/webp";
    case SourceFormat::Gif:
      return "image/gif";
    case SourceFormat::Tiff:
      return "image/tiff";
    case SourceFormat::Avif:
      return "image/avif";
    case SourceFormat::Heic:
      return "image/heic";
  }
  return "";
}

std::string_view media_type_of(OutputFormat format) {
  switch (format) {
    case OutputFormat::Jpeg:
      return "image/jpeg";
    case OutputFormat::Png:
      return "image/png";
    case OutputFormat::Webp:
      return "image/webp";
    case OutputFormat::Gif:
      return "image/gif";
    case OutputFormat::Avif:
      return "image/avif";
  }
  return "";
}

bool has_quality(OutputFormat format) {
  return format == OutputFormat::Jpeg || format == OutputFormat::Webp ||
         format == OutputFormat::Avif;
}

std::optional<OutputFormat> output_format_from_word(std::string_view word) {
  if (word == "jpg" || word == "jpeg") return OutputFormat::Jpeg;
  for (const OutputFormat format :
       {OutputFormat::Png, OutputFormat::Webp, OutputFormat::Gif, OutputFormat::Avif}) {
    if (word == word_of(format)) return format;
  }
  return std::nullopt;
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

}  // namespace millrace::workers::image
