// SPDX-License-Identifier: Apache-2.0
//
// Every allocator gets its memory from mmap, and a spent RLIMIT_DATA shows there, as ENOMEM, and
// nowhere else: malloc returns NULL deep in a codec, and what comes out at the top is an error like
// any other. So the program has an mmap of its own in front of libc's. The linker exports it
// because the shared libraries (jemalloc first of all) refer to it. glibc's own malloc does not go
// through it; with that one only operator new and direct mappings are noticed.
#include "workers/runtime/memory_watch.h"

#include <atomic>
#include <cerrno>
#include <new>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace millrace::workers {
namespace {

std::atomic<bool> refused{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void note_and_throw() {
  refused.store(true, std::memory_order_relaxed);
  throw std::bad_alloc();
}

#ifndef MILLRACE_SANITIZED
void* map_and_note(void* address, std::size_t length, int protection, int flags, int fd,
                   off_t offset) {
  const long result = ::syscall(SYS_mmap, address, length, protection, flags, fd, offset);
  if (result == -1 && errno == ENOMEM) refused.store(true, std::memory_order_relaxed);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the system call's own type
  return reinterpret_cast<void*>(result);
}
#endif

}  // namespace

bool memory_was_refused() { return refused.load(std::memory_order_relaxed); }
void forget_refusals() { refused.store(false, std::memory_order_relaxed); }
void watch_operator_new() { std::set_new_handler(note_and_throw); }

}  // namespace millrace::workers

#ifndef MILLRACE_SANITIZED  // the sanitizers have theirs
extern "C" {

void* mmap(void* address, std::size_t length, int protection, int flags, int fd,
           off_t offset) noexcept {
  return millrace::workers::map_and_note(address, length, protection, flags, fd, offset);
}

void* mmap64(void* address, std::size_t length, int protection, int flags, int fd,
             off64_t offset) noexcept {
  return millrace::workers::map_and_note(address, length, protection, flags, fd, offset);
}

}  // extern "C"
#endif
