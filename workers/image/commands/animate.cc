// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "workers/image/animation.h"
#include "workers/image/command.h"
#include "workers/image/other_picture.h"
#include "workers/image/parameters.h"
#include "workers/image/saver.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;
using vips::VImage;

constexpr std::int64_t kSidePxMax = 1'080;
constexpr std::int64_t kFramesMax = 20;        // the source among them
constexpr std::int64_t kDurationMax = 65'535;  // what a GIF can say
constexpr int kMsPerUnit = 10;                 // of a GIF's time, 1/100 s
constexpr int kForEver = 0;

constexpr const char* kDescription =
    "The upright picture is the first frame, the pictures named by `key` are the next ones, in the "
    "order in which they are written; the same one may come back. `duration` is how long each is "
    "shown. The GIF plays for ever. What can be read as an original can be a frame; of an "
    "animation or a document of several pages its first picture is.\n\n"
    "All frames must have the same size, at most 1080 px a side, and there may be 20 of them, the "
    "source counted in: 400 `bad_parameter` says which picture does not fit. Commands that follow "
    "see the animation: `animate/…|imageMogr2/thumbnail/200x` scales every frame.";

ParameterSpec duration_parameter() {
  ParameterSpec spec =
      integer_parameter("duration", "How long each frame is shown.", "1/100 s", 1, kDurationMax);
  spec.required = true;
  return anywhere(std::move(spec));
}

ParameterSpec merge_parameter() {
  ParameterSpec spec;
  spec.name = "merge";
  spec.summary = "Says that pictures are put together; it has no other meaning.";
  spec.kind = ParameterKind::Flag;
  spec.required = true;
  return anywhere(std::move(spec));
}

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "animate";
  spec.summary = "A GIF that shows the source and other pictures one after the other.";
  spec.description = kDescription;
  spec.order_matters = true;
  spec.named = {duration_parameter(), merge_parameter(),
                keys_parameter("The picture of the next frame.", kFramesMax - 1),
                anywhere(switch_parameter("effect", "1: the last frame comes first."))};
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"animate/duration/50/merge/key/YmlrZXMuanBn",
       "The source and bikes.jpg of its bucket, half a second each."},
      {"animate/duration/100/merge/key/YmlrZXMuanBn/key/cGllci5qcGc=/effect/1",
       "Three frames of a second, the source last."},
  };
  return spec;
}

std::vector<std::string> keys_of(const CommandCall& call) {
  std::vector<std::string> keys;
  for (const CommandCall::Argument& argument : call.arguments()) {
    if (argument.is_picture) keys.push_back(argument.text);
  }
  return keys;
}

// Before anything is decoded.
base::Result<void> check_sizes(const std::vector<std::string>& keys, ImageStage& stage) {
  const auto [width, height] = stage.size();
  if (width > kSidePxMax || height > kSidePxMax) {
    return base::fail(Reason::BadParameter,
                      fmt::format("animate: the picture is {}x{} px; a frame has at most {} px a "
                                  "side.",
                                  width, height, kSidePxMax));
  }
  for (const std::string& key : keys) {
    const auto size = size_of_other(stage, key);
    if (!size) return base::fail(size.error());
    if (*size == stage.size()) continue;
    return base::fail(about_size(key, *size, stage.size()));
  }
  return {};
}

// The pictures as if they were the frames of one file.
class Pictures : public FrameReader {
 public:
  // `values`: in the order of the frames; empty: the stage's own picture.
  Pictures(ImageStage& stage, std::vector<std::string> values, int delay_ms, bool alpha)
      : stage_(stage), values_(std::move(values)), alpha_(alpha) {
    timing_.delays_ms.assign(values_.size(), delay_ms);
    timing_.loops = kForEver;
  }
  [[nodiscard]] const Timing& timing() const override { return timing_; }
  base::Result<VImage> next() override {
    const std::string& value = values_.at(next_++);
    auto picture = value.empty() ? stage_.picture_in_memory() : open_other(stage_, value);
    if (!picture) return picture;
    const VImage frame = with_alpha(*picture);
    return alpha_ ? frame : frame.extract_band(0, VImage::option()->set("n", 3));
  }

 private:
  ImageStage& stage_;
  std::vector<std::string> values_;
  bool alpha_;
  Timing timing_;
  std::size_t next_ = 0;
};

base::Result<bool> any_alpha(const std::vector<std::string>& keys, ImageStage& stage) {
  bool found = stage.has_alpha();
  for (const std::string& key : keys) {
    const auto source = stage.other(key);
    if (!source) return base::fail(source.error());
    found = found || (*source)->has_alpha;
  }
  return found;
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  std::vector<std::string> values = keys_of(call);
  if (auto fit = check_sizes(values, stage); !fit) return fit;
  const auto alpha = any_alpha(values, stage);
  if (!alpha) return base::fail(alpha.error());
  stage.keep_profile(false);
  values.insert(values.begin(), std::string());
  if (call.choice("effect") == "1") std::ranges::reverse(values);
  const auto count = static_cast<std::int64_t>(values.size());
  const int delay_ms = static_cast<int>(call.integer("duration").value_or(1)) * kMsPerUnit;

  Pictures pictures(stage, std::move(values), delay_ms, *alpha);
  auto roll =
      render_animation(pictures, count, [](const VImage& frame) { return frame; }, stage.watch());
  if (!roll) return base::fail(std::move(roll.error()));
  Encoding encoding;
  encoding.format = OutputFormat::Gif;
  std::string file;
  auto saved =
      save_animation(*roll, encoding, "", stage.watch(),
                     [&file](std::span<const std::byte> bytes) -> base::Result<void> {
                       file.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                       return {};
                     });
  if (!saved) return saved;
  return stage.begin_with(std::move(file));
}

}  // namespace

template <>
ImageCommand image_command<"animate">(const ImageWorkerOptions&) {
  return {make_spec(), {}, run};
}

}  // namespace millrace::workers::image
