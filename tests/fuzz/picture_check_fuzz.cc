// SPDX-License-Identifier: Apache-2.0

// What stands in front of the loaders of SVG and JPEG 2000.
#include "tests/fuzz/check.h"
#include "workers/image/readers/jp2_header.h"
#include "workers/image/readers/svg_check.h"

namespace millrace::fuzz {
namespace {

using namespace workers::image;

void try_svg(ByteSpan file) {
  const bool begins = begins_like_svg(file);
  const auto checked = check_svg(file);
  if (checked) {
    check(begins || file.size() > (std::size_t{64} << 10), "what passes begins like an SVG");
    return;
  }
  check(checked.error().reason == base::Reason::UnsupportedMedia, "the reason is one");
  check_sentence(checked.error());
}

void try_jp2(ByteSpan file) {
  const auto header = read_jp2_header(file);
  if (!header) return check_sentence(header.error());
  check(header->size.width >= 1 && header->size.height >= 1, "a picture has pixels");
  check(header->components >= 1 && header->components <= 4, "the planes are bounded");
  check(header->bits >= 1 && header->bits <= 16, "the depth is bounded");
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  millrace::fuzz::try_svg({bytes, size});
  millrace::fuzz::try_jp2({bytes, size});
  return 0;
}
