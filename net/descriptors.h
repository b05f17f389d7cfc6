// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <shared_mutex>
#include <vector>

#include "base/unique_fd.h"

namespace millrace::net {

// How many descriptors this process may have open (the soft RLIMIT_NOFILE). One system call.
std::size_t descriptor_limit();
// Raises the soft limit to the hard one, which needs no privilege. The limit that holds then.
std::size_t raise_descriptor_limit();
// What a port for the public leaves of `limit` to everything else of its process (connections to
// nodes, files, the other ports): an eighth, at least 16 and at most 4,096.
std::size_t descriptors_kept(std::size_t limit);

// The call failed because the process or the system has no descriptor, or no memory for one.
bool is_exhaustion(int error);

// Whoever accepts holds this shared, whoever accepts with a descriptor of its reserve holds it
// alone: another thread's accept would take the one that was just closed for it, and fill it with a
// client.
std::shared_mutex& accept_lock();

// Descriptors held for the moment in which there are none. One thread.
class DescriptorReserve {
 public:
  explicit DescriptorReserve(std::size_t count) : wanted_(count) { refill(); }
  // Takes what is missing, as far as the system has it.
  void refill();
  // Closes one, so that the next call that needs a descriptor finds it. False: none is held.
  bool lend();
  [[nodiscard]] std::size_t held() const { return held_.size(); }

 private:
  std::size_t wanted_;
  std::vector<base::UniqueFd> held_;
};

}  // namespace millrace::net
