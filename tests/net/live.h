// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/io_pool.h"
#include "net/raw_socket.h"
// after asio.h
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

// What the tests of net share: a server or client on a thread of its own, and a blocking peer at
// the other end that sends exactly the bytes that a test wants.
namespace millrace::net::testing {

// "It happens": long enough for an overloaded machine, and a failure when it is spent.
constexpr std::chrono::seconds kPatience{30};

// For clients whose slowness is the point: time passes, and nothing is awaited.
inline void let_pass(std::chrono::milliseconds span) {
  const auto until = std::chrono::steady_clock::now() + span;
  const auto passed = [until] { return std::chrono::steady_clock::now() >= until; };
  while (!passed()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

class IoThread {
 public:
  IoThread() { pool_.start(); }
  asio::io_context& io() { return pool_.io(0); }

  // Runs `call` on the io thread and waits for its result.
  template <class Call>
  auto on_io(Call call) {
    using Outcome = std::invoke_result_t<Call>;
    std::packaged_task<Outcome()> task(std::move(call));
    auto done = task.get_future();
    asio::post(io(), [&task] { task(); });
    return done.get();
  }

  // Runs a coroutine to its end and gives what it returned.
  template <class T>
  T await(Awaitable<T> coroutine) {
    auto promise = std::make_shared<std::promise<T>>();
    auto future = promise->get_future();
    asio::co_spawn(
        io(),
        [](Awaitable<T> inner, std::shared_ptr<std::promise<T>> into) -> Awaitable<void> {
          T value = co_await std::move(inner);
          into->set_value(std::move(value));
        }(std::move(coroutine), promise),
        asio::detached);
    return future.get();
  }

  void stop() { pool_.stop(); }

 private:
  IoPool pool_{1};
};

class LiveServer {
 public:
  LiveServer(HttpServer::Options options, HttpHandler handler,
             const std::string& listen = "127.0.0.1:0") {
    server_ = std::make_unique<HttpServer>(thread_.io(), std::move(options), std::move(handler));
    thread_.on_io([&] {
      const auto listening = server_->listen(*parse_endpoint(listen));
      EXPECT_TRUE(listening.has_value());
      endpoint_ = server_->local_endpoint();
    });
  }
  ~LiveServer() {
    thread_.on_io([this] { server_.reset(); });
    thread_.stop();
  }
  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  HttpServer& server() { return *server_; }
  IoThread& thread() { return thread_; }
  HttpServer::Counts counts() {
    return thread_.on_io([this] { return server_->counts(); });
  }
  // Waits until `condition` holds on the server's counts.
  bool wait_for(const std::function<bool(const HttpServer::Counts&)>& condition) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!condition(counts())) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

 private:
  IoThread thread_;
  std::unique_ptr<HttpServer> server_;
  Endpoint endpoint_;
};

// A path for a unix socket, in a folder of its own that goes with it.
class SocketPath {
 public:
  SocketPath() {
    std::string pattern = std::filesystem::temp_directory_path() / "millrace-net-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~SocketPath() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  SocketPath(const SocketPath&) = delete;
  SocketPath& operator=(const SocketPath&) = delete;
  [[nodiscard]] std::string text() const { return folder_ + "/socket"; }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

struct RawAnswer {
  int status = 0;
  std::string head;
  std::string body;
  [[nodiscard]] bool has(std::string_view text) const {
    return head.find(text) != std::string::npos;
  }
};

// A blocking socket.
class Peer {
 public:
  explicit Peer(base::UniqueFd fd) : fd_(std::move(fd)) { set_patience(); }
  explicit Peer(const Endpoint& endpoint) {
    const SocketAddress address = endpoint.is_unix()
                                      ? address_of_path(endpoint.unix_path)
                                      : address_of_literal(endpoint.host, endpoint.port);
    fd_.reset(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    connected_ = ::connect(fd_.get(), address.get(), address.length) == 0;
    set_patience();
  }

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  // Until the peer closes. nullopt when it resets, or nothing comes for kPatience.
  std::optional<std::string> read_to_end() {
    while (read_more() > 0) {
    }
    if (last_read_ < 0) return std::nullopt;
    return std::exchange(unread_, {});
  }
  // True when the peer closes (or resets) with nothing further sent.
  bool closed_by_peer() { return unread_.empty() && read_more() <= 0 && !timed_out_; }

  std::string read_until(std::string_view mark) {
    std::size_t found = 0;
    while ((found = unread_.find(mark)) == std::string::npos) {
      if (read_more() <= 0) return std::exchange(unread_, {});
    }
    return take(found + mark.size());
  }
  std::string read_exactly(std::size_t size) {
    while (unread_.size() < size) {
      if (read_more() <= 0) return std::exchange(unread_, {});
    }
    return take(size);
  }
  // One answer, with its body by Content-Length or chunks; `bodyless` after HEAD.
  RawAnswer read_answer(bool bodyless = false) {
    RawAnswer answer;
    answer.head = read_until("\r\n\r\n");
    if (answer.head.size() < 12) return answer;
    answer.status = std::atoi(answer.head.c_str() + 9);
    if (bodyless || answer.status == 304 || answer.status == 204 || answer.status == 100) {
      return answer;
    }
    if (answer.has("Transfer-Encoding: chunked")) {
      for (;;) {
        const std::string line = read_until("\r\n");
        const auto size = static_cast<std::size_t>(std::strtoull(line.c_str(), nullptr, 16));
        if (line.empty()) break;
        answer.body += read_exactly(size);
        read_exactly(2);
        if (size == 0) break;
      }
    } else if (const auto at = answer.head.find("Content-Length: "); at != std::string::npos) {
      answer.body = read_exactly(
          static_cast<std::size_t>(std::strtoull(answer.head.c_str() + at + 16, nullptr, 10)));
    } else {
      answer.body = read_to_end().value_or("reset");
    }
    return answer;
  }

 private:
  void set_patience() {
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  }
  ssize_t read_more() {
    char bytes[16384];
    last_read_ = ::recv(fd_.get(), bytes, sizeof(bytes), 0);
    timed_out_ = last_read_ < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (last_read_ > 0) unread_.append(bytes, static_cast<std::size_t>(last_read_));
    return last_read_;
  }
  std::string take(std::size_t size) {
    std::string taken = unread_.substr(0, size);
    unread_.erase(0, size);
    return taken;
  }

  base::UniqueFd fd_;
  std::string unread_;
  ssize_t last_read_ = 0;
  bool timed_out_ = false;
  bool connected_ = true;
};

// A server that does exactly what `script` says, in a thread of its own.
class Scripted {
 public:
  explicit Scripted(std::function<void(Scripted&)> script) {
    listener_ = std::move(*listen_on(*parse_endpoint("127.0.0.1:0"), false, 16));
    endpoint_ = local_endpoint_of(listener_.get());
    thread_ = std::thread([this, script = std::move(script)] { script(*this); });
  }
  ~Scripted() { thread_.join(); }
  Scripted(const Scripted&) = delete;
  Scripted& operator=(const Scripted&) = delete;

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  Peer accept() {
    pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count()));
    return Peer(base::UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }
  // Nobody has come who was not accepted.
  [[nodiscard]] bool quiet() const {
    pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, 0) == 0;
  }

 private:
  base::UniqueFd listener_;
  Endpoint endpoint_;
  std::thread thread_;
};

inline Awaitable<void> answer_with(HttpExchange& exchange, std::string body) {
  HttpHead head;
  head.headers.add("Content-Type", "text/plain");
  [[maybe_unused]] const auto sent = co_await exchange.respond(std::move(head), body);
}

}  // namespace millrace::net::testing
