// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "net/asio.h"
// after asio.h
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace millrace::net {

// Where one coroutine sleeps until another on the same thread wakes it. A wake-up without a sleeper
// is not remembered: check the condition, then wait, with no suspension between.
class WakeUp {
 public:
  Awaitable<void> wait() {
    return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [this](auto handler) {
          sleeper_ = std::make_unique<SleeperOf<decltype(handler)>>(std::move(handler));
        },
        asio::use_awaitable);
  }
  // The sleeper resumes from the io_context, never inside this call.
  void notify() {
    if (auto sleeper = std::exchange(sleeper_, nullptr)) sleeper->wake();
  }
  [[nodiscard]] bool waiting() const { return sleeper_ != nullptr; }

 private:
  struct Sleeper {
    virtual ~Sleeper() = default;
    virtual void wake() = 0;
  };
  template <class Handler>
  struct SleeperOf final : Sleeper {
    explicit SleeperOf(Handler h) : handler(std::move(h)) {}
    void wake() override { asio::post(std::move(handler)); }
    Handler handler;
  };

  std::unique_ptr<Sleeper> sleeper_;
};

}  // namespace millrace::net
