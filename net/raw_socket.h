// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "net/endpoint.h"

namespace millrace::net {

// A socket address of any family.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
};

// nullopt-like (length 0) when `host` is not a literal address.
SocketAddress address_of_literal(const std::string& host, std::uint16_t port);
SocketAddress address_of_path(const std::string& path);
// "127.0.0.1", "::1" or "unix".
std::string host_text(const sockaddr_storage& address);

// A peer's address as accept gave it, kept small: a socket that the peer has left knows it no more.
class PeerAddress {
 public:
  explicit PeerAddress(const SocketAddress& from) {
    std::memcpy(bytes_.data(), &from.storage, bytes_.size());
  }
  [[nodiscard]] std::string host() const {
    sockaddr_storage address{};
    std::memcpy(&address, bytes_.data(), bytes_.size());
    return host_text(address);
  }
  [[nodiscard]] bool is_unix() const {
    sa_family_t family = AF_UNSPEC;
    std::memcpy(&family, bytes_.data() + offsetof(sockaddr, sa_family), sizeof family);
    return family == AF_UNIX;
  }

 private:
  std::array<std::byte, sizeof(sockaddr_in6)> bytes_;
};

// Binds and listens, non-blocking. A unix socket's path that nobody listens on any more is
// replaced; its mode is 0660. Internal with errno's text.
base::Result<base::UniqueFd> listen_on(const Endpoint& endpoint, bool reuse_port, int backlog);
// With the port that the kernel chose.
Endpoint local_endpoint_of(int fd);
void set_no_delay(int fd);

enum class Sent { All, Blocked, Broken };
// Sends `parts` in as few system calls as the socket takes, without waiting and without SIGPIPE.
// What was sent is taken off their front, and counted in `progress`. `flags` are added to send's.
Sent send_parts(int fd, std::span<iovec> parts, std::size_t& progress, int flags = 0);
// True when nothing of them is left.
bool take_off_front(std::span<iovec> parts, std::size_t count);
inline iovec part_of(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

enum class Peek { Quiet, Readable, Closed };
// What a read would meet, without reading.
Peek peek(int fd);

}  // namespace millrace::net
