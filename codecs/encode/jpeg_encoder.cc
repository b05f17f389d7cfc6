// SPDX-License-Identifier: Apache-2.0

// libjpeg reports errors by longjmp: the functions that can be left so hold no object with a
// destructor, and every jump ends in this file.
#include "codecs/encode/jpeg_encoder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "codecs/encode/jpeg_output.h"

namespace millrace::codecs {
namespace {

using base::Reason;

constexpr std::size_t kComponentsMax = 3;
// Of one component in a row of MCUs: four blocks at most.
constexpr std::int32_t kMcuRowsMax = 4 * DCTSIZE;
constexpr std::int32_t kBlocksInMcuMax = 10;  // ITU-T T.81, B.2.3

constexpr const char* kCannotWrite = "The picture cannot be written as JPEG.";

class JpegWriter {
 public:
  JpegWriter() { info_.err = errors_.use(); }
  ~JpegWriter() { jpeg_destroy_compress(&info_); }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  bool begin(const Planes& planes, const JpegSettings& settings) {
    if (setjmp(errors_.where) != 0) return false;
    jpeg_create_compress(&info_);
    destination_.attach(info_);
    info_.image_width = static_cast<JDIMENSION>(planes.width());
    info_.image_height = static_cast<JDIMENSION>(planes.height());
    info_.input_components = static_cast<int>(planes.components.size());
    info_.in_color_space = planes.grey() ? JCS_GRAYSCALE : JCS_YCbCr;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, settings.quality_pct, TRUE);
    // Of a single component, the factors would only group its blocks.
    info_.comp_info[0].h_samp_factor = planes.grey() ? 1 : planes.chroma_across;
    info_.comp_info[0].v_samp_factor = planes.grey() ? 1 : planes.chroma_down;
    info_.optimize_coding = settings.optimised_tables ? TRUE : FALSE;
    info_.raw_data_in = TRUE;
    if (settings.progressive) jpeg_simple_progression(&info_);
    if (settings.density_dpi > 0) {
      info_.density_unit = 1;  // JFIF 1.02: dots per inch
      info_.X_density = static_cast<UINT16>(settings.density_dpi);
      info_.Y_density = static_cast<UINT16>(settings.density_dpi);
    }
    jpeg_start_compress(&info_, TRUE);
    return true;
  }

  bool put_segments(const JpegSettings& settings) {
    if (setjmp(errors_.where) != 0) return false;
    for (const JpegSegment& segment : settings.segments) {
      jpeg_write_marker(&info_, JPEG_APP0 + segment.application, segment.bytes.data(),
                        static_cast<unsigned>(segment.bytes.size()));
    }
    // ICC.1:2022, annex B.4.
    if (!settings.profile.empty()) {
      jpeg_write_icc_profile(&info_, settings.profile.data(),
                             static_cast<unsigned>(settings.profile.size()));
    }
    return true;
  }

  bool put_samples(Planes& planes) {
    if (setjmp(errors_.where) != 0) return false;
    std::array<std::array<JSAMPROW, kMcuRowsMax>, kComponentsMax> rows{};
    std::array<JSAMPARRAY, kComponentsMax> components{};
    for (std::size_t i = 0; i < kComponentsMax; ++i) components[i] = rows[i].data();
    const auto lines = static_cast<JDIMENSION>(info_.max_v_samp_factor * DCTSIZE);
    std::int32_t mcu_row = 0;
    while (info_.next_scanline < info_.image_height) {
      for (std::size_t i = 0; i < planes.components.size(); ++i) {
        const std::int32_t height = info_.comp_info[i].v_samp_factor * DCTSIZE;
        const auto width = static_cast<std::int32_t>(info_.comp_info[i].width_in_blocks) * DCTSIZE;
        for (std::int32_t k = 0; k < height; ++k) {
          rows[i][static_cast<std::size_t>(k)] =
              completed_row(planes.components[i], mcu_row * height + k, width);
        }
      }
      jpeg_write_raw_data(&info_, components.data(), lines);
      ++mcu_row;
    }
    return true;
  }

  bool end() {
    if (setjmp(errors_.where) != 0) return false;
    jpeg_finish_compress(&info_);
    return true;
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return destination_.bytes(); }
  [[nodiscard]] base::Failure failure() const { return errors_.failure(kCannotWrite); }

 private:
  // The last sample and the last row go on as far as there are blocks, which costs the fewest bits.
  static std::uint8_t* completed_row(Plane& plane, std::int32_t y, std::int32_t width) {
    std::uint8_t* row = plane.row(std::min(y, plane.height() - 1));
    std::memset(row + plane.width(), row[plane.width() - 1],
                static_cast<std::size_t>(width - plane.width()));
    return row;
  }

  jpeg_compress_struct info_{};
  JpegErrors errors_;
  JpegDestination destination_;
};

bool factor_of_jpeg(std::int32_t factor) { return factor == 1 || factor == 2 || factor == 4; }

// What libjpeg would read memory by.
bool sizes_fit(const Planes& planes) {
  if (planes.components.size() == 1) return true;
  if (planes.components.size() != kComponentsMax) return false;
  const std::int32_t across = planes.chroma_across;
  const std::int32_t down = planes.chroma_down;
  if (!factor_of_jpeg(across) || !factor_of_jpeg(down)) return false;
  if (across * down + 2 > kBlocksInMcuMax) return false;
  return std::ranges::all_of(planes.components.begin() + 1, planes.components.end(),
                             [&](const Plane& plane) {
                               return plane.width() == (planes.width() + across - 1) / across &&
                                      plane.height() == (planes.height() + down - 1) / down;
                             });
}

base::Result<void> check(const Planes& planes, const JpegSettings& settings) {
  if (!sizes_fit(planes)) {
    return base::fail(Reason::Internal, kCannotWrite, "planes that JPEG cannot hold");
  }
  if (std::max(planes.width(), planes.height()) > kJpegSidePxMax) {
    return base::fail(Reason::ResultTooLarge, "A JPEG holds no more than 65500 px on a side.");
  }
  if (std::ranges::any_of(settings.segments, [](const JpegSegment& segment) {
        return segment.bytes.size() > kJpegSegmentBytesMax;
      })) {
    return base::fail(Reason::ResultTooLarge, "The metadata is larger than a JPEG can hold.");
  }
  return {};
}

}  // namespace

base::Result<std::vector<std::byte>> encode_jpeg(Planes& planes, const JpegSettings& settings) {
  if (auto checked = check(planes, settings); !checked) {
    return base::fail(std::move(checked).error());
  }
  JpegWriter writer;
  if (!writer.begin(planes, settings) || !writer.put_segments(settings) ||
      !writer.put_samples(planes) || !writer.end()) {
    return writer.failure();
  }
  return std::vector<std::byte>(writer.bytes().begin(), writer.bytes().end());
}

}  // namespace millrace::codecs
