// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/origins.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace millrace::bench {
namespace {

constexpr std::size_t kHeadBytesMax = 16 << 10;

// "If-None-Match" of a request's head; empty without.
std::string field_of(const std::string& head, const std::string& name) {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

bool send_all(int fd, const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t now = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) return false;
    sent += static_cast<std::size_t>(now);
  }
  return true;
}

}  // namespace

Origin::Origin(std::filesystem::path folder, std::string state, Milliseconds delay)
    : folder_(std::move(folder)), delay_(delay), state_(std::move(state)) {}

Origin::~Origin() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const Connection& connection : connections_) ::shutdown(connection.fd.get(), SHUT_RDWR);
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    ::eventfd_write(wake_.get(), 1);
    thread_.join();
  }
  reap(true);
}

base::Result<void> Origin::start() {
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (auto opened = listen(); !opened) return opened;
  if (state() == "refuse") listener_.reset();
  thread_ = std::thread([this] { accept_connections(); });
  return {};
}

base::Result<void> Origin::listen() {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, size) != 0 || ::listen(fd.get(), 256) != 0 ||
      ::getsockname(fd.get(), generic, &size) != 0) {
    return base::fail(base::Reason::Internal, "an origin's port",
                      std::generic_category().message(errno));
  }
  port_ = ntohs(address.sin_port);
  listener_ = std::move(fd);
  return {};
}

std::string Origin::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Origin::become(const std::string& state) {
  {
    const std::lock_guard lock(mutex_);
    state_ = state;
    if (state == "refuse") {
      for (const Connection& connection : connections_) ::shutdown(connection.fd.get(), SHUT_RDWR);
    }
  }
  changed_.notify_all();
  ::eventfd_write(wake_.get(), 1);
}

void Origin::accept_connections() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      if (state_ == "refuse") listener_.reset();
      if (state_ != "refuse" && !listener_) (void)listen();  // the port was its own a moment ago
    }
    std::array<pollfd, 2> waits{pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = listener_.get(), .events = POLLIN, .revents = 0}};
    ::poll(waits.data(), waits.size(), 1'000);
    eventfd_t ignored = 0;
    ::eventfd_read(wake_.get(), &ignored);
    reap(false);
    if (!listener_) continue;
    base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) continue;
    const std::lock_guard lock(mutex_);
    Connection& connection = connections_.emplace_back();
    connection.fd = std::move(fd);
    connection.thread = std::thread([this, &connection] { serve(connection); });
  }
}

void Origin::reap(bool all) {
  std::list<Connection> ended;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = connections_.begin(); at != connections_.end();) {
      const auto next = std::next(at);
      if (all || at->ended) ended.splice(ended.end(), connections_, at);
      at = next;
    }
  }
  for (Connection& connection : ended) connection.thread.join();
}

void Origin::serve(Connection& connection) {
  const int fd = connection.fd.get();
  std::string head;
  std::array<char, 4'096> buffer{};
  while (head.size() < kHeadBytesMax) {
    const std::size_t end = head.find("\r\n\r\n");
    if (end == std::string::npos) {
      const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      head.append(buffer.data(), static_cast<std::size_t>(got));
      continue;
    }
    if (!answer(fd, head.substr(0, end + 2))) break;
    head.erase(0, end + 4);
  }
  ::shutdown(fd, SHUT_RDWR);
  const std::lock_guard lock(mutex_);
  connection.ended = true;
}

bool Origin::answer(int fd, const std::string& head) {
  std::string now;
  {
    std::unique_lock lock(mutex_);
    const auto lets_go = [this] { return stopping_ || state_ == "refuse"; };
    changed_.wait(lock, [&] { return state_ != "hang" || stopping_; });
    if (state_ == "slow") changed_.wait_for(lock, delay_, lets_go);
    if (lets_go()) return false;
    now = state_;
  }
  if (now == "error") {
    return send_all(fd, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
  }
  const std::size_t begin = head.find(' ') + 1;
  const std::string path = head.substr(begin, head.find_first_of(" ?", begin) - begin);
  std::ifstream file(folder_ / path.substr(path.find_first_not_of('/')), std::ios::binary);
  if (path.find("..") != std::string::npos || !file) {
    return send_all(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  }
  const std::string body{std::istreambuf_iterator<char>(file), {}};
  const std::string etag = fmt::format("\"{}-{}\"", path.size(), body.size());
  if (field_of(head, "If-None-Match") == etag) {
    return send_all(fd, "HTTP/1.1 304 Not Modified\r\nETag: " + etag + "\r\n\r\n");
  }
  std::string answer = fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nETag: {}\r\nContent-Length: {}\r\n\r\n", etag,
      body.size());
  if (!head.starts_with("HEAD ")) answer += body;
  return send_all(fd, answer);
}

}  // namespace millrace::bench
