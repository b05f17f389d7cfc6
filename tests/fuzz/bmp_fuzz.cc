// SPDX-License-Identifier: Apache-2.0

// Bitmaps, alone and in icons.
#include <vector>

#include "tests/fuzz/check.h"
#include "workers/image/readers/bmp_reader.h"
#include "workers/image/readers/ico_reader.h"

namespace millrace::fuzz {
namespace {

using namespace workers::image;

// As a worker's limits of a source, but smaller: the fuzzer is to be fast.
constexpr std::int64_t kSidePxMax = 2000;
constexpr std::int64_t kPxMax = 1'000'000;

bool is_small(const RasterLayout& layout) {
  const auto [width, height] = layout.size;
  check(width >= 1 && height >= 1, "a picture has pixels");
  return width <= kSidePxMax && height <= kSidePxMax && width * height <= kPxMax;
}

void check_error(const base::Error& error) {
  check(error.reason == base::Reason::CorruptMedia ||
            error.reason == base::Reason::UnsupportedMedia ||
            error.reason == base::Reason::BadParameter,
        "the reason is one that is promised");
  check_sentence(error);
}

void try_bmp(ByteSpan file) {
  const auto bmp = read_bmp(file);
  if (!bmp) return check_error(bmp.error());
  if (!is_small(bmp->layout)) return;
  std::vector<std::uint8_t> pixels(bmp->layout.bytes());
  if (auto done = decode_bmp(*bmp, pixels); !done) check_error(done.error());
}

void try_icon(ByteSpan file, std::optional<std::int64_t> page) {
  const auto icon = read_icon(file, page);
  if (!icon) return check_error(icon.error());
  if (!icon->png.empty() || !is_small(icon->bitmap.layout)) return;
  std::vector<std::uint8_t> pixels(icon->bitmap.layout.bytes());
  if (auto done = decode_icon(*icon, pixels); !done) check_error(done.error());
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  millrace::fuzz::try_bmp({bytes, size});
  millrace::fuzz::try_icon({bytes, size}, std::nullopt);
  millrace::fuzz::try_icon({bytes, size}, 0);
  return 0;
}
