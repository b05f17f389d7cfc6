// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "workers/image/command.h"
#include "workers/image/slim.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;
using pipeline::ParameterSpec;

constexpr std::int64_t kLevelMax = 10;
constexpr std::int64_t kLevelDefault = 3;
// As large as a result may be at most by default: beyond it the search takes too long.
constexpr std::int64_t kSlimPxMax = 25'000'000;
constexpr const char* kHeader = "X-Millrace-Slim";

constexpr const char* kDescription =
    "The same picture in the same format and size, in fewer bytes, or else the very bytes that it "
    "was given: never more of them. Put it last.\n\n"
    "A JPEG's coefficients are rounded, at most so coarsely that the luma of old and new have a "
    "structural similarity (mean SSIM over windows of 8 x 8 px) of at least 0.98, and of at least "
    "0.95 in every tile of 128 x 128 px, and never below quality 55; it is written progressively. "
    "A "
    "PNG gets a palette of 256 colours where the same bounds hold for each of its channels on "
    "white and for its alpha, else the same pixels are packed better; one of 16 bits a channel "
    "keeps "
    "them. Of the rest of the file the colour profile, the orientation, the pixel density of a PNG "
    "and the copyright notice stay.\n\n"
    "Other formats, animated PNG, pictures above 25 megapixels and damaged files are answered as "
    "they are. `X-Millrace-Slim` says what was done: `ssim=0.9873`, or `original`.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "imageslim";
  spec.summary = "Fewer bytes for the same JPEG or PNG, with a bound on what it may lose.";
  spec.description = kDescription;
  ParameterSpec level;
  level.name = "zlevel";
  level.summary =
      "How hard a PNG is packed, as zlib's level; 10: level 9 in more ways. JPEG has no use for "
      "it.";
  level.min = 0;
  level.max = kLevelMax;
  level.default_text = std::to_string(kLevelDefault);
  spec.named = {level};
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"imageslim", "The original, in fewer bytes if that is possible."},
      {"imageView2/2/w/800|imageslim", "A thumbnail, in fewer bytes."},
      {"imageslim/zlevel/9", "A PNG packed harder."},
  };
  return spec;
}

base::Result<std::optional<Slimmed>> slim(const CommandCall& call, OutputFormat format,
                                          InputBytes file, const TaskWatch& watch) {
  switch (format) {
    case OutputFormat::Jpeg:
      return slim_jpeg(file, watch);
    case OutputFormat::Png:
      return slim_png(file, static_cast<int>(call.integer("zlevel").value_or(kLevelDefault)),
                      watch);
    default:
      return std::nullopt;
  }
}

// The format of the file that encoded() gives, where something can be done about it.
std::optional<OutputFormat> format_of(const ImageStage& stage) {
  const Size size = stage.size();
  if (size.width * size.height > kSlimPxMax) return std::nullopt;
  if (!stage.untouched()) return stage.encoding().format;
  switch (stage.source().format) {
    case SourceFormat::Jpeg:
      return OutputFormat::Jpeg;
    case SourceFormat::Png:
      return OutputFormat::Png;
    default:
      return std::nullopt;
  }
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  stage.headers()[kHeader] = "original";
  const auto format = format_of(stage);
  if (!format) return {};
  auto file = stage.encoded();
  if (!file) return base::fail(std::move(file.error()));
  auto slimmed = slim(call, *format, std::as_bytes(std::span(*file)), stage.watch());
  if (!slimmed) return base::fail(std::move(slimmed.error()));
  if (*slimmed) {
    stage.headers()[kHeader] = fmt::format("ssim={:.4f}", (*slimmed)->ssim);
    *file = std::move((*slimmed)->file);
  }
  stage.answer_file(std::move(*file));
  return {};
}

}  // namespace

template <>
ImageCommand image_command<"imageslim">(const ImageWorkerOptions&) {
  ImageCommand command{make_spec(), {}, run};
  command.plan = [](const CommandCall&,
                    const PictureShape& shape) -> base::Result<std::optional<PictureShape>> {
    return shape;
  };
  command.takes_stored = true;
  return command;
}

}  // namespace millrace::workers::image
