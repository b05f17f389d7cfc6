// SPDX-License-Identifier: Apache-2.0
#include "workers/image/animation.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "workers/image/pixels.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using vips::VImage;

// The reference's, for animated WebP as a source.
constexpr std::int64_t kAnimatedWebpSidePxMax = 999;
constexpr std::int64_t kAnimatedWebpPxMax = 31'500'000;
constexpr std::int64_t kAnimatedWebpFramesMax = 50;
constexpr std::int64_t kFramesMaxOfRequests = 200;  // above that limit it is a job's
// Of other sources: 400 MB of pixels, of the GiB that a task may use.
constexpr std::int64_t kPxMax = 100'000'000;

struct Free {
  void operator()(std::uint8_t* memory) const { g_free(memory); }
};

std::vector<std::uint8_t> profile_of(const VImage& image) {
  if (image.get_typeof(VIPS_META_ICC_NAME) == 0) return {};
  std::size_t bytes = 0;
  const auto* profile =
      static_cast<const std::uint8_t*>(image.get_blob(VIPS_META_ICC_NAME, &bytes));
  return {profile, profile + bytes};
}

// The results one below the other.
class Roll {
 public:
  Roll(const VImage& first, std::int64_t count)
      : width_(first.width()),
        height_(first.height()),
        bands_(first.bands()),
        interpretation_(first.interpretation()),
        profile_(profile_of(first)),
        count_(count),
        pixels_(static_cast<std::uint8_t*>(
            g_try_malloc(frame_bytes() * static_cast<std::size_t>(count)))) {}

  [[nodiscard]] bool has_memory() const { return pixels_ != nullptr; }
  base::Result<void> add(const VImage& frame, const TaskWatch& watch) {
    if (frame.width() != width_ || frame.height() != height_ || frame.bands() != bands_) {
      return base::fail(Reason::Internal, "The frames of the animation have different sizes.");
    }
    const std::size_t line_bytes = frame_bytes() / static_cast<std::size_t>(height_);
    std::uint8_t* to = pixels_.get() + frame_bytes() * filled_++;
    return for_each_strip(frame, watch, [&](const Strip& strip) -> base::Result<void> {
      for (int line = 0; line < strip.lines; ++line, to += line_bytes) {
        std::memcpy(to, strip.first + static_cast<std::size_t>(line) * strip.stride_bytes,
                    line_bytes);
      }
      return {};
    });
  }
  VImage take(const Timing& timing) {
    const std::size_t bytes = frame_bytes() * static_cast<std::size_t>(count_);
    VImage roll =
        VImage::new_from_memory_steal(pixels_.release(), bytes, width_,
                                      height_ * static_cast<int>(count_), bands_, VIPS_FORMAT_UCHAR)
            .copy(VImage::option()->set("interpretation", interpretation_));
    roll.set(VIPS_META_PAGE_HEIGHT, height_);
    std::vector<int> delays_ms = timing.delays_ms;
    delays_ms.resize(static_cast<std::size_t>(count_), 100);
    roll.set("delay", delays_ms);
    roll.set("loop", timing.loops);
    if (!profile_.empty()) {
      vips_image_set_blob_copy(roll.get_image(), VIPS_META_ICC_NAME, profile_.data(),
                               profile_.size());
    }
    return roll;
  }

 private:
  [[nodiscard]] std::size_t frame_bytes() const {
    return static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_) *
           static_cast<std::size_t>(bands_);
  }

  int width_;
  int height_;
  int bands_;
  VipsInterpretation interpretation_;
  std::vector<std::uint8_t> profile_;
  std::int64_t count_;
  std::unique_ptr<std::uint8_t, Free> pixels_;
  std::size_t filled_ = 0;
};

}  // namespace

base::Result<void> check_animation(SourceFormat source, std::int64_t frames, Size size,
                                   const ipc::RunLimits& limits) {
  const bool webp = source == SourceFormat::Webp;
  if (webp && limits.frames_max <= kFramesMaxOfRequests && frames > kAnimatedWebpFramesMax) {
    return base::fail(Reason::TooManyFrames,
                      fmt::format("The source has {} frames; of an animated WebP at most {} are "
                                  "allowed where the result is animated.",
                                  frames, kAnimatedWebpFramesMax));
  }
  const bool too_wide = webp && std::max(size.width, size.height) > kAnimatedWebpSidePxMax;
  const std::int64_t px_max = webp ? kAnimatedWebpPxMax : kPxMax;
  if (!too_wide && size.width * size.height * frames <= px_max) return {};
  return base::fail(
      Reason::ResultTooLarge,
      fmt::format("The result would be {} frames of {}x{} px; at most {} px in all frames{} are "
                  "allowed.",
                  frames, size.width, size.height, px_max,
                  webp ? fmt::format(" and {} px a side", kAnimatedWebpSidePxMax) : std::string()));
}

base::Result<VImage> render_animation(FrameReader& frames, std::int64_t count,
                                      const FrameWork& work, const TaskWatch& watch) {
  std::unique_ptr<Roll> roll;
  const auto add_frame = [&]() -> base::Result<void> {
    auto frame = frames.next();
    if (!frame) return base::fail(std::move(frame.error()));
    auto made = work(*frame);
    if (!made) return base::fail(std::move(made.error()));
    if (!roll) roll = std::make_unique<Roll>(*made, count);
    if (!roll->has_memory()) {
      return base::fail(Reason::TaskTooExpensive,
                        "The task needs more memory than one task may use.");
    }
    return roll->add(*made, watch);
  };
  // One thread for all: to begin one for each frame costs as much as a small frame does.
  auto done = on_vips_thread([&]() -> base::Result<void> {
    for (std::int64_t i = 0; i < count; ++i) {
      if (auto added = add_frame(); !added) return added;
    }
    return {};
  });
  if (!done) return base::fail(std::move(done.error()));
  return roll->take(frames.timing());
}

}  // namespace millrace::workers::image
