// SPDX-License-Identifier: Apache-2.0
#include "workers/runtime/file_pages.h"

#include <charconv>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <system_error>
#include <vector>

namespace millrace::workers {
namespace {

struct Mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool is_file = false;
  bool is_writable = false;
  std::uint64_t own_kib = 0;  // that are not the file's any more, in memory or swapped out
};

// "7f0c8a000000-7f0c8a021000 r-xp 00000000 fe:00 1234  /usr/lib/…", a mapping's first line;
// nullopt: another one.
std::optional<Mapping> mapping_of(const std::string& line) {
  Mapping found;
  const char* const end = line.data() + line.size();
  const auto begin = std::from_chars(line.data(), end, found.begin, 16);
  if (begin.ec != std::errc{} || begin.ptr == end || *begin.ptr != '-') return std::nullopt;
  const auto last = std::from_chars(begin.ptr + 1, end, found.end, 16);
  if (last.ec != std::errc{} || last.ptr == end || *last.ptr != ' ') return std::nullopt;
  std::istringstream words(std::string(last.ptr, end));
  std::string permissions;
  std::string offset;
  std::string device;
  std::uint64_t inode = 0;
  if (!(words >> permissions >> offset >> device >> inode)) return std::nullopt;
  found.is_file = inode != 0;
  found.is_writable = permissions.find('w') != std::string::npos;
  return found;
}

// "Anonymous:             4 kB"
std::uint64_t kib_of(const std::string& line, std::string_view name) {
  if (!line.starts_with(name)) return 0;
  std::istringstream words(line.substr(name.size()));
  std::uint64_t kib = 0;
  words >> kib;
  return kib;
}

std::vector<Mapping> mappings_of_process() {
  std::vector<Mapping> mappings;
  std::ifstream smaps("/proc/self/smaps");
  for (std::string line; std::getline(smaps, line);) {
    if (const auto next = mapping_of(line)) {
      mappings.push_back(*next);
    } else if (!mappings.empty()) {
      mappings.back().own_kib += kib_of(line, "Anonymous:") + kib_of(line, "Swap:");
    }
  }
  return mappings;
}

}  // namespace

void release_file_pages() {
  for (const Mapping& mapping : mappings_of_process()) {
    if (!mapping.is_file || mapping.is_writable || mapping.own_kib > 0) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel told the address
    ::madvise(reinterpret_cast<void*>(mapping.begin), mapping.end - mapping.begin, MADV_DONTNEED);
  }
}

}  // namespace millrace::workers
