// SPDX-License-Identifier: Apache-2.0
#include "net/raw_socket.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <net/if.h>

namespace millrace::net {
namespace {

base::Failure refuse_address(const Endpoint& endpoint, std::string_view step, int error) {
  return base::fail(base::Reason::Internal,
                    fmt::format("Cannot listen on {}: {} ({}).", endpoint.text(),
                                std::generic_category().message(error), step));
}

// True when the socket file belongs to nobody: its server is dead.
bool is_stale(const SocketAddress& address) {
  const base::UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe && ::connect(probe.get(), address.get(), address.length) != 0 &&
         errno == ECONNREFUSED;
}

}  // namespace

SocketAddress address_of_literal(const std::string& host, std::uint16_t port) {
  SocketAddress address;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return address;
  }
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

SocketAddress address_of_path(const std::string& path) {
  SocketAddress address;
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.data(), std::min(path.size(), sizeof(local.sun_path) - 1));
  std::memcpy(&address.storage, &local, sizeof(local));
  address.length = sizeof(local);
  return address;
}

std::string host_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto* ipv4 = reinterpret_cast<const sockaddr_in*>(&address);
    ::inet_ntop(AF_INET, &ipv4->sin_addr, text, sizeof(text));
  } else if (address.ss_family == AF_INET6) {
    const auto* ipv6 = reinterpret_cast<const sockaddr_in6*>(&address);
    ::inet_ntop(AF_INET6, &ipv6->sin6_addr, text, sizeof(text));
  } else {
    return "unix";
  }
  return text;
}

base::Result<base::UniqueFd> listen_on(const Endpoint& endpoint, bool reuse_port, int backlog) {
  SocketAddress address;
  if (endpoint.is_unix()) {
    address = address_of_path(endpoint.unix_path);
  } else {
    // A name is looked up once, at start, where blocking is allowed.
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int problem =
        ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
    if (problem != 0) {
      return base::fail(
          base::Reason::Internal,
          fmt::format("Cannot listen on {}: {}.", endpoint.text(), ::gai_strerror(problem)));
    }
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.length = found->ai_addrlen;
    ::freeaddrinfo(found);
  }

  base::UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return refuse_address(endpoint, "socket", errno);
  if (!endpoint.is_unix()) {
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (reuse_port && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
      return refuse_address(endpoint, "SO_REUSEPORT", errno);
    }
  }
  int bound = ::bind(fd.get(), address.get(), address.length);
  if (bound != 0 && errno == EADDRINUSE && endpoint.is_unix() && is_stale(address)) {
    ::unlink(endpoint.unix_path.c_str());
    bound = ::bind(fd.get(), address.get(), address.length);
  }
  if (bound != 0) return refuse_address(endpoint, "bind", errno);
  // Before listen, so that nobody connects under the mode that umask gave.
  if (endpoint.is_unix() && ::chmod(endpoint.unix_path.c_str(), 0660) != 0) {
    return refuse_address(endpoint, "chmod", errno);
  }
  if (::listen(fd.get(), backlog) != 0) return refuse_address(endpoint, "listen", errno);
  return fd;
}

Endpoint local_endpoint_of(int fd) {
  Endpoint endpoint;
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return endpoint;
  if (address.ss_family == AF_UNIX) {
    endpoint.unix_path = reinterpret_cast<const sockaddr_un*>(&address)->sun_path;
    return endpoint;
  }
  endpoint.host = host_text(address);
  endpoint.port = ntohs(address.ss_family == AF_INET6
                            ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                            : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  return endpoint;
}

void set_no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

bool take_off_front(std::span<iovec> parts, std::size_t count) {
  for (iovec& part : parts) {
    const std::size_t taken = std::min(count, part.iov_len);
    part.iov_base = static_cast<char*>(part.iov_base) + taken;
    part.iov_len -= taken;
    count -= taken;
    if (part.iov_len > 0) return false;
  }
  return true;
}

Sent send_parts(int fd, std::span<iovec> parts, std::size_t& progress, int flags) {
  for (;;) {
    while (!parts.empty() && parts.front().iov_len == 0) parts = parts.subspan(1);
    if (parts.empty()) return Sent::All;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT | flags);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Sent::Blocked;
      return Sent::Broken;
    }
    progress += static_cast<std::size_t>(sent);
    if (take_off_front(parts, static_cast<std::size_t>(sent))) return Sent::All;
  }
}

Peek peek(int fd) {
  char byte = 0;
  const ssize_t count = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count > 0) return Peek::Readable;
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return Peek::Quiet;
  return Peek::Closed;
}

}  // namespace millrace::net
