// SPDX-License-Identifier: Apache-2.0
#include "ipc/channel.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/socket.h>
#include <sys/uio.h>
#include <system_error>

#include <fmt/format.h>

namespace millrace::ipc {
namespace {

using base::Reason;

// The eight bytes before the JSON: "MR", the version of the framing, the number of descriptors, and
// the length of the JSON, little-endian. Counts that do not agree with what arrived show what the
// kernel dropped.
constexpr std::size_t kHeaderBytes = 8;
constexpr std::uint8_t kFramingVersion = 1;
using Header = std::array<std::uint8_t, kHeaderBytes>;

// What the kernel reserves of a socket's buffer for its own book-keeping.
constexpr int kBufferBytes = static_cast<int>(kJsonBytesMax + kHeaderBytes + (4 << 10));

using ControlBuffer = std::array<char, CMSG_SPACE(sizeof(int) * kDescriptorsMax)>;

std::string text_of_errno(int error) { return std::generic_category().message(error); }

base::Failure broken(std::string detail) {
  return base::fail(Reason::Internal, "A frame between agent and worker is broken.",
                    std::move(detail));
}

base::Failure failed(const char* call, int error) {
  return base::fail(Reason::Internal, "The channel between agent and worker failed.",
                    fmt::format("{}: {}", call, text_of_errno(error)));
}

Header make_header(std::size_t json_bytes, std::size_t descriptor_count) {
  Header header{'M', 'R', kFramingVersion, static_cast<std::uint8_t>(descriptor_count)};
  for (std::size_t i = 0; i < 4; ++i) {
    header[4 + i] = static_cast<std::uint8_t>((json_bytes >> (8 * i)) & 0xFFU);
  }
  return header;
}

// The kernel doubles what is asked for, and caps it by net.core.wmem_max.
base::Result<void> widen(int fd) {
  const int wanted = kBufferBytes;
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted) != 0) {
    return failed("setsockopt(SO_SNDBUF)", errno);
  }
  int granted = 0;
  socklen_t length = sizeof granted;
  if (::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &granted, &length) != 0) {
    return failed("getsockopt(SO_SNDBUF)", errno);
  }
  if (granted < kBufferBytes) {
    return base::fail(Reason::Internal, "The channel between agent and worker is too narrow.",
                      fmt::format("SO_SNDBUF is {} bytes and must be {}; raise net.core.wmem_max",
                                  granted, kBufferBytes));
  }
  return {};
}

// Takes every descriptor into ownership before anything is judged, so that none is leaked.
bool take_descriptors(msghdr& message, std::vector<base::UniqueFd>& descriptors) {
  bool expected = true;
  for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr;
       item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) {
      expected = false;
      continue;
    }
    const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof fd);
      descriptors.emplace_back(fd);
    }
  }
  return expected;
}

// The length of the frame that is next, which stays where it is; 0: the peer closed.
base::Result<std::size_t> next_frame_bytes(int fd) {
  while (true) {
    const ssize_t length = ::recv(fd, nullptr, 0, MSG_PEEK | MSG_TRUNC);
    if (length >= 0) return static_cast<std::size_t>(length);
    if (errno == EINTR) continue;
    if (errno == ECONNRESET) return std::size_t{0};  // closed with frames of ours unread
    if (errno == EAGAIN) return base::fail(Reason::QueueFull, "No frame is waiting.");
    return failed("recv", errno);
  }
}

base::Result<void> check_header(const Header& header, std::size_t json_bytes,
                                std::size_t descriptor_count) {
  if (header[0] != 'M' || header[1] != 'R') return broken("the first bytes are not MR");
  if (header[2] != kFramingVersion) {
    return broken(fmt::format("framing version {} is not known", header[2]));
  }
  if (header != make_header(json_bytes, header[3])) {
    return broken(fmt::format("{} bytes of JSON came, and the header says otherwise", json_bytes));
  }
  if (header[3] != descriptor_count) {
    return broken(
        fmt::format("{} descriptors were sent and {} arrived", header[3], descriptor_count));
  }
  return {};
}

}  // namespace

base::Result<std::pair<base::UniqueFd, base::UniqueFd>> make_channel() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return failed("socketpair", errno);
  }
  std::pair<base::UniqueFd, base::UniqueFd> pair{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
  for (const int fd : ends) {
    if (auto wide = widen(fd); !wide) return base::fail(std::move(wide.error()));
  }
  return pair;
}

base::Result<void> send_frame(int fd, const std::string& json,
                              const std::vector<int>& descriptors) {
  if (json.size() > kJsonBytesMax || descriptors.size() > kDescriptorsMax) {
    return broken(fmt::format("{} bytes of JSON and {} descriptors are too many", json.size(),
                              descriptors.size()));
  }
  Header header = make_header(json.size(), descriptors.size());
  std::string bytes = json;  // iovec wants what it will not write to as mutable
  std::array<iovec, 2> parts{iovec{header.data(), header.size()},
                             iovec{bytes.data(), bytes.size()}};
  alignas(cmsghdr) ControlBuffer control{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  if (!descriptors.empty()) {
    const std::size_t payload = sizeof(int) * descriptors.size();
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(payload);
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(payload);
    std::memcpy(CMSG_DATA(item), descriptors.data(), payload);
  }
  while (::sendmsg(fd, &message, MSG_NOSIGNAL) < 0) {
    switch (errno) {
      case EINTR:
        continue;
      case EAGAIN:
        return base::fail(Reason::QueueFull, "The channel to the peer is full.");
      case EPIPE:
      case ECONNRESET:
      case ENOTCONN:
        return base::fail(Reason::WorkerDied, "The peer of the channel is gone.",
                          text_of_errno(errno));
      default:
        return failed("sendmsg", errno);
    }
  }
  return {};
}

base::Result<std::optional<Frame>> receive_frame(int fd) {
  const auto expected = next_frame_bytes(fd);
  if (!expected) return base::fail(expected.error());
  if (*expected == 0) return std::nullopt;

  Frame frame;
  Header header{};
  // An oversized frame is taken off the socket with what fits, and refused below.
  const std::size_t json_bytes = *expected - std::min(*expected, kHeaderBytes);
  frame.json.resize(std::min(json_bytes, kJsonBytesMax));
  std::array<iovec, 2> parts{iovec{header.data(), header.size()},
                             iovec{frame.json.data(), frame.json.size()}};
  alignas(cmsghdr) ControlBuffer control{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t received = 0;
  do {
    received = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return failed("recvmsg", errno);

  const bool expected_control = take_descriptors(message, frame.descriptors);
  if ((message.msg_flags & MSG_CTRUNC) != 0) return broken("descriptors were lost on the way");
  if (!expected_control) return broken("control data that is not SCM_RIGHTS");
  if ((message.msg_flags & MSG_TRUNC) != 0) return broken("longer than a frame may be");
  if (static_cast<std::size_t>(received) != *expected || *expected < kHeaderBytes) {
    return broken(fmt::format("{} bytes are no frame", received));
  }
  if (auto sound = check_header(header, json_bytes, frame.descriptors.size()); !sound) {
    return base::fail(std::move(sound.error()));
  }
  return frame;
}

}  // namespace millrace::ipc
