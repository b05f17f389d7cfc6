// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <vector>

#include <nlohmann/json.hpp>

#include "pipeline/json_fields.h"
#include "workers/image/command.h"
#include "workers/image/exif_tags.h"
#include "workers/image/loader.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using pipeline::CommandCall;

constexpr const char* kDescription =
    "Answers with JSON (`Cache-Control: no-store`), one member for each tag:\n\n"
    "    {\"Model\": {\"val\": \"Canon EOS 600D\", \"type\": 2},\n"
    "     \"ExposureTime\": {\"val\": \"1/50 sec.\", \"type\": 5},\n"
    "     \"ISOSpeedRatings\": {\"val\": \"3200\", \"type\": 3}}\n\n"
    "`val` is the value as a person reads it, `type` its type in the file (TIFF 6.0: 1 BYTE, 2 "
    "ASCII, 3 SHORT, 4 LONG, 5 RATIONAL, 7 UNDEFINED, 9 SLONG, 10 SRATIONAL). The tags are those "
    "of "
    "the picture, of its EXIF, GPS and interoperability directories; those of the thumbnail and of "
    "the maker's own notes are left out. Bytes that are not UTF-8 are shown as U+FFFD. A value has "
    "at most 8 KiB.\n\n"
    "Read from JPEG, PNG, WebP, AVIF and HEIC. 400 `bad_parameter` where there is nothing to read, "
    "and after another command: what a command makes has no EXIF but a copyright notice.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "exif";
  spec.summary = "What the camera wrote into a photograph.";
  spec.description = kDescription;
  spec.takes = {"image"};
  spec.gives = "json";
  spec.examples = {{"exif", "All tags of the original."}};
  return spec;
}

// Those whose header libvips reads without the pixels.
constexpr std::array kFormats = {SourceFormat::Jpeg, SourceFormat::Png, SourceFormat::Webp,
                                 SourceFormat::Avif, SourceFormat::Heic};

base::Result<std::vector<ExifTag>> tags_of(const Source& source) {
  std::vector<ExifTag> none;
  if (std::ranges::find(kFormats, source.format) == kFormats.end()) return none;
  const auto image = open_picture(source);
  if (!image) return base::fail(image.error());
  if (image->get_typeof(VIPS_META_EXIF_NAME) == 0) return none;
  std::size_t bytes = 0;
  const void* block = image->get_blob(VIPS_META_EXIF_NAME, &bytes);
  return read_exif_tags({static_cast<const std::uint8_t*>(block), bytes});
}

base::Result<void> run(const CommandCall&, ImageStage& stage) {
  if (!stage.untouched()) {
    return base::fail(Reason::BadParameter,
                      "exif tells of an original: it must be the first command.");
  }
  const auto tags = tags_of(stage.source());
  if (!tags) return base::fail(tags.error());
  if (tags->empty()) {
    return base::fail(Reason::BadParameter, "The picture has no EXIF that could be read.");
  }
  nlohmann::ordered_json document;
  for (const ExifTag& tag : *tags) document[tag.name] = {{"val", tag.value}, {"type", tag.type}};
  constexpr bool kCacheable = false;
  stage.answer_json(pipeline::dump_json(document), kCacheable);
  return {};
}

}  // namespace

template <>
ImageCommand image_command<"exif">(const ImageWorkerOptions&) {
  return {make_spec(), {}, run};
}

}  // namespace millrace::workers::image
