// SPDX-License-Identifier: Apache-2.0
#include "workers/image/memory.h"

#include <cstddef>
#include <malloc.h>

// Present when jemalloc is linked.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old_value,
                                             std::size_t* old_bytes, void* new_value,
                                             std::size_t new_bytes);

namespace millrace::workers::image {
void give_memory_back() {
  if (mallctl != nullptr) {
    mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096: all arenas
  } else {
    malloc_trim(0);
  }
}

}  // namespace millrace::workers::image
