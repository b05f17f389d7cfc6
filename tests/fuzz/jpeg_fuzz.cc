// SPDX-License-Identifier: Apache-2.0
// Our JPEG decoders beside each other and beside libjpeg-turbo; mutations know how a file is built.
#include <algorithm>
#include <random>
#include <span>

#include "tests/codecs/jpeg/comparison.h"
#include "tests/codecs/jpeg/mutation.h"
#include "tests/fuzz/check.h"

namespace {

constexpr std::size_t kPxMax = 300'000;

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* bytes, std::size_t size, std::size_t size_max)
    __attribute__((weak));
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size,
                                               std::size_t size_max, unsigned seed);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto found = millrace::codecs::test::disagreement(std::as_bytes(std::span(bytes, size)),
                                                          static_cast<std::uint32_t>(size), kPxMax);
  millrace::fuzz::check(!found, found ? found->c_str() : "");
  return 0;
}

// Mostly ours; every eighth time libFuzzer's own, which knows what was compared with what.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  if (seed % 8 == 0 && LLVMFuzzerMutate != nullptr) return LLVMFuzzerMutate(bytes, size, size_max);
  const auto changed = millrace::codecs::test::mutated(std::as_bytes(std::span(bytes, size)), seed);
  const std::size_t kept = std::min(changed.size(), size_max);
  std::copy_n(reinterpret_cast<const std::uint8_t*>(changed.data()), kept, bytes);
  return kept;
}
