// SPDX-License-Identifier: Apache-2.0
#include "gateway/retry_after.h"

#include <algorithm>

namespace millrace::gateway {
namespace {

constexpr std::int64_t kJitterMaxS = 30;

}  // namespace

std::string retry_after_text(base::Duration wait, std::uint64_t random_bits) {
  const std::int64_t seconds =
      std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(wait).count(), 1);
  const std::int64_t jitter_max = std::clamp<std::int64_t>(seconds / 4, 1, kJitterMaxS);
  const auto steps = static_cast<std::uint64_t>(jitter_max) + 1;
  return std::to_string(seconds + static_cast<std::int64_t>(random_bits % steps));
}

}  // namespace millrace::gateway
