// SPDX-License-Identifier: Apache-2.0
#include "agent/cached_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

namespace millrace::agent {
namespace {

// Small files are mapped with their pages in place: one call instead of a fault for each.
constexpr std::uint64_t kPopulateBytesMax = 1U << 20;

}  // namespace

CachedFile::~CachedFile() {
  if (mapping_ != nullptr) ::munmap(mapping_, size_bytes_);
  if (is_file()) ::unlinkat(books_->dir.get(), name_.c_str(), 0);
  if (node_ == nullptr) books_->policy.release(reserved_);
}

base::Result<std::string_view> CachedFile::bytes() {
  if (size_bytes_ == 0) return std::string_view();
  if (!is_file()) return std::string_view(held_.get(), size_bytes_);
  if (mapping_ == nullptr) {
    const auto fd = descriptor();
    if (!fd) return base::fail(fd.error());
    const int populate = size_bytes_ <= kPopulateBytesMax ? MAP_POPULATE : 0;
    void* mapping = ::mmap(nullptr, size_bytes_, PROT_READ, MAP_SHARED | populate, *fd, 0);
    if (mapping == MAP_FAILED) {
      return base::fail(base::Reason::CacheFull, "The node's memory cache has no room.",
                        std::string("mmap: ") + std::generic_category().message(errno));
    }
    mapping_ = mapping;
  }
  return std::string_view(static_cast<const char*>(mapping_), size_bytes_);
}

base::Result<int> CachedFile::descriptor() {
  if (!descriptor_) {
    auto fd = open();
    if (!fd) return base::fail(std::move(fd.error()));
    descriptor_ = std::move(*fd);
  }
  return descriptor_.get();
}

base::Result<base::UniqueFd> CachedFile::open() const {
  base::UniqueFd fd(::openat(books_->dir.get(), name_.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd) return fd;
  const std::string detail = "open " + name_ + ": " + std::generic_category().message(errno);
  if (errno == EMFILE || errno == ENFILE) {
    return base::fail(base::Reason::CacheFull, "The node's memory cache has no room.", detail);
  }
  return base::fail(base::Reason::Internal, "The node's memory cache lost a file.", detail);
}

}  // namespace millrace::agent
