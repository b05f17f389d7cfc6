// SPDX-License-Identifier: Apache-2.0
#include "tests/support/http_probe.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace millrace::test {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

bool parse_head(std::string_view head, HttpReply& reply) {
  if (!head.starts_with("HTTP/1.") || head.size() < 12) return false;
  const std::string_view digits = head.substr(9, 3);
  if (std::from_chars(digits.data(), digits.data() + 3, reply.status).ec != std::errc()) {
    return false;
  }
  std::size_t at = head.find("\r\n");
  while (at != std::string_view::npos) {
    const std::size_t begin = at + 2;
    at = head.find("\r\n", begin);
    const std::string_view line = head.substr(begin, at - begin);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    reply.headers[lower(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
  }
  return true;
}

}  // namespace

std::string HttpReply::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

RawConnection::RawConnection(std::uint16_t port, std::chrono::seconds patience) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval wait{};
  wait.tv_sec = patience.count();
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) close();
}

RawConnection::~RawConnection() { close(); }

void RawConnection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool RawConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawConnection::fill() {
  char piece[65536];
  const ssize_t got = ::recv(fd_, piece, sizeof piece, 0);
  if (got <= 0) return false;
  buffered_.append(piece, static_cast<std::size_t>(got));
  return true;
}

std::string RawConnection::read_until_close() {
  while (fill()) {
  }
  return std::exchange(buffered_, {});
}

std::optional<HttpReply> RawConnection::read_reply(bool head_only) {
  std::size_t end = 0;
  while ((end = buffered_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return std::nullopt;
  }
  HttpReply reply;
  if (!parse_head(std::string_view(buffered_).substr(0, end), reply)) return std::nullopt;
  buffered_.erase(0, end + 4);
  if (head_only || reply.status == 204 || reply.status == 304) {
    reply.complete = true;
    return reply;
  }
  if (lower(reply.header("transfer-encoding")) == "chunked") {
    for (;;) {
      std::size_t line = 0;
      while ((line = buffered_.find("\r\n")) == std::string::npos) {
        if (!fill()) return reply;
      }
      const std::size_t size = std::strtoul(buffered_.c_str(), nullptr, 16);
      buffered_.erase(0, line + 2);
      while (buffered_.size() < size + 2) {
        if (!fill()) return reply;
      }
      reply.body.append(buffered_, 0, size);
      buffered_.erase(0, size + 2);
      if (size == 0) break;
    }
    reply.complete = true;
    return reply;
  }
  if (reply.headers.contains("content-length")) {
    const std::size_t size = std::strtoul(reply.header("content-length").c_str(), nullptr, 10);
    while (buffered_.size() < size && fill()) {
    }
    reply.complete = buffered_.size() >= size;
    reply.body = buffered_.substr(0, size);
    buffered_.erase(0, reply.body.size());
    return reply;
  }
  reply.body = read_until_close();
  reply.complete = true;
  return reply;
}

HttpReply fetch(std::uint16_t port, const std::string& target, const FieldList& fields,
                const std::string& method) {
  RawConnection connection(port);
  if (!connection.connected()) return {};
  std::string request = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  for (const auto& [name, value] : fields) request += name + ": " + value + "\r\n";
  request += "Connection: close\r\n\r\n";
  if (!connection.send(request)) return {};
  return connection.read_reply(method == "HEAD").value_or(HttpReply{});
}

}  // namespace millrace::test
