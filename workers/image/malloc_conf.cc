// SPDX-License-Identifier: Apache-2.0

// How jemalloc behaves in a process that decodes pictures (docs/decisions/0012). jemalloc finds the
// name in the program.
//   thp:always           a large calloc is cleared by memset; otherwise jemalloc returns its pages
//   to the kernel and has
//                        them faulted in again, which more than doubled the processor time of a
//                        thumbnail
//   narenas:1            one thread works at a time; it is another one for each task
//   oversize_threshold:0 no arena apart for large blocks, which would be purged at once
//   lg_tcache_max:20     a strip of pixels comes from the thread's own cache
//   *_decay_ms           what an idle worker does not need goes back within seconds
extern "C" {
// NOLINTNEXTLINE(readability-identifier-naming): jemalloc's name
__attribute__((used, visibility("default"))) const char* malloc_conf =
    "thp:always,narenas:1,oversize_threshold:0,lg_tcache_max:20,dirty_decay_ms:5000,muzzy_decay_ms:"
    "0";
}
