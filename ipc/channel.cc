// SPDX-License-Identifier: Apache-2.0
#include "ipc/channel.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
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

// Room for the JSON of any frame, so that one call takes a frame off the socket whatever its
// length. Touched only as far as frames reach.
char* json_room() {
  thread_local const auto room = std::make_unique_for_overwrite<char[]>(kJsonBytesMax);
  return room.get();
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
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): iovec's own type; nothing is written to
  std::array<iovec, 2> parts{iovec{header.data(), header.size()},
                             iovec{const_cast<char*>(json.data()), json.size()}};
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
  Frame frame;
  Header header{};
  char* const json = json_room();
  std::array<iovec, 2> parts{iovec{header.data(), header.size()}, iovec{json, kJsonBytesMax}};
  alignas(cmsghdr) ControlBuffer control;
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t length = 0;  // of the datagram, also of one that did not fit
  do {
    length = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_TRUNC);
  } while (length < 0 && errno == EINTR);
  if (length < 0) {
    if (errno == ECONNRESET) return std::nullopt;  // closed with frames of ours unread
    if (errno == EAGAIN) return base::fail(Reason::QueueFull, "No frame is waiting.");
    return failed("recvmsg", errno);
  }
  const bool expected_control = take_descriptors(message, frame.descriptors);
  if (length == 0) return std::nullopt;
  if ((message.msg_flags & MSG_CTRUNC) != 0) return broken("descriptors were lost on the way");
  if (!expected_control) return broken("control data that is not SCM_RIGHTS");
  if ((message.msg_flags & MSG_TRUNC) != 0) return broken("longer than a frame may be");
  const auto bytes = static_cast<std::size_t>(length);
  if (bytes < kHeaderBytes) return broken(fmt::format("{} bytes are no frame", bytes));
  const std::size_t json_bytes = bytes - kHeaderBytes;
  if (auto sound = check_header(header, json_bytes, frame.descriptors.size()); !sound) {
    return base::fail(std::move(sound.error()));
  }
  frame.json.assign(json, json_bytes);
  return frame;
}

}  // namespace millrace::ipc
