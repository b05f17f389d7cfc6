// SPDX-License-Identifier: Apache-2.0
#include "workers/image/readers/jxl_reader.h"

#include <algorithm>
#include <memory>

#include <jxl/decode.h>
#include <jxl/encode.h>  // JxlColorEncodingSetToSRGB
#include <jxl/version.h>

namespace millrace::workers::image {
namespace {

using base::Reason;

constexpr std::size_t kProfileBytesMax = std::size_t{4} << 20;
constexpr int kDelayMsMax = 600'000;

struct Destroy {
  void operator()(JxlDecoder* decoder) const { JxlDecoderDestroy(decoder); }
};
using Decoder = std::unique_ptr<JxlDecoder, Destroy>;

base::Failure corrupt(const char* detail) {
  return base::fail(Reason::CorruptMedia, "The jxl file is damaged: it cannot be decoded.", detail);
}

base::Result<Decoder> open(ByteSpan file, int events) {
  Decoder decoder(JxlDecoderCreate(nullptr));
  if (!decoder) {
    return base::fail(Reason::TaskTooExpensive,
                      "The task needs more memory than one task may use.");
  }
  if (JxlDecoderSubscribeEvents(decoder.get(), events) != JXL_DEC_SUCCESS ||
      JxlDecoderSetUnpremultiplyAlpha(decoder.get(), JXL_TRUE) != JXL_DEC_SUCCESS ||
      JxlDecoderSetInput(decoder.get(), file.data(), file.size()) != JXL_DEC_SUCCESS) {
    return corrupt("libjxl refused its settings");
  }
  JxlDecoderCloseInput(decoder.get());
  return decoder;
}

JxlPixelFormat format_of(const RasterLayout& layout) {
  return {static_cast<std::uint32_t>(layout.bands()),
          layout.deep ? JXL_TYPE_UINT16 : JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
}

bool has_ink(const JxlDecoder* decoder, const JxlBasicInfo& facts) {
  for (std::uint32_t i = 0; i < facts.num_extra_channels; ++i) {
    JxlExtraChannelInfo channel;
    if (JxlDecoderGetExtraChannelInfo(decoder, i, &channel) != JXL_DEC_SUCCESS) return true;
    if (channel.type == JXL_CHANNEL_BLACK) return true;
  }
  return false;
}

// Of what is stored in libjxl's own space and came with a profile that libjxl can only carry along,
// it would give linear light, of which eight bits are too few.
void ask_for_srgb(JxlDecoder* decoder, const JxlBasicInfo& facts) {
  if (facts.uses_original_profile == JXL_TRUE) return;
  JxlColorEncoding encoding;
#if JPEGXL_NUMERIC_VERSION >= JPEGXL_COMPUTE_NUMERIC_VERSION(0, 9, 0)
  const auto known =
      JxlDecoderGetColorAsEncodedProfile(decoder, JXL_COLOR_PROFILE_TARGET_ORIGINAL, &encoding);
#else
  const auto known = JxlDecoderGetColorAsEncodedProfile(
      decoder, nullptr, JXL_COLOR_PROFILE_TARGET_ORIGINAL, &encoding);
#endif
  if (known == JXL_DEC_SUCCESS) return;
  JxlColorEncodingSetToSRGB(&encoding, facts.num_color_channels == 1 ? JXL_TRUE : JXL_FALSE);
  JxlDecoderSetPreferredColorProfile(decoder, &encoding);
}

// Empty where there is none that can be said.
std::vector<std::uint8_t> profile_of(const JxlDecoder* decoder) {
  constexpr auto kTarget = JXL_COLOR_PROFILE_TARGET_DATA;
  std::size_t bytes = 0;
  std::vector<std::uint8_t> icc;
#if JPEGXL_NUMERIC_VERSION >= JPEGXL_COMPUTE_NUMERIC_VERSION(0, 9, 0)
  const auto sized = JxlDecoderGetICCProfileSize(decoder, kTarget, &bytes);
#else
  const auto sized = JxlDecoderGetICCProfileSize(decoder, nullptr, kTarget, &bytes);
#endif
  if (sized != JXL_DEC_SUCCESS || bytes == 0 || bytes > kProfileBytesMax) return icc;
  icc.resize(bytes);
#if JPEGXL_NUMERIC_VERSION >= JPEGXL_COMPUTE_NUMERIC_VERSION(0, 9, 0)
  const auto got = JxlDecoderGetColorAsICCProfile(decoder, kTarget, icc.data(), icc.size());
#else
  const auto got =
      JxlDecoderGetColorAsICCProfile(decoder, nullptr, kTarget, icc.data(), icc.size());
#endif
  if (got != JXL_DEC_SUCCESS) icc.clear();
  return icc;
}

int delay_ms(const JxlFrameHeader& frame, const JxlAnimationHeader& clock) {
  if (clock.tps_numerator == 0) return 0;
  const double milliseconds = 1000.0 * frame.duration * clock.tps_denominator / clock.tps_numerator;
  return static_cast<int>(std::min<double>(milliseconds, kDelayMsMax));
}

base::Result<void> read_basics(const JxlDecoder* decoder, const JxlBasicInfo& facts,
                               JxlPicture& picture) {
  if (has_ink(decoder, facts)) {
    return base::fail(Reason::UnsupportedMedia, "The source is a kind of jxl that cannot be read.");
  }
  picture.layout.size = {facts.xsize, facts.ysize};
  picture.layout.color = facts.num_color_channels == 1 ? RasterColor::Grey : RasterColor::Rgb;
  picture.layout.alpha = facts.alpha_bits > 0;
  picture.layout.deep = facts.bits_per_sample > 8 || facts.exponent_bits_per_sample > 0;
  picture.loops = static_cast<int>(std::min<std::uint32_t>(facts.animation.num_loops, INT16_MAX));
  return {};
}

}  // namespace

base::Result<JxlPicture> read_jxl(ByteSpan file, std::int64_t frames_max) {
  auto decoder = open(file, JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FRAME);
  if (!decoder) return base::fail(std::move(decoder.error()));
  JxlPicture picture;
  JxlBasicInfo facts{};
  while (true) {
    switch (JxlDecoderProcessInput(decoder->get())) {
      case JXL_DEC_BASIC_INFO:
        if (JxlDecoderGetBasicInfo(decoder->get(), &facts) != JXL_DEC_SUCCESS) {
          return corrupt("no basic info");
        }
        if (auto read = read_basics(decoder->get(), facts, picture); !read) {
          return base::fail(std::move(read.error()));
        }
        break;
      case JXL_DEC_COLOR_ENCODING:
        ask_for_srgb(decoder->get(), facts);
        picture.icc = profile_of(decoder->get());
        if (facts.have_animation != JXL_TRUE) return picture;
        break;
      case JXL_DEC_FRAME: {
        JxlFrameHeader frame;
        if (JxlDecoderGetFrameHeader(decoder->get(), &frame) != JXL_DEC_SUCCESS) {
          return corrupt("no frame header");
        }
        picture.delays_ms.push_back(delay_ms(frame, facts.animation));
        if (static_cast<std::int64_t>(picture.delays_ms.size()) > frames_max) return picture;
        break;
      }
      case JXL_DEC_SUCCESS:
        if (picture.delays_ms.empty()) return corrupt("an animation without frames");
        return picture;
      default:
        return corrupt("the header cannot be read");
    }
  }
}

struct JxlDecoding::State {
  const JxlPicture& picture;
  base::Result<Decoder> decoder;
  JxlBasicInfo facts{};
};

JxlDecoding::JxlDecoding(ByteSpan file, const JxlPicture& picture, std::size_t first)
    : state_(new State{
          picture, open(file, JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE)}) {
  if (state_->decoder && first > 0) JxlDecoderSkipFrames(state_->decoder->get(), first);
}

JxlDecoding::~JxlDecoding() = default;

base::Result<void> JxlDecoding::next(PixelSpan pixels) {
  if (!state_->decoder) return base::fail(state_->decoder.error());
  JxlDecoder* decoder = state_->decoder->get();
  const JxlPixelFormat format = format_of(state_->picture.layout);
  if (pixels.size() != state_->picture.layout.bytes()) {
    return base::fail(Reason::Internal, "The worker failed.", "a buffer of another size");
  }
  while (true) {
    switch (JxlDecoderProcessInput(decoder)) {
      case JXL_DEC_BASIC_INFO:
        if (JxlDecoderGetBasicInfo(decoder, &state_->facts) != JXL_DEC_SUCCESS) {
          return corrupt("no basic info");
        }
        break;
      case JXL_DEC_COLOR_ENCODING:
        ask_for_srgb(decoder, state_->facts);
        break;
      case JXL_DEC_NEED_IMAGE_OUT_BUFFER: {
        std::size_t wanted = 0;
        if (JxlDecoderImageOutBufferSize(decoder, &format, &wanted) != JXL_DEC_SUCCESS ||
            wanted != pixels.size() ||
            JxlDecoderSetImageOutBuffer(decoder, &format, pixels.data(), pixels.size()) !=
                JXL_DEC_SUCCESS) {
          return corrupt("a frame of another size");
        }
        break;
      }
      case JXL_DEC_FULL_IMAGE:
        return {};
      default:
        return corrupt("a frame cannot be decoded");
    }
  }
}

}  // namespace millrace::workers::image
