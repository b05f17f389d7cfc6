// SPDX-License-Identifier: Apache-2.0
#include "net/descriptors.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/resource.h>
#include <utility>

namespace millrace::net {

std::size_t descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  return descriptor_limit();
}

std::size_t descriptors_kept(std::size_t limit) {
  return std::clamp<std::size_t>(limit / 8, 16, 4'096);
}

bool is_exhaustion(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

std::shared_mutex& accept_lock() {
  static std::shared_mutex lock;
  return lock;
}

void DescriptorReserve::refill() {
  while (held_.size() < wanted_) {
    base::UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!fd) return;
    held_.push_back(std::move(fd));
  }
}

bool DescriptorReserve::lend() {
  if (held_.empty()) return false;
  held_.pop_back();
  return true;
}

}  // namespace millrace::net
