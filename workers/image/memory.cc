// SPDX-License-Identifier: Apache-2.0
#include "workers/image/memory.h"

#include <cstddef>
#include <fstream>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

// Present when jemalloc is linked.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old_value,
                                             std::size_t* old_bytes, void* new_value,
                                             std::size_t new_bytes);

namespace millrace::workers::image {
namespace {

// Four bands, and the copy that a decoder keeps beside its result.
constexpr std::uint64_t kBytesPerPixel = 8;

std::uint64_t address_space_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  file >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

void give_memory_back() {
  if (mallctl != nullptr) {
    mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096: all arenas
  } else {
    malloc_trim(0);
  }
}

bool may_have_lacked_memory(const Source& source) {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
  const std::uint64_t pixels = static_cast<std::uint64_t>(source.stored.width) *
                               static_cast<std::uint64_t>(source.stored.height);
  return address_space_bytes() + pixels * kBytesPerPixel > limit.rlim_cur;
}

}  // namespace millrace::workers::image
