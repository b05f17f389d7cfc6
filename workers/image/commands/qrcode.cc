// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "workers/image/command.h"
#include "workers/image/qr_code.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;
using vips::VImage;

constexpr std::size_t kModulePx = 8;
constexpr std::size_t kQuietModules = 4;  // ISO/IEC 18004, 9.1
constexpr std::int64_t kContentForm = 1;

constexpr const char* kDescription =
    "Gives a PNG. Form 0, which is the default, encodes the URL of the original as the client "
    "wrote it: scheme, host and path without the query, so that no token gets into a picture. Form "
    "1 encodes the content of the file, which may be of any kind (a vCard, a text), or what the "
    "commands before have made of it.\n\n"
    "`level` says how much of the code may be lost, and how many bytes it holds at most:\n\n"
    "| level | may be lost | bytes |\n"
    "|---|---|---|\n"
    "| `L` | 7 % | 2953 |\n"
    "| `M` | 15 % | 2331 |\n"
    "| `Q` | 25 % | 1663 |\n"
    "| `H` | 30 % | 1273 |\n\n"
    "The smallest code that holds the bytes is made, eight px for each module and four modules of "
    "quiet around it. More bytes, or none, are refused with 400 `bad_parameter`.";

ParameterSpec url_parameter() {
  ParameterSpec spec;
  spec.name = "url";
  spec.summary = "What form 0 encodes.";
  spec.kind = ParameterKind::Text;
  spec.unit = "bytes";
  spec.min = 1;
  spec.max = static_cast<std::int64_t>(qr_bytes_max(QrLevel::L));
  spec.from_request = true;
  return spec;
}

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "qrcode";
  spec.summary = "A QR code of the original's URL, or of what is in the file.";
  spec.description = kDescription;
  ParameterSpec form;
  form.name = "form";
  form.summary = "0: the URL; 1: the content.";
  form.min = 0;
  form.max = 1;
  form.default_text = "0";
  spec.positional = {form};
  ParameterSpec level;
  level.name = "level";
  level.summary = "How much of it may be lost.";
  level.kind = ParameterKind::Choice;
  level.choices = {"L", "M", "Q", "H"};
  level.default_text = "L";
  spec.named = {level, url_parameter()};
  spec.takes = {"file"};
  spec.gives = "image";
  spec.examples = {
      {"qrcode", "Of the URL."},
      {"qrcode/1/level/M", "Of the content of a small file."},
      {"qrcode/0/level/H|imageView2/2/w/200", "Of the URL, smaller, with room for damage."},
  };
  return spec;
}

QrLevel level_of(const CommandCall& call) {
  const std::string level = call.choice("level").value_or("L");
  if (level == "M") return QrLevel::M;
  if (level == "Q") return QrLevel::Q;
  return level == "H" ? QrLevel::H : QrLevel::L;
}

base::Result<std::string> content_of(const CommandCall& call, ImageStage& stage) {
  if (call.integer("form").value_or(0) == kContentForm) return stage.encoded();
  auto url = call.decoded("url");
  if (!url) return base::fail(Reason::BadParameter, "qrcode needs the URL of the request.");
  return *std::move(url);
}

VImage drawn(const QrCode& code) {
  const std::size_t side = (code.side + 2 * kQuietModules) * kModulePx;
  std::vector<std::uint8_t> pixels(side * side, 255);
  for (std::size_t i = 0; i < code.is_dark.size(); ++i) {
    if (!code.is_dark[i]) continue;
    const std::size_t left = (i % code.side + kQuietModules) * kModulePx;
    const std::size_t top = (i / code.side + kQuietModules) * kModulePx;
    for (std::size_t y = top; y < top + kModulePx; ++y) {
      std::memset(&pixels[y * side + left], 0, kModulePx);
    }
  }
  VipsImage* const image =
      vips_image_new_from_memory_copy(pixels.data(), pixels.size(), static_cast<int>(side),
                                      static_cast<int>(side), 1, VIPS_FORMAT_UCHAR);
  if (image == nullptr) throw vips::VError();
  return VImage(image).copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_B_W));
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  auto content = content_of(call, stage);
  if (!content) return base::fail(std::move(content.error()));
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(content->data());
  const auto code = make_qr_code({bytes, content->size()}, level_of(call));
  if (!code) return base::fail(code.error());
  if (auto replaced = stage.replace_picture(drawn(*code)); !replaced) return replaced;
  Encoding encoding;
  encoding.format = OutputFormat::Png;
  return stage.encode_as(encoding);
}

}  // namespace

template <>
ImageCommand image_command<"qrcode">(const ImageWorkerOptions&) {
  return {make_spec(), {}, run};
}

}  // namespace millrace::workers::image
