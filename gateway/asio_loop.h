// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/asio.h"
#include "ratelimit/event_loop.h"

namespace millrace::gateway {

// The event loop of ratelimit's stores over the io_context of one thread, which outlives it.
class AsioLoop final : public ratelimit::EventLoop {
 public:
  explicit AsioLoop(net::asio::io_context& io) : io_(io) {}
  base::TimePoint now() override { return base::Clock::now(); }
  std::unique_ptr<SocketWatcher> watch(int socket, SocketEvents& events) override;
  std::unique_ptr<Timer> timer(std::function<void()> expired) override;
  void look_up(const std::string& host, Found found) override;

 private:
  net::asio::io_context& io_;
};

}  // namespace millrace::gateway
