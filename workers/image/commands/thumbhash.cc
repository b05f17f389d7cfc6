// SPDX-License-Identifier: Apache-2.0
#include "workers/image/thumbhash.h"

#include <glib.h>

#include "workers/image/command.h"
#include "workers/image/pixels.h"
#include "workers/image/placeholder.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;

constexpr const char* kHeader = "X-Millrace-Thumbhash";

constexpr const char* kDescription =
    "Answers with JSON (`Cache-Control: no-store`), or with the picture and the hash beside it:\n\n"
    "    {\"thumbhash\": \"3OcRJYB4d3h/iIeHeEh3eIhw+j2w\", \"width\": 640, \"height\": 427}\n\n"
    "`width` and `height` are those of the upright picture, px. The hash is of the "
    "[ThumbHash](https://evanw.github.io/thumbhash/) format, in base64: it knows the shape of the "
    "picture and its transparency, which a BlurHash does not.\n\n"
    "With `as/header` the field is `X-Millrace-Thumbhash`, and the answer is the picture that the "
    "commands before have made, or the original itself: one request fetches both.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "thumbhash";
  spec.summary = "A placeholder of some 25 bytes with shape and transparency, as a ThumbHash.";
  spec.description = kDescription;
  spec.named = {placeholder_way()};
  spec.takes = {"image"};
  spec.gives = "json";
  spec.examples = {
      {"thumbhash", "Of the original, as JSON."},
      {"imageView2/2/w/400|thumbhash/as/header", "The thumbnail, with its hash as a header field."},
  };
  return spec;
}

std::string base64_of(const std::vector<std::uint8_t>& bytes) {
  gchar* text = g_base64_encode(bytes.data(), bytes.size());
  std::string result(text);
  g_free(text);
  return result;
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  const auto preview = upright_preview(stage, kThumbhashSidePxMax, ImageStage::Alpha::Kept);
  if (!preview) return base::fail(preview.error());
  const auto hash = thumbhash_of(packed_pixels(*preview, 4), preview->width(), preview->height());
  give_placeholder(call, stage, "thumbhash", kHeader, base64_of(hash));
  return {};
}

}  // namespace

template <>
ImageCommand image_command<"thumbhash">(const ImageWorkerOptions&) {
  ImageCommand command{make_spec(), {}, run};
  command.plan = plan_placeholder;
  command.takes_stored = true;
  return command;
}

}  // namespace millrace::workers::image
