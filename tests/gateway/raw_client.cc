// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/raw_client.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <charconv>
#include <netinet/in.h>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>

namespace millrace::gateway {
namespace {

constexpr int kPatienceMs = 30'000;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::string Reply::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? "" : found->second;
}

RawClient::RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr plain{};
  static_assert(sizeof(plain) == sizeof(address));
  std::copy_n(reinterpret_cast<const char*>(&address), sizeof(address),
              reinterpret_cast<char*>(&plain));
  if (::connect(fd_.get(), &plain, sizeof(plain)) != 0) fd_.reset();
}

void RawClient::send(std::string_view bytes) const {
  while (fd_ && !bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool RawClient::fill() {
  pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  if (!fd_ || ::poll(&waiting, 1, kPatienceMs) != 1) return false;
  std::array<char, 64 << 10> piece{};
  const ssize_t got = ::recv(fd_.get(), piece.data(), piece.size(), 0);
  if (got <= 0) return false;
  buffered_.append(piece.data(), static_cast<std::size_t>(got));
  return true;
}

std::string RawClient::read_some(std::size_t bytes_min) {
  while (buffered_.size() < bytes_min) {
    if (!fill()) return "";
  }
  return std::exchange(buffered_, {});
}

Reply RawClient::read_reply(bool head_only) {
  Reply reply;
  std::size_t end = 0;
  while ((end = buffered_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return reply;
  }
  std::istringstream head(buffered_.substr(0, end));
  buffered_.erase(0, end + 4);
  std::string line;
  std::getline(head, line);
  std::from_chars(line.data() + 9, line.data() + 12, reply.status);
  while (std::getline(head, line)) {
    if (line.ends_with('\r')) line.pop_back();
    const std::size_t colon = line.find(':');
    reply.headers.emplace(lower(line.substr(0, colon)), line.substr(colon + 2));
  }
  reply.complete = true;
  if (head_only || reply.status == 204 || reply.status == 304) return reply;
  if (reply.header("transfer-encoding") == "chunked") {
    while (true) {
      while ((end = buffered_.find("\r\n")) == std::string::npos) {
        if (!fill()) return reply.complete = false, reply;
      }
      std::size_t size = 0;
      std::from_chars(buffered_.data(), buffered_.data() + end, size, 16);
      while (buffered_.size() < end + 2 + size + 2) {
        if (!fill()) return reply.complete = false, reply;
      }
      reply.body += buffered_.substr(end + 2, size);
      buffered_.erase(0, end + 2 + size + 2);
      if (size == 0) return reply;
    }
  }
  const std::string length = reply.header("content-length");
  std::size_t size = 0;
  std::from_chars(length.data(), length.data() + length.size(), size);
  while (buffered_.size() < size) {
    if (!fill()) {
      reply.complete = false;
      size = buffered_.size();
    }
  }
  reply.body = buffered_.substr(0, size);
  buffered_.erase(0, size);
  return reply;
}

Reply fetch(std::uint16_t port, const std::string& target, const Fields& fields,
            const std::string& method) {
  std::string request = method + " " + target + " HTTP/1.1\r\n";
  bool has_host = false;
  for (const auto& [name, value] : fields) {
    request += name;
    request += ": ";
    request += value;
    request += "\r\n";
    has_host = has_host || name == "Host";
  }
  if (!has_host) request += "Host: localhost\r\n";
  RawClient client(port);
  client.send(request + "\r\n");
  return client.read_reply(method == "HEAD");
}

}  // namespace millrace::gateway
