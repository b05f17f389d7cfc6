// SPDX-License-Identifier: Apache-2.0
#include "net/descriptor_passing.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace millrace::net {
namespace {

// Control data of `count` descriptors, aligned as the kernel's macros want it.
template <std::size_t count>
struct Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * count)> bytes;
};

void take(msghdr& message, std::vector<base::UniqueFd>& descriptors) {
  for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr;
       item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof fd);
      descriptors.emplace_back(fd);
    }
  }
}

}  // namespace

Sent send_parts_beside(int fd, std::span<iovec> parts, int descriptor, std::size_t& progress) {
  Control<1> control{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  cmsghdr* const item = CMSG_FIRSTHDR(&message);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(item), &descriptor, sizeof descriptor);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return errno == EAGAIN ? Sent::Blocked : Sent::Broken;
  progress += static_cast<std::size_t>(sent);
  return take_off_front(parts, static_cast<std::size_t>(sent)) ? Sent::All : Sent::Blocked;
}

ssize_t receive_beside(int fd, std::span<char> space, std::vector<base::UniqueFd>& descriptors) {
  Control<kPassedDescriptorsMax> control;  // as far as it is used the kernel writes it
  iovec part{space.data(), space.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const ssize_t count = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0) return count;
  take(message, descriptors);
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    errno = EPROTO;
    return -1;
  }
  return count;
}

}  // namespace millrace::net
