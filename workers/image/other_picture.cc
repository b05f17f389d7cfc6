// SPDX-License-Identifier: Apache-2.0
#include "workers/image/other_picture.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "pipeline/picture.h"
#include "workers/image/vips_runtime.h"
#include "workers/runtime/task_budget.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using vips::VImage;

// A stage of its own: what is done to read an original is done to read these.
base::Result<VImage> read(const Source& source, const ImageStage& stage,
                          const std::optional<Placement>& placement) {
  std::optional<CpuTimeCap> cap;
  if (is_document(source.format)) cap.emplace(kDocumentTimeMax);
  ImageStage own(source, stage.limits(), stage.watch());
  if (auto oriented = own.orient(); !oriented) return base::fail(std::move(oriented.error()));
  if (placement) {
    if (auto scaled = own.scale_and_crop(*placement); !scaled) {
      return base::fail(std::move(scaled.error()));
    }
  }
  auto picture = own.picture_in_memory();
  if (!picture) return picture;
  return with_alpha(*picture);
}

base::Result<VImage> open(ImageStage& stage, std::string_view value,
                          const std::optional<Placement>& placement) {
  const auto source = stage.other(value);
  if (!source) return base::fail(source.error());
  const auto named = [value](base::Error error) {
    return base::fail(pipeline::about_picture(value, std::move(error)));
  };
  try {
    auto picture = read(**source, stage, placement);
    if (!picture) return named(std::move(picture.error()));
    return picture;
  } catch (const vips::VError& error) {
    base::Error failure = error_of_vips(
        error.what(), Reason::CorruptMedia,
        fmt::format("The {} file is damaged: it cannot be decoded.", word_of((*source)->format)));
    vips_error_clear();
    return named(std::move(failure));
  }
}

}  // namespace

base::Result<Size> size_of_other(ImageStage& stage, std::string_view value) {
  const auto source = stage.other(value);
  if (!source) return base::fail(source.error());
  return (*source)->upright();
}

base::Error about_size(std::string_view value, Size other, Size wanted) {
  return pipeline::about_picture(
      value,
      base::make_error(Reason::BadParameter,
                       fmt::format("It is {}x{} px and must be {}x{}, as the picture is that "
                                   "it is put together with.",
                                   other.width, other.height, wanted.width, wanted.height)));
}

base::Result<VImage> open_other(ImageStage& stage, std::string_view value) {
  return open(stage, value, std::nullopt);
}

base::Result<VImage> open_other(ImageStage& stage, std::string_view value,
                                const Placement& placement) {
  return open(stage, value, placement);
}

VImage with_alpha(const VImage& image) {
  VImage colored = image;
  if (image.bands() < 3) colored = image.colourspace(VIPS_INTERPRETATION_sRGB);
  if (!colored.has_alpha()) colored = colored.bandjoin(255);
  // vips' own arithmetic may have widened it.
  return colored.cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

}  // namespace millrace::workers::image
