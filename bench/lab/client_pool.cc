// SPDX-License-Identifier: Apache-2.0
//
// Edge-triggered: one epoll_ctl for a connection's whole life. A short read means that the socket
// is empty, and whatever comes later is a new edge; the end of the stream is announced by
// EPOLLRDHUP, so a short read together with it is followed by another read.
#include "bench/lab/client_pool.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace millrace::bench {
namespace {

constexpr std::size_t kBufferBytes = 64 << 10;
constexpr int kEventsMax = 256;

}  // namespace

struct ClientPool::Connection {
  base::UniqueFd fd;
  std::size_t index = 0;  // in connections_
  bool connected = false;
  bool busy = false;
  bool reused = false;  // has had an answer before: the server may close it meanwhile
  bool peer_closed = false;
  std::size_t written = 0;
  ClientRequest request;
  AnswerReader reader;
};

ClientPool::ClientPool(const sockaddr_in& server, std::size_t connections_max, Done done)
    : server_(server),
      connections_max_(connections_max),
      done_(std::move(done)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(kBufferBytes) {}

ClientPool::~ClientPool() = default;

void ClientPool::submit(ClientRequest request) {
  ++outstanding_;
  if (!idle_.empty()) {
    Connection& connection = *idle_.back();
    idle_.pop_back();
    connection.request = std::move(request);
    send_on(connection);
  } else if (connections_.size() < connections_max_) {
    open_for(std::move(request));
  } else {
    ++waited_for_connection;
    waiting_.push_back(std::move(request));
  }
}

void ClientPool::open_for(ClientRequest request) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    const bool own_want = errno == EMFILE || errno == ENFILE;
    return finish(request, {.reason = own_want ? "no_descriptor" : "connect_failed"});
  }
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto owned = std::make_unique<Connection>();
  Connection& connection = *owned;
  connection.index = connections_.size();
  connection.request = std::move(request);
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {}};
  event.data.ptr = &connection;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event);
  connection.fd = std::move(fd);
  connections_.push_back(std::move(owned));
  ++connections_opened;
  connections_max_seen = std::max<std::uint64_t>(connections_max_seen, connections_.size());
  connection.busy = true;
  const auto* address = reinterpret_cast<const sockaddr*>(&server_);
  if (::connect(connection.fd.get(), address, sizeof server_) == 0) {
    connection.connected = true;
    send_on(connection);
  } else if (errno != EINPROGRESS) {
    fail(connection, "connect_failed");
  }
}

void ClientPool::send_on(Connection& connection) {
  connection.busy = true;
  connection.written = 0;
  connection.reader.start(connection.request.is_head);
  write_some(connection);
}

void ClientPool::write_some(Connection& connection) {
  const std::string& text = connection.request.text;
  while (connection.written < text.size()) {
    const ssize_t sent = ::send(connection.fd.get(), text.data() + connection.written,
                                text.size() - connection.written, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) fail(connection, "reset");
      return;
    }
    connection.written += static_cast<std::size_t>(sent);
  }
}

void ClientPool::read_some(Connection& connection) {
  while (true) {
    // A picture's bytes are counted, not looked at: MSG_TRUNC drops them in the kernel.
    const std::uint64_t droppable = connection.busy ? connection.reader.droppable() : 0;
    const bool drop = droppable >= kBufferBytes;
    const std::size_t room =
        drop ? static_cast<std::size_t>(std::min<std::uint64_t>(droppable, 1 << 20))
             : buffer_.size();
    const ssize_t got =
        ::recv(connection.fd.get(), drop ? nullptr : buffer_.data(), room, drop ? MSG_TRUNC : 0);
    if (got < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      return connection.busy ? fail(connection, "reset") : retire(connection);
    }
    if (!connection.busy) return retire(connection);  // closed, or talks out of turn
    if (got == 0) {
      connection.reader.end_of_stream();
      if (connection.reader.state() == AnswerReader::State::Done) return complete(connection);
      return fail(connection, "reset");
    }
    const auto bytes = static_cast<std::size_t>(got);
    if (drop) {
      connection.reader.dropped(bytes);
    } else if (connection.reader.feed({buffer_.data(), bytes}) < bytes &&
               connection.reader.state() == AnswerReader::State::Done) {
      connection.peer_closed = true;  // bytes after the answer: out of step, not used again
    }
    if (connection.reader.state() == AnswerReader::State::Done) return complete(connection);
    if (connection.reader.state() == AnswerReader::State::Broken) {
      return fail(connection, "broken_answer");
    }
    if (bytes < room && !connection.peer_closed) return;
  }
}

void ClientPool::complete(Connection& connection) {
  const auto now = std::chrono::steady_clock::now();
  const auto latency = now - connection.request.intended;
  const AnswerReader& reader = connection.reader;
  const std::string reason(reader.reason());
  const Outcome outcome{
      .status = reader.status(),
      .reason = reason,
      .latency_us = std::chrono::duration_cast<std::chrono::microseconds>(latency).count(),
      .late = latency > connection.request.deadline,
      .asks_to_wait = reader.has_retry_after(),
      .body_bytes = reader.body_bytes()};
  const ClientRequest request = std::move(connection.request);
  connection.busy = false;
  if (reader.keeps_alive() && !connection.peer_closed) {
    connection.reused = true;
    idle_.push_back(&connection);
  } else {
    retire(connection);
  }
  finish(request, outcome);
  serve_waiting();
}

// The server may close a kept-alive connection while a request is on the way to it. Nothing came
// back, so the request goes out again on a new connection, as browsers do (RFC 9110 section 9.2.2).
void ClientPool::fail(Connection& connection, std::string_view reason) {
  ClientRequest request = std::move(connection.request);
  const bool again = connection.reused && !connection.reader.has_begun() && reason == "reset";
  connection.busy = false;
  retire(connection);
  if (again) return open_for(std::move(request));
  finish(request, {.reason = reason});
  serve_waiting();
}

void ClientPool::retire(Connection& connection) {
  std::erase(idle_, &connection);
  connection.fd.reset();
  const std::size_t index = connection.index;
  std::unique_ptr<Connection> owned = std::move(connections_[index]);
  if (index + 1 < connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index = index;
  }
  connections_.pop_back();
  retired_.push_back(std::move(owned));
}

void ClientPool::serve_waiting() {
  while (!waiting_.empty() && (!idle_.empty() || connections_.size() < connections_max_)) {
    ClientRequest request = std::move(waiting_.front());
    waiting_.pop_front();
    if (idle_.empty()) {
      open_for(std::move(request));
      continue;
    }
    Connection& connection = *idle_.back();
    idle_.pop_back();
    connection.request = std::move(request);
    send_on(connection);
  }
}

void ClientPool::finish(const ClientRequest& request, Outcome outcome) {
  --outstanding_;
  done_(request, outcome);
}

void ClientPool::poll(SteadyTime until) {
  std::array<epoll_event, kEventsMax> events{};
  const auto wait = std::max(until - std::chrono::steady_clock::now(),
                             std::chrono::steady_clock::duration::zero());
  const auto wait_s = std::chrono::duration_cast<std::chrono::seconds>(wait);
  const timespec timeout{
      .tv_sec = wait_s.count(),
      .tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(wait - wait_s).count()};
  const int count = ::epoll_pwait2(epoll_.get(), events.data(), kEventsMax, &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    auto& connection = *static_cast<Connection*>(event.data.ptr);
    if (!connection.fd) continue;  // ended by an event before this one
    if ((event.events & (EPOLLRDHUP | EPOLLHUP)) != 0) connection.peer_closed = true;
    if (!connection.connected) {
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(connection.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) {
        fail(connection, "connect_failed");
        continue;
      }
      if ((event.events & EPOLLOUT) == 0) continue;
      connection.connected = true;
      send_on(connection);
    } else if ((event.events & EPOLLOUT) != 0 && connection.busy) {
      write_some(connection);
    }
    const std::uint32_t readable = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if (connection.fd && (event.events & readable) != 0) read_some(connection);
  }
  retired_.clear();
}

void ClientPool::abandon_all() {
  std::deque<ClientRequest> given_up = std::move(waiting_);
  waiting_.clear();
  for (std::size_t i = connections_.size(); i-- > 0;) {
    Connection& connection = *connections_[i];
    if (!connection.busy) continue;
    given_up.push_back(std::move(connection.request));
    connection.busy = false;
    retire(connection);
  }
  for (const ClientRequest& request : given_up) finish(request, {.reason = "unanswered"});
  retired_.clear();
}

}  // namespace millrace::bench
