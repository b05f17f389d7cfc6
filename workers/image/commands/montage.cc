// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workers/image/command.h"
#include "workers/image/magick_geometry.h"
#include "workers/image/operations.h"
#include "workers/image/other_picture.h"
#include "workers/image/parameters.h"
#include "workers/image/pixels.h"
#include "workers/image/result_file.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;
using vips::VImage;

constexpr std::int64_t kOthersMax = 20;
constexpr std::int64_t kColumnsMax = 21;  // a picture each
constexpr std::int64_t kCellPxMax = 2'000;
constexpr std::int64_t kCellPxDefault = 200;
constexpr std::int64_t kGapPxMax = 200;
constexpr std::int64_t kGapPxDefault = 4;
constexpr std::string_view kCover = "cover";

constexpr const char* kDescription =
    "The upright picture and those named by `key` are laid out in rows, from left to right and "
    "from top to bottom, each in the middle of a cell of the same size. `fit/contain` (the "
    "default) "
    "shows all of a picture, `fit/cover` fills the cell and cuts off what does not fit; neither "
    "enlarges. Of an animation or a document of several pages the first picture is shown.\n\n"
    "The sheet is `2*margin + columns*cell + (columns-1)*gap` px wide, and likewise high. Without "
    "`columns` there are as many as make the sheet about square: 3 for 5 to 9 pictures. Cells that "
    "stay empty, gaps, margin, and what is transparent in a picture show the `background`; where "
    "that is transparent itself, so is the sheet, if its format has transparency.";

ParameterSpec cell_parameter() {
  ParameterSpec spec = integer_parameter("cell", "The size of a cell.", "px", 1, kCellPxMax);
  spec.kind = ParameterKind::Size;
  spec.default_text = "200x200";
  return spec;
}

ParameterSpec fit_parameter() {
  ParameterSpec spec;
  spec.name = "fit";
  spec.summary = "How a picture is put into its cell.";
  spec.kind = ParameterKind::Choice;
  spec.choices = {"contain", std::string(kCover)};
  spec.default_text = "contain";
  return spec;
}

ParameterSpec length_parameter(std::string name, std::string summary) {
  ParameterSpec spec = integer_parameter(std::move(name), std::move(summary), "px", 0, kGapPxMax);
  spec.default_text = std::to_string(kGapPxDefault);
  return spec;
}

ParameterSpec background_parameter() {
  ParameterSpec spec;
  spec.name = "background";
  spec.summary = "What shows beside the pictures and through them.";
  spec.kind = ParameterKind::Color;
  spec.default_text = "white";
  return spec;
}

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "montage";
  spec.summary = "A contact sheet of the source and other pictures.";
  spec.description = kDescription;
  spec.order_matters = true;
  spec.named = {
      keys_parameter("The next picture.", kOthersMax),
      anywhere(integer_parameter("columns", "How many cells a row has.", "", 1, kColumnsMax)),
      anywhere(cell_parameter()),
      anywhere(fit_parameter()),
      anywhere(length_parameter("gap", "Between two cells.")),
      anywhere(length_parameter("margin", "Around all cells.")),
      anywhere(background_parameter()),
      anywhere(format_parameter()),
      anywhere(quality_parameter("q")),
      anywhere(max_bytes_parameter()),
      anywhere(interlace_parameter()),
      anywhere(lossless_parameter()),
      anywhere(ignore_error_parameter())};
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"montage/key/YmlrZXMuanBn/key/cGllci5qcGc=",
       "The source, bikes.jpg and pier.jpg of its bucket in cells of 200x200."},
      {"montage/key/YmlrZXMuanBn/key/cGllci5qcGc=/columns/3/cell/160x120/fit/cover/gap/0/margin/0",
       "A strip of three without anything between."},
  };
  return spec;
}

// The sheet, before any picture is looked at.
struct Layout {
  std::vector<std::string> values;  // of the pictures behind the first
  Size cell;                        // px
  std::int64_t columns = 1;
  std::int64_t rows = 1;
  std::int64_t gap = 0;     // px
  std::int64_t margin = 0;  // px

  [[nodiscard]] Size inner() const {
    return {columns * cell.width + (columns - 1) * gap, rows * cell.height + (rows - 1) * gap};
  }
  [[nodiscard]] Size size() const {
    return {inner().width + 2 * margin, inner().height + 2 * margin};
  }
};

Layout layout_of(const CommandCall& call) {
  Layout layout;
  for (const CommandCall::Argument& argument : call.arguments()) {
    if (argument.is_picture) layout.values.push_back(argument.text);
  }
  const auto count = static_cast<std::int64_t>(layout.values.size()) + 1;
  const auto square = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  layout.columns = call.integer("columns").value_or(square);
  layout.rows = (count + layout.columns - 1) / layout.columns;
  const auto cell = call.size("cell").value_or(pipeline::SizeValue{kCellPxDefault, kCellPxDefault});
  layout.cell = {cell.width, cell.height};
  layout.gap = call.integer("gap").value_or(kGapPxDefault);
  layout.margin = call.integer("margin").value_or(kGapPxDefault);
  return layout;
}

Placement placed_in(const Layout& layout, bool cover, Size picture) {
  return place_view(cover ? 1 : 2, {layout.cell.width, layout.cell.height}, picture);
}

// A picture of at most the cell's size, in the middle of its cell.
VImage in_cell(const VImage& picture, Size cell, const pipeline::Color& background) {
  const Canvas canvas{cell,
                      {(cell.width - picture.width()) / 2, (cell.height - picture.height()) / 2}};
  return on_canvas(with_alpha(picture), canvas, background);
}

base::Result<std::vector<VImage>> cells_of(const CommandCall& call, const Layout& layout,
                                           const pipeline::Color& background, ImageStage& stage) {
  const bool cover = call.choice("fit") == kCover;
  const auto cell = [&](const VImage& picture) {
    return in_memory(in_cell(picture, layout.cell, background), stage.watch());
  };
  auto scaled = stage.scale_and_crop(placed_in(layout, cover, stage.size()));
  if (!scaled) return base::fail(std::move(scaled.error()));
  auto picture = stage.picture_in_memory();
  std::vector<VImage> cells;
  for (std::size_t i = 0; picture; ++i) {
    auto made = cell(*picture);
    if (!made) return base::fail(std::move(made.error()));
    cells.push_back(*made);
    if (i == layout.values.size()) return cells;
    const std::string& value = layout.values[i];
    const auto size = size_of_other(stage, value);
    if (!size) return base::fail(size.error());
    picture = open_other(stage, value, placed_in(layout, cover, *size));
  }
  return base::fail(std::move(picture.error()));
}

std::vector<double> ink_of(const pipeline::Color& color) {
  return {static_cast<double>(color.red), static_cast<double>(color.green),
          static_cast<double>(color.blue), static_cast<double>(color.alpha)};
}

VImage sheet_of(const std::vector<VImage>& cells, const Layout& layout,
                const pipeline::Color& background) {
  VImage sheet = VImage::arrayjoin(cells, VImage::option()
                                              ->set("across", static_cast<int>(layout.columns))
                                              ->set("shim", static_cast<int>(layout.gap))
                                              ->set("background", ink_of(background)));
  const Canvas canvas{layout.size(), {layout.margin, layout.margin}};
  sheet = sheet.embed(static_cast<int>(layout.margin), static_cast<int>(layout.margin),
                      static_cast<int>(canvas.size.width), static_cast<int>(canvas.size.height),
                      VImage::option()
                          ->set("extend", VIPS_EXTEND_BACKGROUND)
                          ->set("background", ink_of(background)));
  const bool opaque = background.alpha == 255;
  return opaque ? sheet.extract_band(0, VImage::option()->set("n", 3)) : sheet;
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  const Layout layout = layout_of(call);
  if (auto fits = stage.check_result(layout.size()); !fits) return fits;
  const auto background = call.color("background").value_or(pipeline::Color{255, 255, 255});
  const GivenFile given = given_file(stage);
  const auto cells = cells_of(call, layout, background, stage);
  if (!cells) return base::fail(cells.error());
  auto replaced = stage.replace_picture(sheet_of(*cells, layout, background));
  if (!replaced) return replaced;
  return encode_result(call, "q", given, stage);
}

base::Result<std::optional<PictureShape>> plan(const CommandCall& call, const PictureShape&) {
  return PictureShape{layout_of(call).size(), 1};
}

}  // namespace

template <>
ImageCommand image_command<"montage">(const ImageWorkerOptions&) {
  ImageCommand command{make_spec(), {}, run};
  command.plan = plan;
  return command;
}

}  // namespace millrace::workers::image
