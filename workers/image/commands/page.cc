// SPDX-License-Identifier: Apache-2.0
#include "workers/image/command.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;

constexpr const char* kDescription =
    "Stands first in a pipeline; the commands behind it work on the picture that it names.\n\n"
    "| source | what `page/<n>` is | without it |\n"
    "|---|---|---|\n"
    "| TIFF, PDF | page n | page 1 |\n"
    "| GIF, WebP, JPEG XL | frame n of an animation, as a still picture | the animation |\n"
    "| ICO | picture n, in the file's order | the largest |\n"
    "| HEIC, AVIF | picture n of a collection | the primary one |\n"
    "| others | there is one page | that |\n\n"
    "A page that the source does not have is refused with 400.\n\n"
    "SVG and PDF have no pixels of their own: a CSS px or a point is one pixel at 72 dpi, and "
    "`dpi` makes the picture as much larger or smaller. They are drawn at the size that the next "
    "command asks for, so nothing is lost by scaling; but a command that never enlarges, as "
    "imageView2, takes the size at this `dpi` for the picture's own. For other sources `dpi` does "
    "not count.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "page";
  spec.summary = "Chooses a page of a document, a frame of an animation or a picture of an icon.";
  spec.description = kDescription;
  ParameterSpec number;
  number.name = "n";
  number.summary = "Which page; the first is 1.";
  number.kind = ParameterKind::Integer;
  number.min = 1;
  number.max = 10'000;
  number.required = true;
  spec.positional = {number};
  ParameterSpec dpi;
  dpi.name = "dpi";
  dpi.summary = "How large SVG and PDF are drawn.";
  dpi.kind = ParameterKind::Integer;
  dpi.unit = "pixels per inch";
  dpi.min = 1;
  dpi.max = 1200;
  dpi.default_text = "72";
  spec.named = {dpi};
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"page/1/dpi/150|imageView2/2/w/1000", "The first page of a PDF, 1000 px wide."},
      {"page/1|imageView2/2/w/200/format/png", "A still picture of an animation."},
      {"page/1/dpi/144|imageInfo", "How large a drawing is at 144 dpi."},
  };
  return spec;
}

SourceChoice choose(const CommandCall& call) {
  SourceChoice choice;
  choice.page = call.integer("n").value_or(1) - 1;
  choice.dpi = call.integer("dpi").value_or(choice.dpi);
  return choice;
}

base::Result<void> run(const CommandCall&, ImageStage&) {
  return base::fail(base::Reason::BadParameter,
                    "page must be the first command: behind another there is one picture left.");
}

}  // namespace

template <>
ImageCommand image_command<"page">(const ImageWorkerOptions&) {
  ImageCommand command{make_spec(), {}, run};
  command.choose = choose;
  return command;
}

}  // namespace millrace::workers::image
