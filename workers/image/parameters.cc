// SPDX-License-Identifier: Apache-2.0
#include "workers/image/parameters.h"

#include <array>
#include <utility>

#include "workers/image/auto_format.h"
#include "workers/image/size_limit.h"
#include "workers/image/vips_runtime.h"

namespace millrace::workers::image {
namespace {

using pipeline::ParameterKind;
using pipeline::ParameterSpec;

// What the reference gives to a GIF made of a GIF.
constexpr int kColorsOfGif = 128;

}  // namespace

ParameterSpec integer_parameter(std::string name, std::string summary, std::string unit,
                                std::int64_t min, std::int64_t max) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.summary = std::move(summary);
  spec.kind = ParameterKind::Integer;
  spec.unit = std::move(unit);
  spec.min = min;
  spec.max = max;
  return spec;
}

ParameterSpec switch_parameter(std::string name, std::string summary) {
  ParameterSpec spec = integer_parameter(std::move(name), std::move(summary), "", 0, 1);
  spec.default_text = "0";
  return spec;
}

ParameterSpec keys_parameter(std::string summary, std::int64_t repeat_max) {
  ParameterSpec spec;
  spec.name = "key";
  spec.summary = std::move(summary);
  spec.kind = ParameterKind::Picture;
  spec.required = true;
  spec.repeatable = true;
  spec.repeat_max = repeat_max;
  spec.takes_key = true;
  return spec;
}

ParameterSpec anywhere(ParameterSpec spec) {
  spec.anywhere = true;
  return spec;
}

ParameterSpec format_parameter() {
  ParameterSpec spec;
  spec.name = "format";
  spec.summary = "The format of the result; the source's own when it is not given.";
  spec.kind = ParameterKind::Choice;
  spec.choices = {"jpg"};
  for (const OutputFormat format : kOutputFormats) {
    if (can_write(format)) spec.choices.emplace_back(word_of(format));
  }
  const pipeline::FormatSet writable{.avif = can_write(OutputFormat::Avif),
                                     .jxl = can_write(OutputFormat::Jxl),
                                     .webp = can_write(OutputFormat::Webp)};
  for (const auto& words : {auto_format_words(writable), best_format_words(writable)}) {
    spec.choices.insert(spec.choices.end(), words.begin(), words.end());
  }
  spec.ignore_case = true;
  return spec;
}

ParameterSpec quality_parameter(std::string name) {
  ParameterSpec spec = integer_parameter(
      std::move(name),
      "The quality of the result; `!` after it forces it. `auto`: as low as a likeness allows.", "",
      1, 100);
  spec.kind = ParameterKind::Quality;
  spec.choices = {"auto", "auto.high", "auto.low"};
  spec.default_text = "75 (avif: 50, heic: 35)";
  return spec;
}

ParameterSpec max_bytes_parameter() {
  ParameterSpec spec;
  spec.name = "max-bytes";
  spec.summary = "The most bytes of the result; the quality is lowered until it fits.";
  spec.kind = ParameterKind::Form;
  spec.forms = byte_limit_forms();
  return spec;
}

ParameterSpec colors_parameter() {
  ParameterSpec spec;
  spec.name = "colors";
  spec.summary = "The most colours of a PNG or GIF.";
  spec.kind = ParameterKind::Choice;
  spec.choices = {"2", "4", "8", "16", "32", "64", "128", "256"};
  return spec;
}

ParameterSpec lossless_parameter() {
  return switch_parameter("lossless", "1: every pixel of a WebP or JPEG XL stays as it is.");
}

ParameterSpec icc_parameter() {
  ParameterSpec spec;
  spec.name = "icc";
  spec.summary =
      "`keep`: the colours stay in the space of the source's profile, and the profile "
      "stays with them.";
  spec.kind = ParameterKind::Choice;
  spec.choices = {"keep"};
  return spec;
}

ParameterSpec interlace_parameter() { return switch_parameter("interlace", "1: progressive."); }

ParameterSpec ignore_error_parameter() {
  return switch_parameter("ignore-error",
                          "1: answer with the source itself when it cannot be processed.");
}

void add_file_parameters(pipeline::CommandSpec& spec) {
  for (ParameterSpec& parameter : std::array{
           format_parameter(), interlace_parameter(), quality_parameter("q"), max_bytes_parameter(),
           lossless_parameter(), colors_parameter(), icc_parameter()}) {
    spec.named.push_back(std::move(parameter));
  }
}

GivenFile given_file(const ImageStage& stage) {
  GivenFile given{stage.size(), stage.encoding(), stage.encoding().format,
                  stage.jpeg_quality_pct()};
  if (!stage.untouched()) return given;
  const auto own = same_format(stage.source().format);
  if (own && can_write(*own)) given.kept_format = *own;
  return given;
}

AutoFacts auto_facts(const GivenFile& given, const ImageStage& after) {
  return {given.encoding.format, after.has_alpha(), after.is_animated(), after.size()};
}

Encoding encoding_in(OutputFormat format, const pipeline::CommandCall& call,
                     std::string_view quality_name, const GivenFile& given,
                     const ImageStage& after) {
  Encoding encoding;
  encoding.format = format;
  encoding.quality_pct = effective_quality(format, call.quality(quality_name),
                                           {given.jpeg_quality_pct, given.size, after.size()});
  encoding.lossless = may_be_lossless(format) && call.integer("lossless").value_or(0) == 1;
  encoding.interlace = call.integer("interlace").value_or(0) == 1;
  encoding.density_dpi = static_cast<int>(call.integer("density").value_or(0));
  const bool gif_to_gif = given.encoding.format == OutputFormat::Gif && format == OutputFormat::Gif;
  if (gif_to_gif) encoding.colors = kColorsOfGif;
  if (const auto colors = call.choice("colors")) encoding.colors = std::stoi(*colors);
  return encoding;
}

Encoding chosen_encoding(const pipeline::CommandCall& call, std::string_view quality_name,
                         const GivenFile& given, const ImageStage& after) {
  OutputFormat format = given.encoding.format;
  if (const auto word = call.choice("format")) {
    format = format_from_word(*word, auto_facts(given, after)).value_or(given.kept_format);
  }
  return encoding_in(format, call, quality_name, given, after);
}

}  // namespace millrace::workers::image
