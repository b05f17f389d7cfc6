// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "workers/image/command.h"
#include "workers/image/parameters.h"
#include "workers/image/result_file.h"
#include "workers/image/stamp.h"
#include "workers/image/text/font_book.h"
#include "workers/image/watermark_marks.h"
#include "workers/image/watermark_picture.h"
#include "workers/image/watermark_text.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;
using vips::VImage;

constexpr const char* kDescription =
    "`watermark/1` puts a picture onto the picture, `watermark/2` a text. `watermark/3` puts on "
    "several marks, one after the other: each begins with its `image` or `text`, and has the "
    "parameters that follow up to the next one. `watermark/4` writes a text again and again, all "
    "over the picture. In the others the order of the pairs does not matter.\n\n"
    "A mark lies `dx` and `dy` px away from the edge or corner that `gravity` names; negative "
    "numbers let it reach out of the picture, and what lies outside is not seen. The picture keeps "
    "its size, its transparency and, of an animation, all its frames: each gets the marks. A "
    "grey picture becomes coloured where a mark has colours.\n\n"
    "A **picture** as a mark is `kodo://<bucket>/<key>`, or the URL of an entry of a bucket. "
    "With `ws` it is scaled, its "
    "proportions kept: its short side becomes `ws` times the short side of the picture, or with "
    "`wst` the long one of the long one, its width of the width, its height of the height. On a "
    "picture that is "
    "narrower or lower than it, it is left out, and where nothing is put on and nothing is said of "
    "the file, the answer is the file as it was. With `tile/1` it comes back in all directions "
    "from "
    "where it lies, `uws` times the width of the picture to the right and `uhs` times the height "
    "downwards; without them it is as far from the next as `dx` and `dy` say. An animation as a "
    "mark is its first frame.\n\n"
    "A **text** is plain: nothing in it is markup, and of control characters only line breaks are "
    "allowed. It is written in the direction of its letters, Arabic and Hebrew from right to "
    "left; a letter that the font has not got is borrowed from another one, and one that no "
    "font has is a box. What is placed is the box of its lines, as high as the font's "
    "lines are, whatever letters are in it. Lines end evenly on the side of `gravity`.\n\n"
    "The **fonts** are those that are installed where the workers run; others do not exist. "
    "Their usual names elsewhere stand for the one that looks most like it: `黑体` and "
    "`微软雅黑` are Noto Sans CJK SC, `宋体`, `仿宋` and `楷体` Noto Serif CJK SC, `Arial` is "
    "DejaVu "
    "Sans.\n\n"
    "`watermark/4` divides the picture into cells of `uw` x `uh` px, from its upper left corner "
    "on, or from `dx`, `dy`; each has the text in its middle, turned by `rotate` (negative: it "
    "rises). A cell is never smaller than its text and half a letter more, nor larger than the "
    "picture. `resize` scales the cells and what is in them.\n\n"
    "`format`, `q`, `max-bytes`, `lossless`, `interlace`, `colors` and `icc` are those of "
    "imageView2.";

std::vector<ParameterSpec> settings() {
  std::vector<ParameterSpec> specs = {
      format_parameter(),   quality_parameter("q"),   max_bytes_parameter(),
      lossless_parameter(), interlace_parameter(),    colors_parameter(),
      icc_parameter(),      ignore_error_parameter(),
  };
  for (ParameterSpec& spec : specs) spec.anywhere = true;
  return specs;
}

pipeline::CommandSpec make_spec(const FontBook& book) {
  pipeline::CommandSpec spec;
  spec.name = "watermark";
  spec.summary = "Puts pictures and texts onto a picture.";
  spec.description = kDescription;
  ParameterSpec mode;
  mode.name = "mode";
  mode.summary = "1: a picture; 2: a text; 3: several marks; 4: a text all over.";
  mode.kind = ParameterKind::Choice;
  const bool has_fonts = !book.names().empty();
  mode.choices =
      has_fonts ? std::vector<std::string>{"1", "2", "3", "4"} : std::vector<std::string>{"1", "3"};
  mode.required = true;
  spec.positional = {mode};
  spec.named = mark_parameters(book.names(), book.default_name());
  for (ParameterSpec& setting : settings()) spec.named.push_back(std::move(setting));
  spec.order_matters = true;
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"watermark/2/text/TWlsbHJhY2U=", "A text at the lower right."},
      {"imageView2/2/w/800|watermark/2/text/5p2x5LqsIMK3IOS4iua1tw==/fontsize/600/gravity/South/dy/"
       "24",
       "30 px high, at the lower edge of the small picture."},
      {"watermark/2/text/wqkgMjAyNg==/font/5a6L5L2T/fontsize/800/fill/I0ZGQTUwMA==/dissolve/70/"
       "gravity/NorthWest",
       "Orange, with serifs, a little transparent."},
      {"watermark/1/image/a29kbzovL3Bob3Rvcy9sb2dvLnBuZw==/ws/0.2/dissolve/80",
       "logo.png of the bucket photos, a fifth of the short side."},
      {"watermark/1/image/a29kbzovL3Bob3Rvcy9sb2dvLnBuZw==/ws/0.1/tile/1/uws/0.25/uhs/0.25/"
       "dissolve/30",
       "The same all over, four across and four down."},
      {"watermark/3/image/a29kbzovL3Bob3Rvcy9sb2dvLnBuZw==/ws/0.15/gravity/NorthWest/text/"
       "wqkgMjAyNg==/gravity/"
       "SouthEast/fill/eWVsbG93",
       "A picture in one corner and a text in another."},
      {"watermark/4/text/5qC35ZOBIFNBTVBMRQ==/fontsize/400/fill/I0ZGRkZGRg==/dissolve/40/rotate/"
       "-30",
       "Rising all over the picture."},
  };
  return spec;
}

// A mark with all that does not depend on the picture.
struct ReadyMark {
  Mark mark;
  std::optional<TextLayout> layout;  // of a text
};

base::Result<std::vector<ReadyMark>> ready_marks(const CommandCall& call, const FontBook& book) {
  auto marks = marks_of(call);
  if (!marks) return base::fail(std::move(marks.error()));
  std::vector<ReadyMark> ready;
  for (Mark& mark : *marks) {
    ReadyMark one{std::move(mark), std::nullopt};
    if (one.mark.kind != Mark::Kind::Picture) {
      auto layout = layout_of(one.mark, book);
      if (!layout) return base::fail(std::move(layout.error()));
      one.layout = std::move(*layout);
    }
    ready.push_back(std::move(one));
  }
  return ready;
}

bool says_anything_of_the_file(const CommandCall& call) {
  return std::ranges::any_of(settings(), [&call](const ParameterSpec& setting) {
    return setting.name != "ignore-error" && call.choice(setting.name).has_value();
  });
}

// Whether it was put on.
base::Result<bool> put_on(const ReadyMark& ready, ImageStage& stage) {
  auto stamp = ready.layout ? text_stamp(ready.mark, *ready.layout, stage.size(), stage.watch())
                            : picture_stamp(ready.mark, stage);
  if (!stamp) return base::fail(std::move(stamp.error()));
  if (!*stamp) return false;
  const auto change = [stamp = *stamp](const VImage& frame) { return stamped(frame, stamp); };
  if (auto changed = stage.change(change, stage.size()); !changed) {
    return base::fail(std::move(changed.error()));
  }
  return true;
}

base::Result<void> run(const CommandCall& call, ImageStage& stage, const FontBook& book) {
  const auto marks = ready_marks(call, book);
  if (!marks) return base::fail(marks.error());
  const GivenFile given = given_file(stage);
  bool is_marked = false;
  for (const ReadyMark& mark : *marks) {
    const auto put = put_on(mark, stage);
    if (!put) return base::fail(put.error());
    is_marked = is_marked || *put;
  }
  // Without a mark the file is what it was; but what comes out of a command is upright.
  const bool is_upright = !stage.untouched() || stage.source().orientation == 1;
  if (!is_marked && is_upright && !says_anything_of_the_file(call)) return {};
  return encode_result(call, "q", given, stage);
}

base::Result<std::optional<PictureShape>> plan(const CommandCall& call, const PictureShape& shape,
                                               const FontBook& book) {
  if (const auto marks = ready_marks(call, book); !marks) return base::fail(marks.error());
  return shape;
}

}  // namespace

template <>
ImageCommand image_command<"watermark">(const ImageWorkerOptions&) {
  // Its files are opened here, while the process may open files.
  const auto book = std::make_shared<const FontBook>(FontBook::open());
  ImageCommand command;
  command.spec = make_spec(*book);
  command.notes = book->notes();
  command.run = [book](const CommandCall& call, ImageStage& stage) {
    return run(call, stage, *book);
  };
  command.plan = [book](const CommandCall& call, const PictureShape& shape) {
    return plan(call, shape, *book);
  };
  return command;
}

}  // namespace millrace::workers::image
