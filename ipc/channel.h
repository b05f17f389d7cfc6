// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace millrace::ipc {

// One message between an agent and a worker: one datagram of a SOCK_SEQPACKET pair.
// docs/formats/ipc.md has the bytes.
struct Frame {
  std::string json;                         // at most kJsonBytesMax
  std::vector<base::UniqueFd> descriptors;  // by SCM_RIGHTS, at most kDescriptorsMax
};
inline constexpr std::size_t kJsonBytesMax = 256 << 10;
inline constexpr std::size_t kDescriptorsMax = 32;

// A connected SOCK_SEQPACKET pair, both ends close-on-exec and blocking, with room for the largest
// frame. Internal with errno's text.
base::Result<std::pair<base::UniqueFd, base::UniqueFd>> make_channel();

// Sends whole or not at all; the descriptors stay the caller's. WorkerDied when the peer is gone;
// Internal for anything else (EAGAIN on a non-blocking descriptor: QueueFull).
base::Result<void> send_frame(int fd, const std::string& json, const std::vector<int>& descriptors);
// One frame; its descriptors are close-on-exec. nullopt: the peer closed. On a non-blocking
// descriptor without a frame: QueueFull. Truncated, oversized or malformed framing is Internal and
// the descriptors that came along are closed.
base::Result<std::optional<Frame>> receive_frame(int fd);

}  // namespace millrace::ipc
