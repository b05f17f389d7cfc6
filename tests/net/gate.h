// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <future>

#include "net/wake_up.h"
#include "tests/net/live.h"

namespace millrace::net::testing {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

inline HttpHandler ok() {
  return [](HttpExchange& exchange) -> Awaitable<void> { co_await answer_with(exchange, "ok"); };
}

// A handler that waits until the test opens it.
class Held {
 public:
  HttpHandler handler() {
    return [this](HttpExchange& exchange) -> Awaitable<void> {
      exchange.on_client_gone([this] { gone_.set_value(); });
      while (!open_) co_await wake_up_.wait();
      co_await answer_with(exchange, "held");
    };
  }
  void open(LiveServer& live) {
    live.thread().on_io([this] {
      open_ = true;
      wake_up_.notify();
    });
  }
  bool client_gone() { return gone_.get_future().wait_for(kPatience) == std::future_status::ready; }

 private:
  bool open_ = false;  // on the io thread
  WakeUp wake_up_;
  std::promise<void> gone_;
};

class Gate final : public RequestGate {
 public:
  explicit Gate(int permits) : left_(permits) {}
  [[nodiscard]] bool has_room() const override { return left_ > 0; }
  [[nodiscard]] bool try_acquire() override {
    int left = left_;
    while (left > 0 && !left_.compare_exchange_weak(left, left - 1)) {
    }
    return left > 0;
  }
  void release() override { ++left_; }
  [[nodiscard]] int left() const { return left_; }

 private:
  std::atomic<int> left_;
};

}  // namespace millrace::net::testing
