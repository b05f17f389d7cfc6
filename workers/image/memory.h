// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "workers/image/source.h"

namespace millrace::workers::image {

// A task that read fewer pixels than this leaves little behind, and to fault the pages in again
// would cost the next one.
inline constexpr std::uint64_t kPurgeAbovePx = 40'000'000;

// Returns what the allocator keeps to the kernel. Milliseconds.
void give_memory_back();

// Decoding failed and the decoder did not say why: would the pixels of this source, decoded whole,
// have gone past the limit of the process' address space (RLIMIT_AS)? libwebp and libnsgif fail so
// without a word about memory.
bool may_have_lacked_memory(const Source& source);

}  // namespace millrace::workers::image
