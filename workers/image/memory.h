// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace millrace::workers::image {

// A task that read fewer pixels than this leaves little behind, and to fault the pages in again
// would cost the next one.
inline constexpr std::uint64_t kPurgeAbovePx = 40'000'000;

// Returns what the allocator keeps to the kernel. Milliseconds.
void give_memory_back();

}  // namespace millrace::workers::image
