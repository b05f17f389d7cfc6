// SPDX-License-Identifier: Apache-2.0
#include "gateway/asio_loop.h"

#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace millrace::gateway {
namespace {

namespace asio = net::asio;
using boost::system::error_code;
using ratelimit::EventLoop;

// Handlers own the state, so that it is there however late one of them runs; what they would call
// is gone by then.
class AsioWatcher final : public EventLoop::SocketWatcher {
 public:
  AsioWatcher(asio::io_context& io, int socket, EventLoop::SocketEvents& events)
      : state_(std::make_shared<State>(io, socket, events)) {}
  ~AsioWatcher() override {
    state_->events = nullptr;
    state_->socket.release();  // ends the waits, and leaves the socket to its owner
  }
  void want_read(bool wanted) override {
    state_->read.wanted = wanted;
    wait(state_, state_->read, State::Socket::wait_read, &EventLoop::SocketEvents::readable);
  }
  void want_write(bool wanted) override {
    state_->write.wanted = wanted;
    wait(state_, state_->write, State::Socket::wait_write, &EventLoop::SocketEvents::writable);
  }

 private:
  struct Direction {
    bool wanted = false;
    bool waiting = false;
  };
  struct State {
    using Socket = asio::posix::stream_descriptor;
    State(asio::io_context& io, int fd, EventLoop::SocketEvents& e) : socket(io, fd), events(&e) {}
    Socket socket;
    EventLoop::SocketEvents* events;
    Direction read;
    Direction write;
  };

  static void wait(const std::shared_ptr<State>& state, Direction& direction,
                   State::Socket::wait_type type, void (EventLoop::SocketEvents::*ready)()) {
    if (!direction.wanted || direction.waiting || state->events == nullptr) return;
    direction.waiting = true;
    state->socket.async_wait(type, [state, &direction, type, ready](const error_code& problem) {
      direction.waiting = false;
      if (problem || state->events == nullptr) return;
      if (direction.wanted) (state->events->*ready)();
      wait(state, direction, type, ready);
    });
  }

  std::shared_ptr<State> state_;
};

class AsioTimer final : public EventLoop::Timer {
 public:
  AsioTimer(asio::io_context& io, std::function<void()> expired)
      : timer_(io), expired_(std::make_shared<std::function<void()>>(std::move(expired))) {}
  void expire_at(base::TimePoint at) override {
    timer_.expires_at(at);
    timer_.async_wait([expired = std::weak_ptr(expired_)](const error_code& problem) {
      const auto call = expired.lock();
      if (!problem && call) (*call)();
    });
  }

 private:
  asio::steady_timer timer_;
  std::shared_ptr<std::function<void()>> expired_;
};

}  // namespace

std::unique_ptr<EventLoop::SocketWatcher> AsioLoop::watch(int socket, SocketEvents& events) {
  return std::make_unique<AsioWatcher>(io_, socket, events);
}

std::unique_ptr<EventLoop::Timer> AsioLoop::timer(std::function<void()> expired) {
  return std::make_unique<AsioTimer>(io_, std::move(expired));
}

void AsioLoop::look_up(const std::string& host, Found found) {
  using Resolver = asio::ip::tcp::resolver;
  const auto resolver = std::make_shared<Resolver>(io_);
  resolver->async_resolve(host, "",
                          [resolver, found = std::move(found)](
                              const error_code& problem, const Resolver::results_type& addresses) {
                            if (problem) return found("", problem.message());
                            found(addresses.begin()->endpoint().address().to_string(), "");
                          });
}

}  // namespace millrace::gateway
