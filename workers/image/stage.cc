// SPDX-License-Identifier: Apache-2.0
#include "workers/image/stage.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "pipeline/picture.h"
#include "workers/image/animation.h"
#include "workers/image/color.h"
#include "workers/image/frames.h"
#include "workers/image/loader.h"
#include "workers/image/operations.h"
#include "workers/image/pixels.h"
#include "workers/image/png_picture.h"
#include "workers/image/scaling.h"
#include "workers/image/size_limit.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using vips::VImage;

constexpr std::string_view kNoteHeader = "X-Millrace-Note";

Size size_of(const VImage& image) { return {image.width(), image.height()}; }

std::uint64_t pixels_of(Size size) {
  return static_cast<std::uint64_t>(size.width) * static_cast<std::uint64_t>(size.height);
}

// The file that `give` gives to whom it is told to.
base::Result<std::string> file_from(
    const std::function<base::Result<void>(const TakeFile&)>& give) {
  std::string file;
  auto given = give([&file](std::span<const std::byte> bytes) -> base::Result<void> {
    file.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  });
  if (!given) return base::fail(std::move(given.error()));
  return file;
}

Placement all_of(Size size) { return {size, {0, 0, size.width, size.height}}; }

}  // namespace

ImageStage::ImageStage(const Source& source, const ipc::RunLimits& limits, const TaskWatch& watch,
                       std::span<const OtherInput> others, PlanesSource* planes)
    : original_(source),
      source_(&source),
      limits_(limits),
      watch_(watch),
      others_(others),
      planes_(planes) {
  begin();
}

void ImageStage::start_over() {
  source_ = &original_;
  begin();
}

base::Result<void> ImageStage::begin_with(std::string file) {
  auto bytes = std::make_unique<const std::string>(std::move(file));
  auto read = read_source(std::as_bytes(std::span(*bytes)), limits_);
  if (!read) return base::fail(std::move(read.error()));
  made_.push_back({std::move(bytes), std::make_unique<const Source>(std::move(*read))});
  source_ = made_.back().source.get();
  begin();
  return {};
}

base::Result<const Source*> ImageStage::other(std::string_view value) {
  const auto read = read_others_.find(value);
  if (read != read_others_.end()) return read->second.get();
  const auto input = std::ranges::find(others_, value, &OtherInput::value);
  if (input == others_.end()) {
    return base::fail(Reason::Internal, "A picture that the pipeline names did not come along.");
  }
  auto source = read_source(input->bytes, limits_);
  if (!source) return base::fail(pipeline::about_picture(value, std::move(source.error())));
  auto kept = std::make_unique<const Source>(std::move(*source));
  return read_others_.emplace(value, std::move(kept)).first->second.get();
}

std::uint64_t ImageStage::others_px() const {
  std::uint64_t px = 0;
  for (const auto& [unused, source] : read_others_) px += pixels_of(source->stored);
  return px;
}

void ImageStage::begin() {
  image_.reset();
  planned_.reset();
  made_planes_.reset();
  road_.reset();
  road_sought_ = false;
  came_by_planes_ = false;
  converted_ = false;
  replaced_ = false;
  file_.reset();
  beginning_.reset();
  steps_.clear();
  still_ = false;
  size_ = source_->stored;
  orientation_ = source_->orientation;
  copyright_ = source_->copyright;
  encoding_ = {};
  encoding_.format = format_that_stands_for(source_->format, source_->has_alpha);
  jpeg_quality_pct_ = source_->jpeg_quality_pct;
}

bool ImageStage::has_alpha() const { return image_ ? image_->has_alpha() : source_->has_alpha; }

base::Result<void> ImageStage::check_result(Size size) const {
  const std::int64_t side_max = limits_.result_side_px_max;
  if (size.width > side_max || size.height > side_max ||
      pixels_of(size) > limits_.result_max.count) {
    return base::fail(
        Reason::ResultTooLarge,
        fmt::format(
            "The result would be {}x{} px; at most {} px a side and {} px in all are allowed.",
            size.width, size.height, side_max, limits_.result_max.count));
  }
  return {};
}

base::Result<void> ImageStage::check_step(Size size) const {
  if (pixels_of(size) <= pixels_of(size_)) return {};
  return check_result(size);
}

// What is left to do of the source's orientation has not been done; the rest is done here.
ImageStage::Beginning ImageStage::beginning_at(const Placement& placement) const {
  return {placement, orientation_ == 1 ? source_->orientation : 1, keep_profile_};
}

base::Result<VImage> ImageStage::begun(VImage image, const Beginning& beginning) {
  const auto& [placement, orientation, keep_profile] = beginning;
  const Placement stored{upright(PictureShape{placement.whole, orientation}).size,
                         stored_area(placement.kept, placement.whole, orientation)};
  auto small = scaled(to_device_space(image), stored, watch_);
  if (!small) return small;
  image = *small;
  converted_ = has_profile(image);
  bool profile_ignored = false;
  image = keep_profile ? in_own_space(image, profile_ignored) : to_srgb(image, profile_ignored);
  if (profile_ignored) headers_[std::string(kNoteHeader)] = "icc-profile-ignored";
  // To turn it, its lines are needed in another order than the decoder gives them.
  if (orientation > 2) {
    auto memory = in_memory(image, watch_);
    if (!memory) return memory;
    image = *memory;
  }
  return upright(image, orientation);
}

base::Result<VImage> ImageStage::placed(const Placement& placement) {
  if (image_) return scaled(*image_, placement, watch_);
  const Beginning beginning = beginning_at(placement);
  // Not the whole picture as it is: libvips streams it.
  if (placement.whole != size_ && planes_fit({placement.kept.width, placement.kept.height})) {
    auto planes = render(beginning, codecs::OutputChroma::Full);
    if (!planes) return base::fail(std::move(planes.error()));
    return picture_of(*planes);
  }
  if (auto may = may_read_pixels(); !may) return base::fail(std::move(may.error()));
  auto opened = open_picture_for(
      *source_, upright(PictureShape{placement.whole, beginning.orientation}).size);
  if (!opened) return opened;
  return begun(*opened, beginning);
}

bool ImageStage::planes_fit(Size size) {
  if (!std::exchange(road_sought_, true)) road_ = PlanesRoad::open(*source_);
  if (!road_ || pixels_of(size) > PlanesRoad::kResultPxMax) return false;
  return !keep_profile_ || !road_->converts_colors();
}

base::Result<codecs::Planes> ImageStage::render(const Beginning& beginning,
                                                codecs::OutputChroma chroma) {
  const PlanesRequest request{beginning.placement, beginning.orientation, chroma};
  // What a command has made is nobody else's.
  const bool shares = planes_ != nullptr && source_ == &original_;
  return shares ? planes_->render(*road_, request, watch_) : road_->render(request, watch_);
}

base::Result<void> ImageStage::may_read_pixels() {
  return planes_ != nullptr ? planes_->may_read_pixels() : base::Result<void>();
}

base::Result<codecs::Planes*> ImageStage::planned_planes(codecs::OutputChroma chroma) {
  if (!made_planes_ || made_planes_->chroma != chroma) {
    auto planes = render(*planned_, chroma);
    if (!planes) return base::fail(std::move(planes.error()));
    made_planes_ = {chroma, *std::move(planes)};
  }
  return &made_planes_->planes;
}

base::Result<std::vector<std::byte>> ImageStage::planned_file() {
  const Encoding encoding = file_encoding();
  const auto planes = planned_planes(chroma_for(encoding));
  if (!planes) return base::fail(planes.error());
  return encode_planes(**planes, encoding, {copyright_, {}}, watch_);
}

base::Result<void> ImageStage::load() {
  if (image_) return {};
  if (planned_) {
    const auto planes = planned_planes(codecs::OutputChroma::Full);
    if (!planes) return base::fail(planes.error());
    image_ = picture_of(**planes);
    in_memory_ = true;
    came_by_planes_ = true;
    return {};
  }
  auto image = placed(all_of(size_));
  if (!image) return base::fail(std::move(image.error()));
  beginning_ = beginning_at(all_of(size_));
  image_ = *image;
  in_memory_ = false;
  return {};
}

base::Result<void> ImageStage::keep_in_memory() {
  if (auto loaded = load(); !loaded) return loaded;
  if (in_memory_) return {};
  auto memory = in_memory(*image_, watch_);
  if (!memory) return base::fail(std::move(memory.error()));
  image_ = *memory;
  in_memory_ = true;
  return {};
}

void ImageStage::put(const VImage& image, Size size) {
  image_ = image;
  planned_.reset();
  made_planes_.reset();
  in_memory_ = false;
  size_ = size;
  file_.reset();
}

base::Result<void> ImageStage::orient() {
  const int orientation = std::exchange(orientation_, 1);
  const Size size = upright(PictureShape{size_, orientation}).size;
  if (orientation == 1 || !has_picture()) {
    size_ = size;
    return {};
  }
  if (auto kept = keep_in_memory(); !kept) return kept;
  const auto turn = [orientation](const VImage& frame) { return upright(frame, orientation); };
  steps_.push_back({turn, Reads::AnyOrder});
  put(turn(*image_), size);
  return {};
}

base::Result<void> ImageStage::scale_and_crop(const Placement& placement) {
  const Size kept{placement.kept.width, placement.kept.height};
  if (auto fits = check_step(kept); !fits) return fits;
  if (!has_picture() && planes_fit(kept)) {
    planned_ = beginning_at(placement);
    size_ = kept;
    file_.reset();
    return {};
  }
  if (planned_) {
    if (auto loaded = load(); !loaded) return loaded;
  }
  auto image = placed(placement);
  if (!image) return base::fail(std::move(image.error()));
  if (!image_) {
    beginning_ = beginning_at(placement);
  } else {
    steps_.push_back({[placement](const VImage& frame) {
      return cropped(resized(frame, placement.whole), placement.kept);
    }});
  }
  put(*image, kept);
  return {};
}

base::Result<void> ImageStage::crop(const Area& kept) {
  const Size size{kept.width, kept.height};
  // Of what nobody has looked at yet the rest need not be made.
  const bool is_planned = planned_ || (!has_picture() && planes_fit(size));
  if (image_ || !is_planned) {
    return change([kept](const VImage& frame) { return cropped(frame, kept); }, size);
  }
  if (!planned_) planned_ = beginning_at(all_of(size_));
  Area& planned = planned_->placement.kept;
  planned = {planned.left + kept.left, planned.top + kept.top, kept.width, kept.height};
  made_planes_.reset();
  size_ = size;
  file_.reset();
  return {};
}

base::Result<void> ImageStage::change(const std::function<VImage(const VImage&)>& change, Size size,
                                      Reads reads) {
  if (auto fits = check_step(size); !fits) return fits;
  if (auto ready = reads == Reads::AnyOrder ? keep_in_memory() : load(); !ready) return ready;
  const VImage image = change(*image_);
  if (size_of(image) != size) {
    return base::fail(Reason::Internal, "The picture has not the size that was planned.",
                      fmt::format("{}x{} px instead of {}x{}", image.width(), image.height(),
                                  size.width, size.height));
  }
  steps_.push_back({change, reads});
  put(image, size);
  return {};
}

base::Result<void> ImageStage::replace_picture(const VImage& image) {
  if (auto fits = check_step(size_of(image)); !fits) return fits;
  still_ = true;
  replaced_ = true;
  put(image, size_of(image));
  return {};
}

base::Result<void> ImageStage::strip() {
  // Before what was to be turned is forgotten; a plan does not forget it.
  if (!planned_) {
    if (auto loaded = load(); !loaded) return loaded;
  }
  copyright_.clear();
  orientation_ = 1;
  file_.reset();
  return {};
}

base::Result<void> ImageStage::check_encoding(const Encoding& encoding) const {
  if (auto fits = check_result(size_); !fits) return fits;
  const bool holds = holds_size(encoding.format, size_);
  if (!holds && encoding.format == OutputFormat::Webp) {
    return base::fail(Reason::ResultTooLarge,
                      fmt::format("The result would be {}x{} px; WebP holds at most {} px a side.",
                                  size_.width, size_.height, kWebpSidePxMax));
  }
  if (!holds) {
    return base::fail(
        Reason::ResultTooLarge,
        fmt::format("The result would be {}x{} px; as {} at most {} px in all are allowed.",
                    size_.width, size_.height,
                    encoding.format == OutputFormat::Avif ? "AVIF" : "HEIC", kHeifPxMax));
  }
  if (!is_animated() || !holds_animation(encoding.format)) return {};
  return check_animation(source_->format, source_->frames, size_, limits_);
}

base::Result<void> ImageStage::encode_as(const Encoding& encoding) {
  if (auto fits = check_encoding(encoding); !fits) return fits;
  if (!holds_animation(encoding.format)) still_ = true;
  headers_.erase(std::string(kQualityHeader));
  if (!has_picture() && takes_planes(encoding) && planes_fit(size_)) {
    planned_ = beginning_at(all_of(size_));
  }
  if (!planned_) {
    if (auto loaded = load(); !loaded) return loaded;
  }
  file_.reset();
  encoding_ = encoding;
  jpeg_quality_pct_.reset();
  if (!holds_profile(encoding.format)) keep_profile(false);
  if (encoding.format == OutputFormat::Jpeg) {
    if (image_ && image_->has_alpha()) put(on_white(*image_), size_);
    jpeg_quality_pct_ = encoding.quality_pct;
  }
  return {};
}

base::Result<std::size_t> ImageStage::fit_file_into(std::size_t bytes_max) {
  if (!gives_planes()) {
    if (auto kept = keep_in_memory(); !kept) return base::fail(std::move(kept.error()));
  }
  // The frames are the same whatever the quality.
  std::optional<VImage> roll;
  if (saves_frames()) {
    auto rendered = roll_of_frames();
    if (!rendered) return base::fail(std::move(rendered.error()));
    roll = *std::move(rendered);
  }
  const auto encode = [&](int quality_pct) -> base::Result<std::string> {
    if (auto still = watch_.check(); !still) return base::fail(std::move(still.error()));
    encoding_.quality_pct = quality_pct;
    file_.reset();
    if (!roll) return encoded();
    return file_from([&](const TakeFile& take) {
      return save_animation(*roll, file_encoding(), copyright_, watch_, take);
    });
  };
  auto found = best_quality_within(bytes_max, encoding_, encode);
  if (!found) return base::fail(std::move(found.error()));
  encoding_.quality_pct = found->quality_pct;
  if (jpeg_quality_pct_) jpeg_quality_pct_ = found->quality_pct;
  answer_file(std::move(found->file));
  return file_->size();
}

base::Result<VImage> ImageStage::preview(std::int64_t side_px_max, Alpha alpha) {
  const double scale = std::min(1.0, static_cast<double>(side_px_max) /
                                         static_cast<double>(std::max(size_.width, size_.height)));
  const auto side = [scale](std::int64_t length) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(length) * scale));
  };
  if (has_picture()) {
    if (auto kept = keep_in_memory(); !kept) return base::fail(std::move(kept.error()));
  }
  auto small = placed(all_of({side(size_.width), side(size_.height)}));
  if (!small) return small;
  bool ignored = false;
  if (has_profile(*small)) small = to_srgb(*small, ignored);
  return in_memory(alpha == Alpha::Kept ? *small : on_white(*small), watch_);
}

base::Result<VImage> ImageStage::picture() {
  if (!has_picture()) return placed(all_of(size_));
  if (auto loaded = load(); !loaded) return base::fail(std::move(loaded.error()));
  return *image_;
}

base::Result<VImage> ImageStage::picture_in_memory() {
  if (auto kept = keep_in_memory(); !kept) return base::fail(std::move(kept.error()));
  return *image_;
}

base::Result<void> ImageStage::save(const TakeFile& take) {
  if (file_) return take(std::as_bytes(std::span(*file_)));
  if (!has_picture()) return take(source_->bytes);
  if (gives_planes()) {
    auto file = planned_file();
    if (!file) return base::fail(std::move(file.error()));
    return take(*file);
  }
  if (auto loaded = load(); !loaded) return loaded;
  if (saves_frames()) {
    auto roll = roll_of_frames();
    if (!roll) return base::fail(std::move(roll.error()));
    return save_animation(*roll, file_encoding(), copyright_, watch_, take);
  }
  return save_picture(*image_, file_encoding(), copyright_, watch_, take);
}

// Where the first frame has come to.
base::Result<VImage> ImageStage::reached(const VImage& frame) {
  auto image = begun(frame, *beginning_);
  for (const Step& step : steps_) {
    if (!image) return image;
    if (step.reads == Reads::AnyOrder) image = in_memory(*image, watch_);
    if (image) image = step.change(*image);
  }
  return image;
}

Encoding ImageStage::file_encoding() {
  Encoding encoding = encoding_;
  encoding.orientation = orientation_;
  const bool has_effort = encoding.format == OutputFormat::Webp && !encoding.lossless &&
                          !has_alpha() && !saves_frames();
  if (has_effort && webp_effort_for(size_) > limits_.webp_effort_max) {
    encoding.webp_effort = limits_.webp_effort_max;
    was_eased_ = true;
  }
  return encoding;
}

bool ImageStage::saves_frames() const {
  return image_ && is_animated() && holds_animation(encoding_.format);
}

base::Result<VImage> ImageStage::roll_of_frames() {
  auto fits = check_animation(source_->format, source_->frames, size_, limits_);
  if (!fits) return base::fail(std::move(fits.error()));
  if (auto may = may_read_pixels(); !may) return base::fail(std::move(may.error()));
  auto frames = open_frames(*source_, watch_);
  if (!frames) return base::fail(std::move(frames.error()));
  return render_animation(
      **frames, source_->frames, [this](const VImage& frame) { return reached(frame); }, watch_);
}

bool ImageStage::is_animated() const { return source_->frames > 1 && !still_; }

std::int64_t ImageStage::frames() const {
  const bool all = !has_picture() || saves_frames();
  return all ? source_->frames : 1;
}

void ImageStage::keep_profile(bool keep) {
  keep_profile_ = keep;
  if (keep || !image_ || !has_profile(*image_)) return;
  const auto convert = [](const VImage& frame) {
    bool ignored = false;
    return to_srgb(frame, ignored);
  };
  steps_.push_back({convert});
  put(convert(*image_), size_);
}

base::Result<std::string> ImageStage::encoded() {
  // To be read once more, by the command or by those behind it.
  if (has_picture() && !file_ && !gives_planes()) {
    if (auto kept = keep_in_memory(); !kept) return base::fail(std::move(kept.error()));
  }
  return file_from([this](const TakeFile& take) { return save(take); });
}

std::string_view ImageStage::media_type() const {
  return has_picture() ? media_type_of(encoding_.format) : media_type_of(source_->format);
}

std::optional<ipc::Road> ImageStage::road() const {
  if (file_ || !has_picture()) return std::nullopt;
  if (gives_planes()) return ipc::Road::Planes;
  if (came_by_planes_ || planned_) return ipc::Road::Mixed;
  if (!is_decoded_here(*source_)) return ipc::Road::Library;
  const bool by_pixels =
      steps_.empty() && !converted_ && !replaced_ && is_written_here(encoding_, size_, has_alpha());
  return by_pixels ? ipc::Road::Pixels : ipc::Road::Mixed;
}

void ImageStage::answer_json(std::string document, bool cacheable_by_clients) {
  json_ = std::move(document);
  cacheable_by_clients_ = cacheable_by_clients;
}

}  // namespace millrace::workers::image
