// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include <nlohmann/json.hpp>

#include "workers/image/command.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;

constexpr const char* kDescription =
    "Answers with JSON (`Cache-Control: no-store`):\n\n"
    "    {\"size\": 214513, \"format\": \"jpeg\", \"width\": 640, \"height\": 427, \"colorModel\": "
    "\"ycbcr\"}\n\n"
    "| field | what |\n"
    "|---|---|\n"
    "| `size` | bytes of the file |\n"
    "| `format` | `jpeg`, `png`, `webp`, `gif`, `tiff`, `avif`, `heic`, `jxl`, `jp2`, `bmp`, "
    "`ico`, "
    "`psd`, `svg` or `pdf`, by its first bytes |\n"
    "| `width`, `height` | px as stored, before orientation |\n"
    "| `colorModel` | `ycbcr`, `gray`, `cmyk`, `rgba`, `nrgba` (with alpha), `nycbcra`, `gray16`, "
    "`rgba64`, `nrgba64`, `lab`, or "
    "`palette<n>` with n the number of entries |\n"
    "| `orientation` | the EXIF orientation in words (`Top-left`, `Right-top`, …); only where the "
    "file has the tag |\n"
    "| `frameNumber` | the number of frames; GIF only |\n\n"
    "After another command it tells of that command's result.";

// EXIF 2.32, tag Orientation: where the 0th row and the 0th column are.
constexpr std::array<const char*, 8> kOrientations = {"Top-left",     "Top-right",  "Bottom-right",
                                                      "Bottom-left",  "Left-top",   "Right-top",
                                                      "Right-bottom", "Left-bottom"};

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "imageInfo";
  spec.summary = "Format, size and colours of a picture, from its header.";
  spec.description = kDescription;
  spec.takes = {"image"};
  spec.gives = "json";
  spec.examples = {
      {"imageInfo", "About the original."},
      {"imageView2/2/w/200|imageInfo", "About its thumbnail."},
  };
  return spec;
}

std::string document_of(const Source& source) {
  nlohmann::ordered_json document;
  document["size"] = source.bytes.size();
  document["format"] = word_of(source.format);
  document["width"] = source.stored.width;
  document["height"] = source.stored.height;
  document["colorModel"] = source.color_model;
  if (source.says_orientation) {
    document["orientation"] = kOrientations.at(static_cast<std::size_t>(source.orientation - 1));
  }
  if (source.format == SourceFormat::Gif) document["frameNumber"] = source.frames;
  return document.dump();
}

base::Result<void> run(const CommandCall&, ImageStage& stage) {
  constexpr bool kCacheable = false;
  if (stage.untouched()) {
    stage.answer_json(document_of(stage.source()), kCacheable);
    return {};
  }
  auto file = stage.encoded();
  if (!file) return base::fail(std::move(file.error()));
  auto result = read_source(std::as_bytes(std::span(*file)), {});
  if (!result) return base::fail(std::move(result.error()));
  stage.answer_json(document_of(*result), kCacheable);
  return {};
}

}  // namespace

template <>
ImageCommand image_command<"imageInfo">(const ImageWorkerOptions&) {
  return {make_spec(), {}, run};
}

}  // namespace millrace::workers::image
