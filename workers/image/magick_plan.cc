// SPDX-License-Identifier: Apache-2.0
#include "workers/image/magick_plan.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "workers/image/magick_geometry.h"
#include "workers/image/operations.h"

namespace millrace::workers::image {
namespace {

using pipeline::Color;
using pipeline::CommandCall;
using vips::VImage;
using Reads = ImageStage::Reads;

constexpr Color kWhite{255, 255, 255, 255};

const std::vector<pipeline::ValueForm>& blur_table() {
  static const std::vector<pipeline::ValueForm> forms = {
      {"<radius>x<sigma>",
       {{"radius", 1, 50}, {"sigma", 0, 1'000, 3}},
       "px, and the bell's standard deviation in px."}};
  return forms;
}

class Plan {
 public:
  Plan(const CommandCall& call, const PictureShape& shape)
      : shape_(shape),
        background_(call.color("background").value_or(kWhite)),
        border_color_(call.color("bordercolor").value_or(kWhite)) {}

  base::Result<void> add(const CommandCall::Argument& item);
  [[nodiscard]] const PictureShape& shape() const { return shape_; }
  [[nodiscard]] std::vector<PictureStep>& steps() { return steps_; }

 private:
  void auto_orient(std::string_view text);
  void thumbnail(std::string_view text);
  void gravity(std::string_view text);
  base::Result<void> crop(std::string_view text);
  void rotate(std::string_view text);
  void blur(std::string_view text);
  void sharpen(std::string_view text);
  void extent(std::string_view text);
  void border(std::string_view text);
  void colorspace(std::string_view text);
  void put_on(const Canvas& canvas, const Color& color);
  void push(PictureStep step) {
    shape_.size = step.size;
    steps_.push_back(std::move(step));
  }

  PictureShape shape_;
  Color background_;
  Color border_color_;
  Gravity gravity_ = Gravity::NorthWest;
  std::vector<PictureStep> steps_;
};

void Plan::auto_orient(std::string_view) {
  if (shape_.orientation == 1) return;
  shape_ = upright(shape_);
  push({PictureStep::Kind::Orient, shape_.size});
}

void Plan::thumbnail(std::string_view text) {
  const Size size = thumbnail_size(text, shape_.size);
  if (size != shape_.size) push({PictureStep::Kind::Scale, size});
}

void Plan::gravity(std::string_view text) { gravity_ = gravity_from_word(text).value_or(gravity_); }

base::Result<void> Plan::crop(std::string_view text) {
  const auto kept = crop_area(text, gravity_, shape_.size);
  if (!kept) return base::fail(kept.error());
  const auto [width, height] = shape_.size;
  if (*kept == Area{0, 0, width, height}) return {};
  push({.kind = PictureStep::Kind::Crop, .size = {kept->width, kept->height}, .kept = *kept});
  return {};
}

void Plan::rotate(std::string_view text) {
  const int degrees = std::stoi(std::string(text));
  if (degrees % 360 == 0) return;
  const auto turn = [degrees, fill = background_](const VImage& frame) {
    return turned(frame, degrees, fill);
  };
  push({PictureStep::Kind::Change, turned_size(shape_.size, degrees), turn, Reads::AnyOrder});
}

void Plan::blur(std::string_view text) {
  const auto value = pipeline::match_form(blur_table(), text);
  if (!value || value->numbers[1] == 0) return;
  const auto blur = [radius = static_cast<int>(value->numbers[0]), sigma = value->numbers[1]](
                        const VImage& frame) { return blurred(frame, radius, sigma); };
  push({PictureStep::Kind::Change, shape_.size, blur, Reads::AnyOrder});
}

void Plan::sharpen(std::string_view text) {
  if (text == "1") push({PictureStep::Kind::Change, shape_.size, sharpened});
}

void Plan::put_on(const Canvas& canvas, const Color& color) {
  push({PictureStep::Kind::Change, canvas.size,
        [canvas, color](const VImage& frame) { return on_canvas(frame, canvas, color); }});
}

void Plan::extent(std::string_view text) { put_on(extent_canvas(text, shape_.size), background_); }

void Plan::border(std::string_view text) {
  put_on(border_canvas(text, shape_.size), border_color_);
}

void Plan::colorspace(std::string_view text) {
  if (text == "gray") push({PictureStep::Kind::Change, shape_.size, greyed});
}

base::Result<void> Plan::add(const CommandCall::Argument& item) {
  if (item.name == "crop") return crop(item.text);
  using Adder = void (Plan::*)(std::string_view);
  static constexpr std::array<std::pair<std::string_view, Adder>, 9> kAdders = {{
      {"auto-orient", &Plan::auto_orient},
      {"thumbnail", &Plan::thumbnail},
      {"gravity", &Plan::gravity},
      {"rotate", &Plan::rotate},
      {"blur", &Plan::blur},
      {"sharpen", &Plan::sharpen},
      {"extent", &Plan::extent},
      {"border", &Plan::border},
      {"colorspace", &Plan::colorspace},
  }};
  for (const auto& [name, adder] : kAdders) {
    if (name == item.name) (this->*adder)(item.text);
  }
  return {};
}

}  // namespace

std::vector<pipeline::ValueForm> blur_forms() { return blur_table(); }

base::Result<MagickPlan> magick_plan(const CommandCall& call, const PictureShape& shape) {
  Plan plan(call, shape);
  for (const CommandCall::Argument& item : call.arguments()) {
    if (auto added = plan.add(item); !added) return base::fail(std::move(added.error()));
  }
  return MagickPlan{std::move(plan.steps()), plan.shape()};
}

}  // namespace millrace::workers::image
