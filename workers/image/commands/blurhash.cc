// SPDX-License-Identifier: Apache-2.0
#include "workers/image/blurhash.h"

#include <utility>

#include "workers/image/command.h"
#include "workers/image/pixels.h"
#include "workers/image/placeholder.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;
using pipeline::ParameterSpec;

constexpr std::int64_t kTermsMax = 9;
constexpr std::int64_t kAcrossDefault = 4;
constexpr std::int64_t kDownDefault = 3;
// More than twice what the finest term needs.
constexpr std::int64_t kPreviewPx = 64;
constexpr const char* kHeader = "X-Millrace-Blurhash";

constexpr const char* kDescription =
    "Answers with JSON (`Cache-Control: no-store`), or with the picture and the hash beside it:\n\n"
    "    {\"blurhash\": \"LEHV6nWB2yk8pyo0adR*.7kCMdnj\", \"width\": 640, \"height\": 427}\n\n"
    "`width` and `height` are those of the upright picture, px: a page can reserve its room. The "
    "hash is of the [BlurHash](https://blurha.sh) format, of the upright picture on white.\n\n"
    "With `as/header` the field is `X-Millrace-Blurhash`, and the answer is the picture that the "
    "commands before have made, or the original itself: one request fetches both.";

ParameterSpec terms(std::string name, std::string summary, std::int64_t standard) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.summary = std::move(summary);
  spec.min = 1;
  spec.max = kTermsMax;
  spec.default_text = std::to_string(standard);
  return spec;
}

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "blurhash";
  spec.summary = "A placeholder of some 28 characters, as a BlurHash.";
  spec.description = kDescription;
  spec.named = {terms("x", "Terms across: how much detail.", kAcrossDefault),
                terms("y", "Terms down.", kDownDefault), placeholder_way()};
  spec.takes = {"image"};
  spec.gives = "json";
  spec.examples = {
      {"blurhash", "Of the original, as JSON."},
      {"blurhash/x/6/y/4", "With more detail."},
      {"imageView2/2/w/400|blurhash/as/header", "The thumbnail, with its hash as a header field."},
  };
  return spec;
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  const auto preview = upright_preview(stage, kPreviewPx, ImageStage::Alpha::OnWhite);
  if (!preview) return base::fail(preview.error());
  const std::string hash =
      blurhash_of(packed_pixels(*preview, 3), preview->width(), preview->height(),
                  static_cast<int>(call.integer("x").value_or(kAcrossDefault)),
                  static_cast<int>(call.integer("y").value_or(kDownDefault)));
  give_placeholder(call, stage, "blurhash", kHeader, hash);
  return {};
}

}  // namespace

template <>
ImageCommand image_command<"blurhash">(const ImageWorkerOptions&) {
  ImageCommand command{make_spec(), {}, run};
  command.plan = plan_placeholder;
  command.takes_stored = true;
  return command;
}

}  // namespace millrace::workers::image
