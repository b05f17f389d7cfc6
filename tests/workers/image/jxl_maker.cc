// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/jxl_maker.h"

#include <memory>
#include <stdexcept>

#include <jxl/encode.h>

namespace millrace::workers::image {
namespace {

struct Destroy {
  void operator()(JxlEncoder* encoder) const { JxlEncoderDestroy(encoder); }
};

void check(JxlEncoderStatus status, const char* what) {
  if (status != JXL_ENC_SUCCESS) throw std::runtime_error(what);
}

JxlBasicInfo basics_of(const JxlRecipe& recipe) {
  JxlBasicInfo facts;
  JxlEncoderInitBasicInfo(&facts);
  facts.xsize = recipe.width;
  facts.ysize = recipe.height;
  facts.bits_per_sample = 8;
  facts.uses_original_profile = JXL_TRUE;
  facts.num_color_channels = recipe.bands == 1 ? 1 : 3;
  if (recipe.bands == 4) {
    facts.alpha_bits = 8;
    facts.num_extra_channels = 1;
  }
  if (!recipe.delays_ms.empty()) {
    facts.have_animation = JXL_TRUE;
    facts.animation.tps_numerator = 1000;
    facts.animation.tps_denominator = 1;
    facts.animation.num_loops = recipe.loops;
  }
  return facts;
}

std::string output_of(JxlEncoder* encoder) {
  std::string file(std::size_t{64} << 10, '\0');
  auto* next = reinterpret_cast<std::uint8_t*>(file.data());
  std::size_t room = file.size();
  while (true) {
    const JxlEncoderStatus status = JxlEncoderProcessOutput(encoder, &next, &room);
    const std::size_t used = file.size() - room;
    if (status == JXL_ENC_SUCCESS) return file.substr(0, used);
    if (status != JXL_ENC_NEED_MORE_OUTPUT) throw std::runtime_error("libjxl cannot encode");
    file.resize(file.size() * 2);
    next = reinterpret_cast<std::uint8_t*>(file.data()) + used;
    room = file.size() - used;
  }
}

}  // namespace

std::string make_jxl(const JxlRecipe& recipe) {
  const std::unique_ptr<JxlEncoder, Destroy> encoder(JxlEncoderCreate(nullptr));
  if (!encoder) throw std::runtime_error("no encoder");
  const JxlBasicInfo facts = basics_of(recipe);
  check(JxlEncoderSetBasicInfo(encoder.get(), &facts), "basic info");
  JxlColorEncoding color;
  JxlColorEncodingSetToSRGB(&color, recipe.bands == 1 ? JXL_TRUE : JXL_FALSE);
  check(JxlEncoderSetColorEncoding(encoder.get(), &color), "colour");
  JxlEncoderFrameSettings* settings = JxlEncoderFrameSettingsCreate(encoder.get(), nullptr);
  check(JxlEncoderSetFrameLossless(settings, JXL_TRUE), "lossless");
  const JxlPixelFormat format{recipe.bands, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
  for (std::size_t i = 0; i < recipe.frames.size(); ++i) {
    if (!recipe.delays_ms.empty()) {
      JxlFrameHeader header;
      JxlEncoderInitFrameHeader(&header);
      header.duration = recipe.delays_ms.at(i);
      check(JxlEncoderSetFrameHeader(settings, &header), "frame header");
    }
    const std::vector<std::uint8_t>& frame = recipe.frames[i];
    check(JxlEncoderAddImageFrame(settings, &format, frame.data(), frame.size()), "frame");
  }
  JxlEncoderCloseInput(encoder.get());
  return output_of(encoder.get());
}

}  // namespace millrace::workers::image
