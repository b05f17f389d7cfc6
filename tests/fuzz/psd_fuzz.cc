// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "tests/fuzz/check.h"
#include "workers/image/readers/psd_reader.h"

namespace millrace::fuzz {
namespace {

using namespace workers::image;

constexpr std::int64_t kPxMax = 1'000'000;

void check_error(const base::Error& error) {
  check(
      error.reason == base::Reason::CorruptMedia || error.reason == base::Reason::UnsupportedMedia,
      "the reason is one that is promised");
  check_sentence(error);
}

void try_psd(ByteSpan file) {
  const auto psd = read_psd(file);
  if (!psd) return check_error(psd.error());
  const auto [width, height] = psd->layout.size;
  check(width >= 1 && height >= 1 && width <= 30'000 && height <= 30'000, "the sides are bounded");
  if (width * height > kPxMax) return;
  std::vector<std::uint8_t> pixels(psd->layout.bytes());
  if (auto done = decode_psd(*psd, pixels); !done) check_error(done.error());
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  millrace::fuzz::try_psd({bytes, size});
  return 0;
}
