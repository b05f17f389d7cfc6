// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <sys/types.h>
#include <sys/uio.h>
#include <vector>

#include "base/unique_fd.h"
#include "net/raw_socket.h"

namespace millrace::net {

// Descriptors beside the bytes of a stream between two processes of one machine (unix(7),
// SCM_RIGHTS). They arrive with the first of the bytes that they were sent with, never earlier and
// never later: the kernel does not join what was sent before or after to it.

// What one receive takes at most.
inline constexpr std::size_t kPassedDescriptorsMax = 4;

// As send_parts, once, with `descriptor` beside the first byte: it is on its way when there is any
// progress. It stays the caller's.
Sent send_parts_beside(int fd, std::span<iovec> parts, int descriptor, std::size_t& progress);

// As recv without waiting, and appends the descriptors that came along, close-on-exec. -1 with
// EPROTO when there were more of them than are taken.
ssize_t receive_beside(int fd, std::span<char> space, std::vector<base::UniqueFd>& descriptors);

}  // namespace millrace::net
