// SPDX-License-Identifier: Apache-2.0
#include "codecs/encode/webp_encoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include <webp/encode.h>
#include <webp/mux.h>

namespace millrace::codecs {
namespace {

using base::Reason;
using Bytes = std::span<const std::uint8_t>;
using Tones = std::array<std::uint8_t, 256>;

constexpr const char* kCannotWrite = "The picture cannot be written as WebP.";
constexpr const char* kNoMemory = "The task needs more memory than one task may use.";

// ITU-R BT.601: luma keeps 219 of 255 steps above 16, chroma 224 around 128.
Tones limited(int black, int middle, int steps) {
  Tones tones{};
  for (std::size_t i = 0; i < tones.size(); ++i) {
    const double value = black + (static_cast<double>(i) - middle) * steps / 255;
    tones[i] = static_cast<std::uint8_t>(std::lround(value));
  }
  return tones;
}

Plane mapped(const Plane& plane, const Tones& tones) {
  Plane limited_plane(plane.width(), plane.height());
  for (std::int32_t y = 0; y < plane.height(); ++y) {
    const std::uint8_t* from = plane.row(y);
    std::uint8_t* to = limited_plane.row(y);
    for (std::int32_t x = 0; x < plane.width(); ++x) to[x] = tones[from[x]];
  }
  return limited_plane;
}

// The planes in limited range; neutral chroma for grey.
std::array<Plane, 3> limited_planes(const Planes& planes) {
  static const Tones luma = limited(16, 0, 219);
  static const Tones chroma = limited(128, 128, 224);
  std::array<Plane, 3> result;
  result[0] = mapped(planes.components[0], luma);
  for (std::size_t i = 1; i < result.size(); ++i) {
    if (planes.grey()) {
      result[i] = Plane((planes.width() + 1) / 2, (planes.height() + 1) / 2);
      for (std::int32_t y = 0; y < result[i].height(); ++y) {
        std::fill_n(result[i].row(y), result[i].width(), std::uint8_t{128});
      }
    } else {
      result[i] = mapped(planes.components[i], chroma);
    }
  }
  return result;
}

std::string name_of(WebPEncodingError error) {
  switch (error) {
    case VP8_ENC_OK:
      return "OK";
    case VP8_ENC_ERROR_OUT_OF_MEMORY:
      return "OUT_OF_MEMORY";
    case VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY:
      return "BITSTREAM_OUT_OF_MEMORY";
    case VP8_ENC_ERROR_NULL_PARAMETER:
      return "NULL_PARAMETER";
    case VP8_ENC_ERROR_INVALID_CONFIGURATION:
      return "INVALID_CONFIGURATION";
    case VP8_ENC_ERROR_BAD_DIMENSION:
      return "BAD_DIMENSION";
    case VP8_ENC_ERROR_PARTITION0_OVERFLOW:
      return "PARTITION0_OVERFLOW";
    case VP8_ENC_ERROR_PARTITION_OVERFLOW:
      return "PARTITION_OVERFLOW";
    case VP8_ENC_ERROR_BAD_WRITE:
      return "BAD_WRITE";
    case VP8_ENC_ERROR_FILE_TOO_BIG:
      return "FILE_TOO_BIG";
    case VP8_ENC_ERROR_USER_ABORT:
      return "USER_ABORT";
    default:
      return "error " + std::to_string(static_cast<int>(error));
  }
}

base::Failure failure(WebPEncodingError error) {
  const std::string detail = "libwebp: " + name_of(error);
  switch (error) {
    case VP8_ENC_ERROR_OUT_OF_MEMORY:
    case VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY:
      return base::fail(Reason::TaskTooExpensive, kNoMemory, detail);
    // A partition holds so many bytes.
    case VP8_ENC_ERROR_PARTITION0_OVERFLOW:
    case VP8_ENC_ERROR_PARTITION_OVERFLOW:
    case VP8_ENC_ERROR_FILE_TOO_BIG:
      return base::fail(Reason::ResultTooLarge,
                        "The picture has more detail than a WebP of its size can hold.", detail);
    default:
      return base::fail(Reason::Internal, kCannotWrite, detail);
  }
}

// libwebp's two structures, whose picture borrows the planes.
class WebpWriter {
 public:
  explicit WebpWriter(const WebpSettings& settings) : settings_(settings) {
    WebPMemoryWriterInit(&memory_);
  }
  ~WebpWriter() { WebPMemoryWriterClear(&memory_); }
  WebpWriter(const WebpWriter&) = delete;
  WebpWriter& operator=(const WebpWriter&) = delete;

  base::Result<void> write(std::array<Plane, 3>& planes) {
    WebPConfig config;
    WebPPicture picture;
    if (WebPConfigInit(&config) == 0 || WebPPictureInit(&picture) == 0) {
      return base::fail(Reason::Internal, kCannotWrite, "libwebp of another version");
    }
    config.quality = static_cast<float>(settings_.quality_pct);
    config.method = settings_.effort;
    picture.width = planes[0].width();
    picture.height = planes[0].height();
    picture.y = planes[0].row(0);
    picture.u = planes[1].row(0);
    picture.v = planes[2].row(0);
    picture.y_stride = static_cast<int>(planes[0].stride_bytes());
    picture.uv_stride = static_cast<int>(planes[1].stride_bytes());
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &memory_;
    picture.progress_hook = [](int, const WebPPicture* asking) {
      return static_cast<WebpWriter*>(asking->user_data)->may_go_on() ? 1 : 0;
    };
    picture.user_data = this;
    const bool done = WebPEncode(&config, &picture) != 0;
    const WebPEncodingError error = picture.error_code;
    WebPPictureFree(&picture);
    if (stop_) return base::fail(*std::move(stop_));
    if (!done) return failure(error);
    return {};
  }

  [[nodiscard]] Bytes bytes() const { return {memory_.mem, memory_.size}; }

 private:
  bool may_go_on() {
    if (!settings_.check) return true;
    auto checked = settings_.check();
    if (!checked) stop_ = std::move(checked).error();
    return !stop_;
  }

  const WebpSettings& settings_;
  WebPMemoryWriter memory_{};
  std::optional<base::Error> stop_;
};

std::vector<std::byte> copied(Bytes bytes) {
  const auto raw = std::as_bytes(bytes);
  return {raw.begin(), raw.end()};
}

// The same picture in an extended file (WebP container specification, "Extended File Format").
base::Result<std::vector<std::byte>> with_chunks(Bytes file, const WebpSettings& settings) {
  WebPMux* mux = WebPMuxNew();
  if (mux == nullptr) return base::fail(Reason::TaskTooExpensive, kNoMemory);
  const WebPData image{file.data(), file.size()};
  bool right = WebPMuxSetImage(mux, &image, 0) == WEBP_MUX_OK;
  const auto put = [&](const char* name, Bytes bytes) {
    const WebPData chunk{bytes.data(), bytes.size()};
    if (!bytes.empty()) right = right && WebPMuxSetChunk(mux, name, &chunk, 0) == WEBP_MUX_OK;
  };
  put("ICCP", settings.profile);
  put("EXIF", settings.exif);
  put("XMP ", settings.xmp);
  WebPData whole{nullptr, 0};
  right = right && WebPMuxAssemble(mux, &whole) == WEBP_MUX_OK;
  WebPMuxDelete(mux);
  if (!right) return base::fail(Reason::Internal, kCannotWrite, "libwebpmux");
  auto bytes = copied({whole.bytes, whole.size});
  WebPDataClear(&whole);
  return bytes;
}

bool fits_webp(const Planes& planes) {
  if (planes.components.size() == 1) return true;
  if (planes.components.size() != 3 || planes.chroma_across != 2 || planes.chroma_down != 2) {
    return false;
  }
  return std::ranges::all_of(planes.components.begin() + 1, planes.components.end(),
                             [&](const Plane& plane) {
                               return plane.width() == (planes.width() + 1) / 2 &&
                                      plane.height() == (planes.height() + 1) / 2;
                             });
}

}  // namespace

base::Result<std::vector<std::byte>> encode_webp(const Planes& planes,
                                                 const WebpSettings& settings) {
  if (!fits_webp(planes)) {
    return base::fail(Reason::Internal, kCannotWrite, "planes that WebP cannot hold");
  }
  if (std::max(planes.width(), planes.height()) > kWebpSidePxMax) {
    return base::fail(Reason::ResultTooLarge, "A WebP holds no more than 16383 px on a side.");
  }
  std::array<Plane, 3> limited = limited_planes(planes);
  WebpWriter writer(settings);
  if (auto written = writer.write(limited); !written) {
    return base::fail(std::move(written).error());
  }
  if (settings.profile.empty() && settings.exif.empty() && settings.xmp.empty()) {
    return copied(writer.bytes());
  }
  return with_chunks(writer.bytes(), settings);
}

}  // namespace millrace::codecs
